"""One table for all cases: from results alone, whole at any time, and safe to open."""

import csv
from pathlib import Path

import pytest
from cli.test_compare_studies import write_analysis
from pyarrow import parquet

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.note import Note
from tumorscope.reporting.analysis_document import (
    BoxEntry,
    DiameterEntry,
    DiametersEntry,
    LesionEntry,
    LocationEntry,
    SliceEntry,
    TypeEntry,
)
from tumorscope.reporting.case_table import (
    COLUMNS,
    NAMES,
    CaseTable,
    case_row,
    encode_csv,
    encode_parquet,
    rows_of,
)
from tumorscope.reporting.csv_text import csv_line
from tumorscope.reporting.document import load_document

WHERE = LocationEntry(
    region="temporal", region_certain=False, hemisphere="left", shares=[], midline_gap_mm=21.5
)  # fmt: skip


def lesion(longest, perpendicular, volume, measurable=True):
    lines = [DiameterEntry(length=length, start=(0, 0), end=(0, length)) for length in (longest, perpendicular)]
    diameters = DiametersEntry(
        unit="mm", slice=1, longest=lines[0], perpendicular=lines[1], product=longest * perpendicular, inside=True
    )
    return LesionEntry(
        bounding_box=BoxEntry(first=(0, 0, 0), last=(1, 1, 1)), voxels=int(volume), volume_mm3=volume,
        center=(0, 0, 0), center_mm=None, largest_slice=1, tumor_probability=0.9, extent_mm=None, laterality="left",
        midline_distance_mm=None, measurable=measurable, nonmeasurable_reason=None, diameters=diameters,
    )  # fmt: skip


def numbered(index, number):
    return SliceEntry(
        index=index, number=number, name=None, tumor_probability=0.9, mask_probability=0.9, area_px=1, area_mm2=None,
        type_probabilities=None,
    )  # fmt: skip


@pytest.fixture
def out(tmp_path, monkeypatch):
    """A folder of results with one case of known numbers."""
    monkeypatch.chdir(tmp_path)
    write_analysis(
        "one",
        lesions=[
            lesion(20.0, 15.0, 4000.0).model_copy(update={"location": WHERE}),
            lesion(8.0, 6.0, 200.0, measurable=False),
        ],
        volume_mm3=4200.0,
        slices=[numbered(0, 12), numbered(1, 11)],
        tumor_type=TypeEntry(
            name=None, likeliest="glioma", probability=0.6, confidence_needed=0.8, type_probabilities={"glioma": 0.6}
        ),
        warnings=[Note("sequence_missing", "a"), Note("no_contrast", "b"), Note("sequence_missing", "c")],
        timing_ms={"reading": 1200.0, "inference": 300.0},
        truth_dice=0.81,
    )
    return tmp_path


def read(path):
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_holds_what_the_analysis_found(out):
    (row,) = rows_of(out)
    assert row == {
        "case": "one", "patient_key": "aaaaaaaa-1111", "study_date": "2026-01-01", "sequences": "t1 flair t1c",
        "bundle": "lgg", "bundle_version": "0.1.0", "input_check": "passed", "tumor_present": True,
        "tumor_probability": 0.9, "tumor_type": "uncertain", "type_probability": 0.6, "lesions": 2,
        "measurable_lesions": 1, "volume_ml": 4.2, "largest_volume_ml": 4.0, "label_volumes_ml": None, "longest_mm": 20.0,
        "perpendicular_mm": 15.0, "product_mm2": 300.0, "slice": 11, "sum_of_products_mm2": 300.0,
        "region": "temporal (?)", "hemisphere": "left", "midline_gap_mm": 21.5, "dice": 0.81,
        "warnings": "sequence_missing no_contrast", "seconds": 1.5, "failure": None,
    }  # fmt: skip


def test_a_rejected_scan_has_the_reason_and_no_finding(out):
    reason = Note("rejected_by_appearance", "not a head")
    write_analysis("two", input_rejected=reason, tumor_present=None, tumor_probability=None)
    row = case_row(load_document(Path("two/analysis.json")))
    assert (row["input_check"], row["tumor_present"], row["tumor_probability"]) == (
        "rejected_by_appearance",
        None,
        None,
    )


def test_a_batch_that_is_killed_leaves_a_whole_table_of_what_was_done(out):
    table = CaseTable(out)
    table.add_failure("broken", "broken: damaged")
    write_analysis("two")
    table.add(Path("two/analysis.json"))
    rows = read("cases.csv")  # nothing was closed or finished
    assert [row["case"] for row in rows] == ["one", "broken", "two"]
    assert all(set(row) == set(NAMES) for row in rows)
    assert rows[1]["failure"] == "broken: damaged"


def test_the_next_batch_keeps_the_cases_whose_results_are_there(out):
    CaseTable(out).add_failure("broken", "damaged")
    write_analysis("two")
    table = CaseTable(out)
    assert [row["case"] for row in read("cases.csv")] == ["one", "two"]
    write_analysis("one", diameter=20, tumor_probability=0.3)
    table.add(Path("one/analysis.json"))
    assert [(row["case"], row["tumor_probability"]) for row in read("cases.csv")] == [("one", "0.3"), ("two", "0.9")]


def test_a_torn_last_line_is_mended(out):
    CaseTable(out)
    write_analysis("two")
    with Path("cases.csv").open("a") as file:
        file.write("two,aaaa")
    CaseTable(out)
    assert [row["volume_ml"] for row in read("cases.csv")] == ["4.2", ""]
    assert read("cases.csv")[1]["study_date"] == "2026-01-01"


def test_parquet_has_the_same_values_with_types(out):
    rows = rows_of(out)
    Path("t.parquet").write_bytes(encode_parquet(rows))
    assert parquet.read_table("t.parquet").to_pylist() == rows
    table = CaseTable(out)
    table.add_failure("broken", "damaged")
    table.save_parquet()
    saved = parquet.read_table("cases.parquet").to_pylist()
    assert saved == [*rows, dict.fromkeys(NAMES) | {"case": "broken", "failure": "damaged"}]


def test_no_column_holds_a_name_of_a_file_or_a_path(out):
    assert not [column.name for column in COLUMNS if {"path", "file", "source", "name"} & set(column.name.split("_"))]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=cmd|' /C calc'!A0"])
def test_a_text_that_a_spreadsheet_would_run_is_text_of_one_line(text):
    line = csv_line([text, "x"])
    assert line.count("\n") == 1
    assert "\r" not in line
    assert line.startswith("'")
    assert len(next(csv.reader([line]))) == 2


def test_numbers_are_not_touched():
    assert csv_line([-1.5, 3]) == "-1.5,3\n"


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(TumorscopeError, match="holds no results"):
        rows_of(tmp_path)


def test_the_whole_table_is_one_heading_and_the_rows(out):
    text = encode_csv(rows_of(out)).decode()
    assert text.splitlines()[0] == ",".join(NAMES)
    assert text.count("\n") == 2
