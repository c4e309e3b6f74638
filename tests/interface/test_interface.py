"""What `import tumorscope` offers: names, one-line analysis, files, images, errors."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from making import bright_flair, fake_engine

import tumorscope
from tumorscope.core.errors import TumorscopeError
from tumorscope.core.note import Note
from tumorscope.datasets.phantom import demo_phantom, write_nifti

NAMES = {"analyze", "evaluate", "load_run", "open_scan", "plot", "save", "train", "Analysis", "Scan"}


@pytest.fixture(scope="module")
def phantom():
    return demo_phantom(shape=(8, 96, 96))


@pytest.fixture(scope="module")
def analysis(phantom):
    scan = replace(phantom.scan, case="SMITH^JANE")
    return tumorscope.analyze(scan, "lgg")


def test_public_names_are_listed_documented_and_importable():
    assert set(dir(tumorscope)) >= NAMES
    assert all(getattr(tumorscope, name).__doc__ for name in NAMES)
    assert set(dir(tumorscope)) == set(tumorscope.__all__)


def test_without_the_extra_for_training_one_line_names_it_and_analysis_needs_none():
    code = """
import sys
for name in ("torch", "lightning", "matplotlib"):
    sys.modules[name] = None  # importing it raises ModuleNotFoundError
import tumorscope
from tumorscope import *
try:
    tumorscope.load_run("run")
except TumorscopeError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "this needs torch; run `pip install 'tumorscope[train]'`\n"


def test_a_path_is_analyzed_by_the_bundle_that_fits_it(phantom, tmp_path):
    files = write_nifti(phantom, tmp_path)
    analysis = tumorscope.analyze(files["flair"])
    assert analysis.bundle.name == "lgg"
    assert "has flair" in analysis.bundle_reason
    named = tumorscope.analyze(str(files["flair"]), "lgg")
    assert named.bundle_reason is None
    assert (named.mask == analysis.mask).all()


def test_a_scan_and_an_engine_give_what_the_pipeline_gives(phantom):
    from tumorscope.inference.analysis import analyze

    engine = fake_engine(lambda images: bright_flair(images, 1.5))
    done: list[int] = []
    ours = tumorscope.analyze(phantom.scan, engine, done.append, input_check=False)
    assert ours.mask.any()
    assert (ours.mask == analyze(phantom.scan, engine, input_check=False).mask).all()
    assert sum(done) == 8


def test_an_analysis_prints_as_a_short_table_without_the_patient(analysis):
    lines = str(analysis).splitlines()
    assert lines[0].startswith("finding")
    assert any(line.startswith("lesion 1") and " ml, " in line for line in lines)
    assert len(lines) < 15
    assert repr(analysis) == str(analysis)
    assert "SMITH" not in str(analysis)
    named = replace(analysis, warnings=(Note("sequence_source", "sequence flair taken from the name smith_flair"),))
    assert "smith" not in str(named)
    assert "sequence source, see analysis.warnings" in str(named)
    of_tomorrow = replace(analysis, warnings=(Note("not_yet_known", "SMITH^JANE"),))
    assert "SMITH" not in str(of_tomorrow)  # a note may quote names until it is known not to


def test_jupyter_shows_the_table_beside_a_thumbnail_without_the_patient(analysis):
    import base64
    import io
    import re

    from PIL import Image

    html = analysis._repr_html_()
    assert "SMITH" not in html
    assert "finding" in html
    encoded = re.search(r"data:image/png;base64,([^\"]+)", html)
    assert encoded is not None
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded[1]))), int)
    greenest = (image[..., 1] - image[..., [0, 2]].max(axis=-1)) > 30
    share = greenest.mean()
    widest = max(finding.area_px for finding in analysis.slices)
    assert share > 0.5 * widest / analysis.mask[0].size  # the mask of the slice with the largest area


def test_text_of_a_warning_is_never_html(analysis):
    hostile = replace(analysis, warnings=(Note("small_components", "<script>alert(1)</script>"),))
    assert "<script>" not in hostile._repr_html_()
    assert "&lt;script&gt;" in hostile._repr_html_()


def test_saved_results_are_those_of_the_command(analysis, phantom, tmp_path):
    folder = tumorscope.save(analysis, tmp_path, truth=phantom.mask)
    assert folder.parent == tmp_path
    assert {path.name for path in folder.iterdir()} >= {"analysis.json", "mask.nii.gz", "panel.png", "report.html"}
    assert json.loads((folder / "analysis.json").read_text())["tumor_present"] is True


def test_the_plot_of_an_analysis_is_its_panel(analysis, phantom):
    without, compared = tumorscope.plot(analysis), tumorscope.plot(analysis, truth=phantom.mask)
    assert without.mode == "RGB"
    assert compared.width > without.width  # two more columns


def test_what_cannot_be_drawn_or_saved_is_named(phantom, tmp_path):
    pytest.importorskip("torch")
    with pytest.raises(TumorscopeError, match="plot: give an analysis, a run or an evaluation, not a Scan"):
        tumorscope.plot(phantom.scan)
    with pytest.raises(TumorscopeError, match="save: give an analysis or a run, not a Scan"):
        tumorscope.save(phantom.scan, tmp_path / "out")
    assert not (tmp_path / "out").exists()
