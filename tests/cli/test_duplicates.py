"""`tumorscope datasets duplicates` as its users meet it; run on its own, whatever name it is registered under."""

import csv
import json

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from tumorscope.cli.duplicates import THRESHOLD, command, named_roots
from tumorscope.core.errors import BadDataset
from tumorscope.datasets.duplicates.matching import COPY_THRESHOLD
from tumorscope.datasets.phantom import make_phantom
from tumorscope.datasets.split import Split

FILES = {"duplicates.csv", "duplicates.md", "pairs.png", "split.json"}


@pytest.fixture(scope="module")
def slices():
    voxels = make_phantom(shape=(24, 128, 128), sequences=("t1c",)).scan.voxels[7:17, :, :, 0]
    return np.clip(voxels * (255 / np.percentile(voxels, 99.9)), 0, 255).astype(np.uint8)


@pytest.fixture
def run(tmp_path, monkeypatch):
    app = typer.Typer()
    app.command()(command)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    return lambda *arguments: CliRunner().invoke(app, [*map(str, arguments)])


def save(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


@pytest.fixture
def data(tmp_path, slices):
    save(tmp_path / "data/Training/glioma/a.png", slices[0])
    save(tmp_path / "data/Training/glioma/b.png", slices[3])
    save(tmp_path / "data/Testing/glioma/a.png", slices[0])
    save(tmp_path / "data/Testing/glioma/b.jpg", slices[3][:, ::-1])
    save(tmp_path / "data/Testing/glioma/c.png", slices[6])
    save(tmp_path / "other/[x].png", slices[6][::-1])
    return tmp_path / "data"


def test_one_set_gives_tables_a_sheet_and_a_clean_split(run, data, tmp_path):
    done = run(data, "-o", "out")
    assert done.exit_code == 0, done.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    with (tmp_path / "out/duplicates.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["kind"], row["name_1"], row["name_2"]) for row in rows] == [
        ("exact", "Testing/glioma/a.png", "Training/glioma/a.png"),
        ("near", "Testing/glioma/b.jpg", "Training/glioma/b.png"),
    ]
    split = Split.load(tmp_path / "out/split.json")
    assert {part: sorted(names) for part, names in split.parts.items()} == {
        "train": ["Training/glioma/a.png", "Training/glioma/b.png"],
        "test": ["Testing/glioma/c.png"],
        "dropped": ["Testing/glioma/a.png", "Testing/glioma/b.jpg"],
    }
    assert "1 test images without copies, 2 dropped" in done.output
    assert (
        "| data/Testing | glioma | 3 | data/Training | 2 (67 %) | 1 |" in (tmp_path / "out/duplicates.md").read_text()
    )


def test_two_sets_are_compared_with_each_other_and_a_stale_split_goes(run, data, tmp_path):
    assert run(data, "-o", "out").exit_code == 0
    (tmp_path / "own").mkdir()
    (tmp_path / "own/split.json").write_text("somebody else's")
    assert run(tmp_path / "other", "-o", "own").exit_code == 0
    assert (tmp_path / "own/split.json").read_text() == "somebody else's"
    done = run(tmp_path / "other", data / "Training", "-o", "out")
    assert done.exit_code == 0, done.output
    assert not (tmp_path / "out/split.json").exists()  # neither has two sides
    done = run(data, tmp_path / "other", "-o", "out")
    with (tmp_path / "out/duplicates.csv").open() as file:
        across = [row for row in csv.DictReader(file) if row["set_1"] != row["set_2"]]
    assert [(row["name_1"], row["name_2"], row["orientation"]) for row in across] == [
        ("Testing/glioma/c.png", "[x].png", "flipped")
    ]
    assert json.loads((tmp_path / "out/split.json").read_text())["dataset"] == "data"


def test_images_that_cannot_be_read_are_counted_and_named(run, data, tmp_path):
    for number in range(7):
        (data / f"Training/glioma/[broken]{number}.jpg").write_bytes(b"\xff\xd8\xff broken")
    done = run(data, "-o", "out")
    assert done.exit_code == 0, done.output
    assert "cannot be read: 7" in done.output
    assert "[broken]0.jpg" in done.output
    assert "2 more" in done.output
    assert "[broken]6.jpg" in (tmp_path / "out/duplicates.md").read_text()


def test_a_wrong_folder_is_one_clear_error_and_nothing_is_written(run, data, tmp_path):
    (tmp_path / "empty").mkdir()
    for path, words in (("nowhere", "no such folder"), ("empty", "no images here"), (data / "Testing", "is inside")):
        done = run(data, path, "-o", "out")
        assert isinstance(done.exception, BadDataset)
        assert words in str(done.exception)
        assert "\n" not in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_folders_of_one_name_are_numbered(tmp_path):
    roots = named_roots([tmp_path / "a/set", tmp_path / "b/set", tmp_path / "c/set"])
    assert list(roots) == ["set", "set-2", "set-3"]


def test_help_shows_the_threshold_that_is_used():
    assert THRESHOLD == COPY_THRESHOLD
