"""`tumorscope table`, and many masks in `tumorscope measure`, through the command line."""

import csv
from pathlib import Path

import pytest
from cli.test_compare_studies import write_analysis, write_mask

from tumorscope.cli import measure, table
from tumorscope.core.errors import TumorscopeError


def read(path):
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def run_table(in_empty_folder):
    return in_empty_folder(table.command)


@pytest.fixture
def run_measure(in_empty_folder):
    return in_empty_folder(measure.command)


def test_the_table_is_made_from_a_folder_of_results(run_table):
    Path("out").mkdir()
    for name in ("a", "b"):
        Path(write_analysis(name)).rename(Path("out") / name)
    error, said = run_table("out", "--parquet")
    assert error is None, said
    assert "2 cases" in said
    assert [row["patient_key"] for row in read("out/cases.csv")] == ["aaaaaaaa-1111"] * 2
    assert Path("out/cases.parquet").exists()


def test_many_masks_are_one_table_and_one_that_fails_does_not_stop_the_others(run_measure):
    write_mask("a.nii", (48, 48, 40))
    write_mask("b.nii", (30, 48, 20, 1), (70, 48, 12, 2))
    write_mask("empty.nii")
    Path("bad.nii").write_bytes(b"no mask")
    error, said = run_measure("a.nii", "b.nii", "bad.nii", "empty.nii", "-o", "table.csv")
    assert isinstance(error, TumorscopeError)
    assert "1 of 4 masks" in str(error)
    rows = read("table.csv")
    assert [(row["case"], row["label"], row["lesions"]) for row in rows] == [
        ("a", "mask", "1"), ("b", "label 1", "1"), ("b", "label 2", "1"), ("bad.nii", "", ""), ("empty", "", "0"),
    ]  # fmt: skip
    assert float(rows[0]["longest_mm"]) == pytest.approx(40, abs=1)
    assert float(rows[0]["volume_mm3"]) == pytest.approx(3.1416 * 20**2 * 9, rel=0.02)
    assert rows[3]["failure"]
    assert "bad.nii" in said


def test_several_masks_are_written_as_csv_only_and_have_no_common_image(run_measure):
    for name in ("a.nii", "b.nii"):
        write_mask(name, (48, 48, 40))
    error, _ = run_measure("a.nii", "b.nii", "-o", "x.json")
    assert "one .csv" in str(error)
    error, _ = run_measure("a.nii", "b.nii", "--image", "a.nii")
    assert isinstance(error, TumorscopeError)
