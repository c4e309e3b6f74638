"""`tumorscope follow` on a phantom whose tumor grows as it was told to."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from cli.test_compare_studies import write_analysis, write_mask
from dicom_making import Grid, mask_on, oblique, voxels_on
from reading.files import write_nifti

from tumorscope.cli.follow import command
from tumorscope.core.errors import TumorscopeError
from tumorscope.datasets.phantom import Lesion, make_phantom
from tumorscope.reporting.analysis_document import BoxEntry, LesionEntry, LocationEntry, RegionShareEntry
from tumorscope.studies.opened_visits import aligned, open_visits
from tumorscope.studies.timepoints import open_timepoint

DAYS = (0, 40, 120, 240)
DATES = ("2024-01-01", "2024-02-10", "2024-04-30", "2024-08-28")
DOUBLING_DAYS = 120


@pytest.fixture
def run(in_empty_folder):
    return in_empty_folder(command)


def stored(volume):
    """``(slice, row, column)`` as NIfTI stores it."""
    return np.ascontiguousarray(volume.transpose(2, 1, 0))


def grown(day):
    """The head with its tumor on a day: its volume doubles every 120 days."""
    radius = 12 * 2 ** (day / DOUBLING_DAYS / 3)
    lesion = Lesion((32, 8, 12), (radius, radius, radius), irregularity=0)
    return make_phantom([lesion], seed=3, shape=(33, 96, 96), sequences=("flair",))


def test_a_tumor_that_grows_as_told_has_its_volumes_doubling_time_and_categories(run):
    volumes = []
    arguments = []
    for day, date in zip(DAYS, DATES, strict=True):
        phantom = grown(day)
        mask = write_nifti(Path(f"m{day}.nii"), stored(phantom.mask.astype(np.uint8)), phantom.scan.affine)
        scan = write_nifti(Path(f"s{day}_flair.nii"), stored(phantom.scan.voxels[..., 0]), phantom.scan.affine)
        volumes.append(phantom.volume_mm3)
        arguments += [mask, "--image", scan, "--date", date]
    error, said = run(*arguments, "--alignment", "stated", "-o", "out")
    assert error is None, said
    with Path("out/follow_up.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["volume_mm3"]) for row in rows] == pytest.approx(volumes, rel=1e-4)
    assert [int(row["days"]) for row in rows] == list(DAYS)
    # 26 % more volume and 17 % more product are stable; twice and four times as much are not.
    assert [row["rano_diameters"] for row in rows] == ["", "SD", "PD", "PD"]
    assert [row["rano_volume"] for row in rows] == ["", "SD", "PD", "PD"]
    assert "since the baseline (2024-01-01): 40 % or more above the nadir is progression" in rows[2]["volume_rule"]
    document = json.loads(Path("out/follow_up.json").read_text())
    assert document["schema"] == "tumorscope.follow_up/1"
    assert document["growth"]["doubling_days"] == pytest.approx(DOUBLING_DAYS, rel=0.05)
    assert document["growth"]["r_squared"] > 0.99
    assert document["tracks"] == [[[0], [0], [0], [0]]]
    assert "volume doubling time: 1" in said
    page = Path("out/follow_up.html").read_text()
    assert "progressive disease" in page
    assert page.count("data:image/png") == 4
    assert "Research use only" in page
    assert "26 neighbors" in page
    chart = Path("out/growth.svg").read_text()
    assert all(date in chart for date in DATES)


def test_the_region_that_analyses_name_is_told_for_each_lesion(run):
    shares = [RegionShareEntry(region="parietal", hemisphere="right", share=1.0)]
    where = LocationEntry(
        region="parietal", region_certain=True, hemisphere="right", shares=shares, midline_gap_mm=12.0
    )
    for name, date in (("a", "2026-01-01"), ("b", "2026-03-01")):
        file = write_analysis(name, 40, study_date=date)
        lesions = [with_place(file, where)] if name == "b" else []
        write_analysis(name, 40, study_date=date, lesions=lesions)
    error, said = run("a", "b", "-o", "out")
    assert error is None, said
    visits = json.loads(Path("out/follow_up.json").read_text())["visits"]
    assert [visit["lesions"][0]["location"] and visit["lesions"][0]["location"]["region"] for visit in visits] == [
        None,
        "parietal",
    ]
    assert "right parietal lobe" in Path("out/follow_up.html").read_text()
    error, said = run("a", "b", "--location", "-o", "out")  # the first study names none and has no scan
    assert isinstance(error, TumorscopeError)
    assert "--image" in str(error) or "not installed" in str(error)


def with_place(file, where):
    """The entry of the one lesion in an analysis's mask."""
    study = open_timepoint(Path(file))
    (lesion,) = study.lesions
    return LesionEntry(
        bounding_box=BoxEntry(first=lesion.first, last=lesion.last), voxels=lesion.voxels, volume_mm3=lesion.volume_mm3,
        center=(0, 0, 0), center_mm=None, largest_slice=1, tumor_probability=0.9, extent_mm=None, laterality=None,
        midline_distance_mm=None, location=where, measurable=True, nonmeasurable_reason=None, diameters=None,
    )  # fmt: skip


def test_results_of_analyses_are_followed_in_the_order_of_their_dates(run):
    for name, diameter, date in (("c", 40, "2026-05-01"), ("a", 40, "2026-01-01"), ("b", 26, "2026-03-01")):
        write_analysis(name, diameter, study_date=date)
    error, said = run("c", "a", "b")
    assert error is None, said
    with Path("follow-up/follow_up.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["case"], row["study_date"], row["rano_diameters"]) for row in rows] == [
        ("a", "2026-01-01", ""), ("b", "2026-03-01", "PR"), ("c", "2026-05-01", "PD"),
    ]  # fmt: skip
    assert "since the smallest volume: " in said
    assert "nothing segmented" not in Path("follow-up/follow_up.html").read_text()


def test_other_patients_are_refused_unless_forced(run):
    write_analysis("a", study_date="2026-01-01")
    write_analysis("b", patient_key="aaaaaaaa-2222", study_date="2026-02-01")
    error, _ = run("a", "b")
    assert isinstance(error, TumorscopeError)
    assert "different patients" in str(error)
    assert not Path("follow-up").exists()
    error, said = run("a", "b", "--force")
    assert error is None, said
    assert "compared although" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("a.nii",), "two or more"),
        (("a.nii", "b.nii", "--date", "2024-01-01"), "one for each"),
        (("a.nii", "b.nii", "--date", "2024-01-01", "--date", "soon"), "YYYY-MM-DD"),
        (("a.nii", "b.nii", "--alignment", "rigid"), "--image"),
    ],
)
def test_what_is_missing_is_told(run, arguments, words):
    write_mask("a.nii", (48, 48, 40))
    write_mask("b.nii", (48, 48, 30))
    error, _ = run(*arguments)
    assert isinstance(error, TumorscopeError)
    assert words in str(error)


def test_without_dates_a_doubling_time_is_told_to_be_undefined(run):
    write_mask("a.nii", (48, 48, 30))
    write_mask("b.nii", (48, 48, 40))
    error, said = run("a.nii", "b.nii")
    assert error is None, said
    assert "volume doubling time: not defined: not all studies have a date" in said
    assert "visits are evenly spaced" in Path("follow-up/growth.svg").read_text()


def test_a_head_that_moved_is_registered(tmp_path):
    """The second head lies turned and shifted, and its file says nothing of it."""
    pytest.importorskip("SimpleITK")
    straight = Grid((24, 72, 72), (5.5, 3.2, 3.2))
    turned = Grid(straight.shape, straight.spacing_mm, oblique(5, -4, 8), (6, -9, 5))
    paths, scans = [], []
    for name, grid in (("a", straight), ("b", turned)):
        paths.append(write_nifti(tmp_path / f"{name}.nii", stored(mask_on(grid).astype(np.uint8)), straight.affine))
        scans.append(write_nifti(tmp_path / f"{name}_flair.nii", stored(voxels_on(grid, "flair")), straight.affine))
    visits = open_visits(paths, scans, (), None)
    registered = aligned(visits, "rigid")
    assert "turned by 1" in registered[1].alignment  # 10°
    centers = [each.study.geometry.to_mm(np.argwhere(each.study.mask)).mean(axis=0) for each in registered]
    assert np.linalg.norm(centers[0] - centers[1]) < 1.5
    before = [each.study.geometry.to_mm(np.argwhere(each.study.mask)).mean(axis=0) for each in visits]
    assert np.linalg.norm(before[0] - before[1]) > 5
