import json
import sys

import pytest
from datasets.miniature import write_br35h, write_brats, write_brisc, write_masks
from making import write_miniature_classes, write_miniature_figshare, write_miniature_lgg
from PIL import Image

from tumorscope.cli import datasets, main
from tumorscope.datasets.download import KaggleDownload
from tumorscope.datasets.registry import DATASET_NAMES, dataset_entry, markdown_table
from tumorscope.datasets.split import Split


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run a command in an empty folder; exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["tumorscope", "datasets", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    root = tmp_path_factory.mktemp("sets")
    write_miniature_lgg(root / "lgg", patients=3, slices=2, size=48)
    write_miniature_figshare(root / "figshare", patients=10, slices=2, size=48)
    for name in ("kaggle4", "folders"):
        write_miniature_classes(root / name, sides={"Training": 4, "Testing": 2}, size=48)
    write_br35h(root / "br35h", groups=6)
    write_brisc(root / "brisc", per_type=5)
    for visit in ("000", "001"):
        write_brats(root / "brats", f"BraTS-GLI-00483-{visit}", "-", ("t1n", "t1c", "t2w", "t2f", "seg"))
    for number in range(3):
        write_brats(root / "brats", f"brats_2013_pat{number:04}_1", "_", ("t1ce", "flair", "seg"))
    return root


def test_the_list_names_every_data_set(run):
    code, out, _ = run("list")
    assert code == 0
    assert [name for name in DATASET_NAMES if name not in out] == []
    assert run("list", "--markdown")[1] == markdown_table()


SUMMARIES = {
    "lgg": ("patients", "CC BY 3.0"),
    "figshare": ("figshare: 20 images of 10 patients", "fold 4", "meningioma", "tumor px", "CC BY 4.0"),
    "kaggle4": ("kaggle4: 24 images", "Training", "notumor", "gray", "color mode", "masoudnickparvar"),
    "folders": ("folders: 24 images", "as their owner states"),
    "br35h": ("br35h: 13 images", "groups", "with mask", "tumor", "notumor", "no license stated"),
    "brisc": ("brisc: 20 images", "with mask", "coronal", "pituitary", "tumor px", "CC BY 4.0"),
    "brats": ("BraTS GLI", "tumor mL", "whose sequence is missing", "brats_2013_pat0002_1", "research use"),
}


@pytest.mark.parametrize("name", SUMMARIES)
def test_a_summary_is_shown_and_saved(run, roots, tmp_path, name):
    code, out, err = run("summary", name, roots / name, "-o", "found")
    assert code == 0, err
    for words in SUMMARIES[name]:
        assert words in out
    assert json.loads((tmp_path / "found" / "summary.json").read_text())["dataset"] == name
    assert (tmp_path / "found" / "summary.md").read_text().startswith(f"# {name}: ")


@pytest.mark.parametrize("name", SUMMARIES)
def test_a_preview_is_a_image(run, roots, tmp_path, name):
    code, out, err = run("preview", name, roots / name, "--count", 2, "-o", tmp_path / "sheet.png")
    assert code == 0, err
    assert "sheet.png" in out
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 300
        assert len(sheet.convert("L").getcolors(256)) > 50


def test_figshares_published_folds_are_written(run, roots, tmp_path):
    code, out, _ = run("split", "figshare", roots / "figshare", "--folds", 5)
    assert code == 0
    assert "fold4: 2 patients" in out
    split = Split.load(tmp_path / "split.json")
    assert split.parts == {f"fold{k}": (f"P00{k}", f"P00{k + 5}") for k in range(5)}


def test_one_fold_is_written_as_train_validation_and_test(run, roots, tmp_path):
    code, out, _ = run("split", "figshare", roots / "figshare", "--fold", 2, "-o", "f2.json")
    assert code == 0
    assert "test: 2 patients" in out
    split = Split.load(tmp_path / "f2.json")
    assert list(split.parts) == ["train", "validation", "test"]
    assert split["test"] == ("P002", "P007")


@pytest.mark.parametrize(
    ("name", "counts"), [("br35h", "3 groups of copies"), ("brisc", "10 images"), ("brats", "2 patients")]
)
def test_what_is_not_published_in_folds_is_split_into_as_many_as_wanted(run, roots, tmp_path, name, counts):
    code, out, err = run("split", name, roots / name, "--folds", 2)
    assert code == 0, err
    assert counts in out
    assert list(Split.load(tmp_path / "split.json").parts) == ["fold0", "fold1"]


def test_a_published_test_side_is_kept(run, roots, tmp_path):
    code, out, _ = run("split", "kaggle4", roots / "kaggle4")
    assert code == 0
    assert "test: 8 images" in out
    assert all(name.startswith("Testing/") for name in Split.load(tmp_path / "split.json")["test"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["split", "figshare", "{}/figshare", "--folds", "4"], "4 folds are not published"),
        (["split", "figshare", "{}/figshare", "--folds", "5", "--fold", "1"], "give one of them"),
        (["split", "figshare", "{}/figshare", "--fold", "5"], "less than or equal to 4"),
        (["summary", "figshare", "{}/lgg"], "no N.mat here"),
        (["summary", "kaggle4", "{}/lgg"], "no Training and Testing here"),
        (["preview", "lgg", "{}/figshare"], "no TCGA_*"),
        (["summary", "brats", "."], "CASE_seg.nii.gz here"),
        (["download", "folders"], "nobody publishes"),
        (["summary", "isles", "."], "isles: no such data set; there are lgg, figshare"),
        (["download", "brats"], "synapse.org"),
    ],
)
def test_a_wrong_call_is_one_clear_line_and_leaves_nothing(run, roots, tmp_path, arguments, message):
    code, _, err = run(*(argument.format(roots) for argument in arguments))
    assert code == 2
    assert message in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_download_goes_to_the_given_folder_or_one_of_its_name(run, monkeypatch):
    asked = []

    def fetch(destination, show):
        show("1.zip", 5, 10)
        asked.append(str(destination))
        return destination

    monkeypatch.setattr("tumorscope.datasets.figshare_download.download_figshare", fetch)
    assert run("download", "figshare")[1] == "Saved: figshare\n"
    assert run("download", "figshare", "-o", "x/y")[1] == "Saved: x/y\n"
    assert asked == ["figshare", "x/y"]
    monkeypatch.setattr(KaggleDownload, "__call__", lambda source, out, progress: f"{out} {source.handle}")
    for name in ("lgg", "kaggle4", "br35h", "brisc"):
        assert run("download", name, "-o", "z")[1] == f"Saved: z {dataset_entry(name).download.handle}\n"


def test_own_data_is_recognized_and_its_split_says_how_patients_are_known(run, tmp_path):
    write_masks(tmp_path / "mine", patients=8)
    code, out, err = run("split", "own", tmp_path / "mine", "--holdout", 0.25)
    assert code == 0, err
    assert "test: 2 patients" in out
    assert "by patient, taken from names (P0_0 is of P0; 16 cases, 8 patients); 25 % to test" in out
    (tmp_path / "who.csv").write_text("case,patient\nP0_0,anna\n")
    code, out, err = run("split", "masks", tmp_path / "mine", "--patients", tmp_path / "who.csv")
    assert (code, out) == (2, "")
    assert "15 cases (P0_1, P1_0, P1_1, …) not in who.csv" in err
    code, out, err = run("summary", "own", tmp_path / "mine" / "masks")
    assert code == 2
    assert all(layout in err for layout in ("imagesTr/CASE_0000.nii.gz", "CLASS/*.jpg", "masks/X.png"))


def test_a_preview_by_a_recipe_has_a_second_image(run, tmp_path):
    write_masks(tmp_path / "mine", patients=2)
    code, out, err = run("preview", "own", tmp_path / "mine", "--recipe", "figshare-unet", "--count", 1)
    assert code == 0, err
    assert out.split("Saved: ")[1:] == ["preview.png\n", "preview-augmented.png\n"]
    with Image.open(tmp_path / "preview-augmented.png") as sheet:
        assert sheet.width > 1000


def test_copies_are_looked_for_too():
    assert {command.name or command.callback.__name__ for command in datasets.app.registered_commands} == {
        "list",
        "summary",
        "preview",
        "split",
        "download",
        "duplicates",
    }
