from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from dicom_making import Grid, oblique, uid, voxels_on, write_series

from tumorscope.errors import UnreadableScan
from tumorscope.reading import open_scan
from tumorscope.reading.registration import register_rigid

FIXED = Grid((24, 72, 72), (5.5, 3.2, 3.2))
CORNERS = np.array([[x, y, z, 1.0] for x in (-60, 60) for y in (-80, 80) for z in (-40, 40)])


def displaced(turn: tuple[float, float, float], shift: tuple[float, float, float]) -> tuple[Grid, Grid]:
    """Where slices lay in the head, and where their headers say that they lay."""
    return Grid(FIXED.shape, FIXED.spacing_mm, oblique(*turn), shift), Grid(FIXED.shape, FIXED.spacing_mm)


@pytest.mark.parametrize(
    ("turn", "shift", "sequence"), [((5, -4, 8), (6, -9, 5), "t1"), ((-9, 3, 2), (-12, 10, -8), "t1c")]
)
def test_a_known_displacement_is_found_to_a_millimetre_and_a_degree(turn, shift, sequence):
    pytest.importorskip("SimpleITK")
    lay, stated = displaced(turn, shift)
    found = register_rigid(
        voxels_on(lay, sequence), stated.affine, voxels_on(FIXED, "flair"), FIXED.affine, "study: t1"
    )
    true = stated.affine @ np.linalg.inv(lay.affine)
    assert np.linalg.norm(((found.transform - true) @ CORNERS.T)[:3], axis=0).max() < 1
    left = found.transform[:3, :3] @ true[:3, :3].T
    assert np.degrees(np.arccos(min(1, (np.trace(left) - 1) / 2))) < 1
    assert found.angle_deg == pytest.approx(np.degrees(np.arccos((np.trace(true[:3, :3]) - 1) / 2)), abs=1)


def write_displaced(folder: Path) -> Path:
    lay, stated = displaced((4, 2, -6), (5, 4, -3))
    write_series(folder, "flair", FIXED, number=1)
    other = uid("another frame of reference")
    write_series(folder, "t1", stated, number=2, voxels=voxels_on(lay, "t1"), FrameOfReferenceUID=other)
    return folder


def test_series_in_two_frames_of_reference_are_refused_unless_registered(tmp_path: Path):
    pytest.importorskip("SimpleITK")
    folder = write_displaced(tmp_path / "s")
    with pytest.raises(UnreadableScan, match=r"s: t1 and flair have different frames of reference.*--register"):
        open_scan(folder)
    scan = open_scan(folder, register=True)
    assert scan.sequences == ("t1", "flair")
    note = next(note for note in scan.notes if note.startswith("t1 registered onto flair"))
    assert "turned by 7." in note
    truth = voxels_on(FIXED, "t1").astype(float)
    wrong = voxels_on(displaced((4, 2, -6), (5, 4, -3))[0], "t1").astype(float)
    middle = scan.channel("t1").astype(float)[6:18]
    assert np.abs(middle - truth[6:18]).mean() < 0.35 * np.abs(wrong - truth)[6:18].mean()


def test_without_simpleitk_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    folder = write_displaced(tmp_path / "s")
    with pytest.raises(UnreadableScan, match=r"s: t1: registering needs SimpleITK; .*tumorscope\[register\]"):
        open_scan(folder, register=True)


def test_heads_that_do_not_fit_are_refused():
    pytest.importorskip("SimpleITK")
    stripe = np.zeros(FIXED.shape, np.int16)
    stripe[:, 2:5, :] = 400
    with pytest.raises(UnreadableScan, match=r"t1: cannot be registered"):
        register_rigid(stripe, FIXED.affine, voxels_on(FIXED, "flair"), FIXED.affine, "t1")
