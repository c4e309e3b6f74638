"""`tumorscope measure` through the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from making import bright_flair, card, write_bundle
from PIL import Image
from reading.files import heads, write_nifti

from tumorscope.cli.measure import command
from tumorscope.core.errors import TumorscopeError
from tumorscope.datasets.phantom import Lesion, make_phantom
from tumorscope.datasets.phantom import write_nifti as write_phantom
from tumorscope.inference.analysis import analyze
from tumorscope.inference.bundles import Bundle
from tumorscope.inference.engine import Engine
from tumorscope.io import open_scan
from tumorscope.reporting.document import to_document, to_json


@pytest.fixture
def run(in_empty_folder):
    return in_empty_folder(command)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    """A phantom with a large lesion on the right and a small one on the left."""
    lesions = [Lesion((34, -20, 15), (20, 15, 18)), Lesion((-36, 30, 15), (6, 6, 7))]
    return write_phantom(make_phantom(lesions, shape=(16, 80, 80)), tmp_path_factory.mktemp("phantom"))


def test_every_lesion_is_a_row_and_the_small_one_is_kept(run, files):
    error, out = run(files["mask"], "--image", files["flair"])
    assert error is None, out
    lines = out.splitlines()
    assert lines[0].split()[:2] == ["lesion", "volume"]
    large, small = lines[1], lines[2]
    assert "right" in large
    assert "measurable" in large
    assert "left" in small
    assert "a diameter under" in small or "in one slice" in small
    assert "2 lesions" in out
    assert "1 measurable by RANO" in out
    assert "Research use only" in out


def test_without_an_image_laterality_is_unknown(run, files):
    error, out = run(files["mask"], "-o", "m.json")
    assert error is None, out
    lesions = json.loads(Path("m.json").read_text())["labels"][0]["lesions"]
    assert [lesion["laterality"] for lesion in lesions] == [None, None]


def test_json_and_csv_agree_and_the_figure_is_written(run, files):
    error, out = run(files["mask"], "--image", files["flair"], "-o", "m.json", "-o", "m.csv", "-o", "deep/m.png")
    assert error is None, out
    document = json.loads(Path("m.json").read_text())
    assert document["schema"] == "tumorscope.measurements/2"
    (label,) = document["labels"]
    rows = list(csv.DictReader(Path("m.csv").read_text().splitlines()))
    assert len(rows) == len(label["lesions"]) == label["lesion_count"] == 2
    for row, lesion in zip(rows, label["lesions"], strict=True):
        assert float(row["longest_mm"]) == lesion["diameters"]["longest"]["length"]
        assert float(row["volume_mm3"]) == lesion["volume_mm3"]
        assert float(row["center_x_mm"]) == lesion["center_mm"][0]
        assert row["laterality"] == lesion["laterality"]
        assert int(row["slice"]) == lesion["diameters"]["slice"] + 1, "people count from one"
        assert int(row["first_slice"]) == lesion["bounding_box"]["first"][0] + 1
    assert sum(lesion["volume_mm3"] for lesion in label["lesions"]) == pytest.approx(label["volume_mm3"])
    ends = [np.array(label["lesions"][0]["diameters"]["longest"][end]) for end in ("start_mm", "end_mm")]
    length = label["lesions"][0]["diameters"]["longest"]["length"]
    assert np.linalg.norm(ends[1] - ends[0]) == pytest.approx(length, abs=0.02)
    image = np.asarray(Image.open("deep/m.png")).astype(int)
    yellow = (image[..., 0] > 230) & (image[..., 2] < 110) & (image[..., 1] > 180)
    blue = (image[..., 2] > 230) & (image[..., 0] < 130)
    assert yellow.sum() > 300
    assert blue.sum() > 300


def test_labels_have_rows_and_totals_of_their_own(run, tmp_path):
    values = np.zeros((20, 24, 6), np.uint8)
    values[3:9, 3:9, 1:4] = 1
    values[12:16, 3:9, 2] = 3
    error, out = run(write_nifti(tmp_path / "m.nii", values, np.diag([1.0, 1.0, 3.0, 1.0])))
    assert error is None, out
    assert "label 1: one lesion" in out
    assert "label 3: one lesion" in out


def test_a_single_image_is_measured_in_pixels_with_a_note(run):
    mask = np.zeros((40, 50), np.uint8)
    mask[10:20, 10:40] = 255
    Image.fromarray(mask).save("m.png")
    error, out = run("m.png", "-o", "m.csv", "-o", "m.png.png")
    assert error is None, out
    assert "px" in out
    assert "sizes are in pixels" in out
    (row,) = csv.DictReader(Path("m.csv").read_text().splitlines())
    assert float(row["longest_px"]) > 30
    assert row["longest_mm"] == row["volume_mm3"] == row["measurable"] == ""


def test_an_image_is_measured_only_with_a_threshold_and_a_note(run):
    image = np.zeros((60, 70), np.uint8)
    image[5:55, 5:65] = np.arange(60) + 20
    image[20:30, 30:50] = 200
    Image.fromarray(image).save("slice.png")
    error, _out = run("slice.png")
    assert "61 different values, so it is an image, not a mask" in str(error)
    error, out = run("slice.png", "--threshold", "150")
    assert error is None, out
    assert "one lesion, 200 voxels" in out
    assert "the mask is what is at least 150 in the image" in out


def test_what_an_analysis_found_can_be_measured_again(run, files, tmp_path):
    bundle = Bundle(write_bundle(tmp_path / "bundle", b"model"), card())
    engine = Engine(bundle, "fake", "float", lambda images: bright_flair(images, threshold=1.2))
    analysis = analyze(open_scan(files["flair"]), engine, input_check=False)
    assert analysis.lesions
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "analysis.json").write_text(to_json(to_document(analysis)))
    for named in ("case", "case/analysis.json"):
        error, out = run(named, "-o", "m.json")
        assert error is None, out
        lesions = json.loads(Path("m.json").read_text())["labels"][0]["lesions"]
        assert [lesion["voxels"] for lesion in lesions] == [lesion.voxels for lesion in analysis.lesions]
        longest = [lesion["diameters"]["longest"]["length"] for lesion in lesions]
        assert longest == pytest.approx([lesion.diameters.longest.length for lesion in analysis.lesions], abs=1e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["empty.nii"], "the mask is empty"),
        (["scan.nii"], "an image, not a mask"),
        (["nothing.nii"], "no such mask"),
        (["four.nii"], "a mask has one"),
        (["nan.nii"], "NaN or infinite"),
        (["broken.json"], "damaged or not JSON"),
        (["m.nii", "-o", "m.xlsx"], "must end in .json, .csv or .png"),
        (["m.nii", "--image", "scan.nii"], "is not on the scan's grid"),
        (["m.nii", "--image", "nothing.nii"], "no such file"),
    ],
)
def test_a_wrong_call_is_one_clear_line_and_writes_nothing(run, tmp_path, arguments, message):
    mask = np.zeros((20, 24, 16), np.uint8)
    write_nifti(tmp_path / "empty.nii", mask)
    write_nifti(tmp_path / "four.nii", np.zeros((8, 9, 10, 3), np.uint8))
    write_nifti(tmp_path / "nan.nii", np.full((8, 9, 10), np.nan, np.float32))
    write_nifti(tmp_path / "scan.nii", heads(16).transpose(2, 1, 0), np.diag([1.3, 1, 1, 1]))
    mask[4:9, 4:9, 4:9] = 1
    write_nifti(tmp_path / "m.nii", mask)
    (tmp_path / "broken.json").write_text("{")
    before = set(tmp_path.iterdir())
    error, _ = run(*arguments)
    assert isinstance(error, TumorscopeError)
    assert message in str(error)
    assert "\n" not in str(error)
    assert set(tmp_path.iterdir()) == before


def test_labels_have_the_names_that_are_given_and_small_lesions_are_left_out(run, tmp_path):
    values = np.zeros((40, 40, 10), np.uint8)
    values[5:25, 5:25, 2:8], values[10:15, 10:15, 3:6] = 2, 4  # 2,400 voxels in all, 75 of them enhancing
    values[35:37, 35:37, 2:4] = 1  # 8 voxels apart
    path = write_nifti(tmp_path / "seg.nii.gz", values)
    error, out = run(path, "--labels", "brats-2020", "-o", "m.json")
    assert error is None, out
    labels = json.loads(Path("m.json").read_text())["labels"]
    assert {label["name"]: label["voxels"] for label in labels} == {
        "necrotic core": 8,
        "edema": 2325,
        "enhancing tumor": 75,
    }
    error, out = run(path, "--labels", "1+4=core,2=edema", "--min-volume", "0.05", "-o", "m.json")
    assert error is None, out
    document = json.loads(Path("m.json").read_text())
    assert {label["name"]: label["voxels"] for label in document["labels"]} == {"core": 75, "edema": 2325}
    assert "1 lesion smaller than 0.05 ml left out" in [note["text"] for note in document["notes"]]
    assert "1 lesion smaller than 0.05 ml left out" in " ".join(out.split())
    error, _ = run(path, "--labels", "9=core")
    assert isinstance(error, TumorscopeError)
    error, _ = run(path, "--min-volume", "10")
    assert "every lesion is smaller than 10 ml" in str(error)


def test_a_stated_spacing_measures_what_knows_none(run, tmp_path: Path):
    image = np.zeros((64, 64), np.uint8)
    image[10:30, 20:50] = 255
    Image.fromarray(image).save(tmp_path / "m.png")
    error, out = run(tmp_path / "m.png", "--spacing", "0.5,0.8,6", "-o", "m.json")
    assert error is None, out
    (lesion,) = json.loads(Path("m.json").read_text())["labels"][0]["lesions"]
    assert lesion["volume_mm3"] == pytest.approx(600 * 0.5 * 0.8 * 6)
    assert "voxels of 0.5×0.8×6 mm as stated by the user" in out


def test_a_spacing_that_contradicts_the_file_is_refused(run, files):
    error, _ = run(files["mask"], "--spacing", "0.5,0.5,6")
    assert "the file states voxels of 2.88×2.88×8.25 mm, not 0.5×0.5×6" in str(error)
