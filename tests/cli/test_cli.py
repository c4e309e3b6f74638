"""The program as its users meet it: exit codes, lines, files."""

import json
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from tumorscope.cli import main
from tumorscope.datasets.phantom import make_phantom, plausible_lesion, write_lgg_folder, write_nifti

HIDING = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {hidden!r}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Hidden())
from tumorscope.cli import main
main()
"""
TRAINING = ("torch", "monai", "lightning", "sklearn", "matplotlib")
HEAVY = (*TRAINING, "onnx")  # which divides the network of a volume, and is not needed before


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run a command in an empty folder; exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["tumorscope", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture(scope="module")
def phantom():
    return make_phantom([plausible_lesion(0)], shape=(12, 128, 128))


def test_help_names_every_command_and_the_notice(run):
    code, out, _ = run("--help")
    assert code == 0
    for name in ("analyze", "evaluate", "demo", "bundles", "doctor", "train", "export", "datasets"):
        assert name in out
    assert "Research use only" in out


def test_help_needs_none_of_the_heavy_libraries():
    """What makes `tumorscope --help` quick, without measuring time."""
    program = "import sys; import tumorscope.cli; print([name for name in sys.argv[1:] if name in sys.modules])"
    also = ("numpy", "scipy", "onnxruntime", "nibabel", "pydicom", "jinja2", "PIL", "rich.progress")
    out = subprocess.run([sys.executable, "-c", program, *HEAVY, *also], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_a_start_imports_nothing_that_not_every_scan_needs():
    """What makes a single image quick, without measuring time."""
    modules = "tumorscope.cli.running, tumorscope.measurement.radiomics_classifier"
    program = f"import sys, {modules}; print([name for name in sys.argv[1:] if name in sys.modules])"
    late = (
        "scipy.signal",
        "scipy.stats",
        "scipy.spatial",
        "skimage",
        "highdicom",
        "pydicom",
        "nibabel",
        "h5py",
        "jinja2",
    )
    out = subprocess.run([sys.executable, "-c", program, *HEAVY, *late], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_one_image_is_analyzed_without_what_its_libraries_would_import(tmp_path, phantom):
    """And without the other commands, by the names that Python lists as it imports."""
    image = tmp_path / "flair.png"
    Image.fromarray(phantom.scan.voxels[6, ..., 0].astype(np.uint8)).save(image)
    arguments = ["analyze", str(image), "--bundle", "lgg", "-o", str(tmp_path / "out")]
    command = [sys.executable, "-X", "importtime", "-m", "tumorscope", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "|" in line}
    assert {"tumorscope.cli.running", "scipy.ndimage._filters"} <= imported
    assert not imported & {"numpy.f2py.f2py2e", "numpy.testing._private.utils", "scipy.special._ufuncs"}
    assert not imported & {"tumorscope.cli.train", "tumorscope.cli.serve", "highdicom", "scipy.spatial"}


def test_the_program_imports_openvino_without_its_converter():
    pytest.importorskip("openvino")
    program = (
        "import contextlib, sys; from tumorscope.cli import main; sys.argv = ['tumorscope', 'bundles']\n"
        "with contextlib.suppress(SystemExit): main()\n"
        "import openvino; print('ovc', sorted(name for name in sys.modules if name.startswith('openvino.tools.ovc.')))"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert out.stdout.splitlines()[-1] == "ovc []"


def test_analyzing_needs_no_pytorch(tmp_path, phantom):
    """With PyTorch and its relatives hidden, a whole case still goes through."""
    files = write_nifti(phantom, tmp_path)
    program = HIDING.format(hidden=TRAINING)
    arguments = ["analyze", str(files["flair"]), "-o", str(tmp_path / "out")]
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out").glob("*/analysis.json"))) == 1


def test_the_demo_finds_and_segments_the_phantoms_tumor(run, tmp_path):
    code, out, err = run("demo", "-o", tmp_path / "demo")
    assert code == 0, err
    folder = tmp_path / "demo" / "phantom"
    document = json.loads((folder / "analysis.json").read_text())
    assert document["tumor_present"]
    truth = nib.load(tmp_path / "demo" / "input" / "phantom" / "mask.nii.gz")
    found = nib.load(folder / "mask.nii.gz")
    assert found.shape == truth.shape
    np.testing.assert_allclose(found.affine, truth.affine, atol=1e-4)
    one, other = np.asarray(found.dataobj) > 0, np.asarray(truth.dataobj) > 0
    assert 2 * (one & other).sum() / (one.sum() + other.sum()) > 0.8
    for name in ("report.html", "report.pdf", "panel.png", "mask.nii.gz", "analysis.json"):
        assert name in out
        assert (folder / name).stat().st_size > 500
    assert "Research use only" in out


def test_an_lgg_folder_is_compared_with_its_masks(run, tmp_path, phantom):
    folder = write_lgg_folder(phantom, tmp_path / "kaggle_3m", case="TCGA_XX_0001_20000101")
    code, out, err = run("analyze", folder, "-o", "out")
    assert code == 0, err
    assert "Dice" in out
    document = json.loads((tmp_path / "out" / "TCGA_XX_0001_20000101" / "analysis.json").read_text())
    assert len(document["slices"]) == 12
    assert document["volume_mm3"] is None


def test_one_bad_case_never_stops_the_others_and_the_table_names_it(run, tmp_path, phantom):
    write_lgg_folder(phantom, tmp_path / "cases", case="TCGA_XX_0001_20000101")
    (tmp_path / "cases" / "broken").mkdir()
    (tmp_path / "cases" / "broken" / "scan.nii.gz").write_bytes(b"\x1f\x8bjunk")
    write_lgg_folder(phantom, tmp_path / "cases", case="TCGA_XX_0002_20000101")
    code, out, err = run("analyze", tmp_path / "cases", "-o", "out")
    assert code == 2
    assert "failed" in out
    assert "broken" in out
    assert "1 of 3 cases failed" in err
    assert "Traceback" not in err
    written = sorted(path.parent.name for path in (tmp_path / "out").glob("*/analysis.json"))
    assert written == ["TCGA_XX_0001_20000101", "TCGA_XX_0002_20000101"]


def test_two_files_of_one_name_do_not_share_a_folder(run, tmp_path, phantom):
    for place in ("a", "b"):
        write_nifti(phantom, tmp_path / place)
    code, _, err = run("analyze", tmp_path / "a" / "flair.nii.gz", tmp_path / "b" / "flair.nii.gz", "-o", "out")
    assert code == 0, err
    assert len(list((tmp_path / "out").glob("*/analysis.json"))) == 2


def test_sequences_from_several_files_make_one_scan(run, tmp_path, phantom):
    files = write_nifti(phantom, tmp_path / "scan")
    named = [part for name in ("t1", "flair", "t1c") for part in ("--sequence", f"{name}={files[name]}")]
    code, _, err = run("analyze", *named, "--truth", files["mask"], "-o", "out")
    assert code == 0, err
    document = json.loads(next((tmp_path / "out").glob("*/analysis.json")).read_text())
    assert sorted(document["geometry"]["sequences"]) == ["flair", "t1", "t1c"]
    assert not any("missing" in warning["text"] for warning in document["warnings"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["analyze"], "give at least one PATH"),
        (["analyze", "nothing.png"], "no such file"),
        (["analyze", "x.png", "--sequence", "flair=y.nii"], "x.png: no such file"),
        (["analyze", "--sequence", "flair"], "write NAME=FILE"),
        (["analyze", "--sequence", "flair=a.nii", "--sequence", "flair=b.nii"], "given twice"),
        (["analyze", "--sequence", "flare=a.nii"], "flair"),
        (["analyze", "x.png", "y.png", "--truth", "m.png"], "applies to one case"),
        (["analyze", "x.png", "--bundle", "lgh"], "did you mean 'lgg'"),
        (["analyze", "x.png", "--engine", "tensorrt"], "tensorrt"),
        (["bundles", "nope"], "no bundle"),
        (["evaluate", "lgg", "nowhere"], "no such folder"),
        (["datasets", "summary", "lgg", "nowhere"], "no such folder"),
        (["datasets", "preview", "lgg", "."], "kaggle_3m"),
        (["train", "lgg-compakt", "--data", ".", "-o", "run"], "did you mean 'lgg-compact'"),
        (["train", "lgg-compact", "--data", "nowhere", "-o", "run"], "no such folder"),
        (["train", "lgg-compact", "--data", ".", "-o", "run"], "these are understood: nnunet: dataset.json"),
        (["train", "lgg-compact", "--data", ".", "-o", "run", "--split", "75/0"], "two positive percentages"),
        (["train", "lgg-compact", "--data", ".", "-o", "run", "--labels", "1=tumor"], "are for your own data"),
        (["export", "nowhere", "--data", ".", "-o", "bundle"], "not the folder of a training"),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_a_wrong_call_is_one_clear_line_and_exit_code_2(run, tmp_path, arguments, message):
    code, _, err = run(*arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in err
    assert [path.name for path in tmp_path.iterdir() if path.name != "out"] == []


def test_an_output_that_cannot_be_made_is_one_clear_line(run, tmp_path, phantom):
    files = write_nifti(phantom, tmp_path / "scan")
    (tmp_path / "file").write_text("in the way")
    code, _, err = run("analyze", files["flair"], "-o", tmp_path / "file")
    assert code == 2
    assert "file" in err
    assert "Traceback" not in err
    assert (tmp_path / "file").read_text() == "in the way"


def test_bundles_are_listed_and_shown(run):
    code, out, _ = run("bundles")
    assert code == 0
    assert "lgg" in out
    code, out, _ = run("bundles", "lgg")
    assert json.loads(out)["schema"] == "tumorscope.card/3"


def test_the_doctor_runs_every_model_of_every_bundle(run):
    code, out, err = run("doctor")
    assert code == 0, err
    assert "onnxruntime, int8" in out
    assert "All is well" in out


def test_location_without_its_extra_is_one_line_before_anything_is_read(run, monkeypatch):
    monkeypatch.setattr("tumorscope.preprocessing.template.find_spec", lambda name: None)
    code, _, error = run("analyze", "missing.nii.gz", "--location")
    assert code == 2
    assert error.strip().endswith("install what it needs with `pip install 'tumorscope[location]'`")
    assert len(error.strip().splitlines()) == 1


def test_an_extra_of_which_another_brought_a_part_is_not_called_complete():
    from tumorscope.cli.doctor import extra_state

    state = extra_state("location", ("numpy", "not-a-package"))
    assert state.startswith("numpy ")
    assert state.endswith("; without not-a-package (pip install 'tumorscope[location]')")
    assert extra_state("fast", ("not-a-package",)) == "not installed (pip install 'tumorscope[fast]')"
    assert "without" not in extra_state("formats", ("numpy",))


def test_the_doctor_names_the_extra_that_brings_what_is_missing(run, monkeypatch):
    monkeypatch.setattr("tumorscope.cli.doctor.EXTRAS", {"fast": ("not-a-package",)})
    monkeypatch.setattr("tumorscope.inference.bundles.shipped_bundles", tuple)
    assert "pip install 'tumorscope[fast]'" in run("doctor")[1]


def test_the_version_is_printed(run):
    from tumorscope import __version__

    assert run("--version")[1].strip() == f"tumorscope {__version__}"
