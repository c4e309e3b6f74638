from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_making import Grid, oblique, uid, voxels_on, write_series
from scipy import ndimage
from scipy.spatial.transform import Rotation

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import texts
from tumorscope.datasets.phantom import Lesion, Tissue, make_phantom
from tumorscope.datasets.phantom.contrast import add_rician_noise
from tumorscope.io import open_scan
from tumorscope.preprocessing.registration import register_rigid

FIXED = Grid((24, 48, 48), (5.5, 4.8, 4.8))
COARSE = Grid((12, 36, 36), (11, 6.4, 6.4))
ROUGH = Grid((8, 24, 24), (16.5, 9.6, 9.6))
Shift = tuple[float, float, float]
NEAR = (5, -4, 8), (6, -9, 5), "t1", (0, 0, 0)
FAR = (-9, 3, 2), (-12, 10, -8), "t1c", (2000, -1500, 900)
CORNERS = np.array([[x, y, z, 1.0] for x in (-60, 60) for y in (-80, 80) for z in (-40, 40)])


def displaced(turn: Shift, shift: Shift) -> tuple[Grid, Grid]:
    """Where slices lay in the head, and where their headers say that they lay."""
    return Grid(FIXED.shape, FIXED.spacing_mm, oblique(*turn), shift), Grid(FIXED.shape, FIXED.spacing_mm)


@cache
def registered(turn: Shift, shift: Shift, sequence: str, away_mm: Shift):
    """The displaced sequence registered onto FLAIR, and the true transform; headers in another place of space."""
    lay, stated = displaced(turn, shift)
    affine = stated.affine.copy()
    affine[:3, 3] += away_mm
    found = register_rigid(voxels_on(lay, sequence), affine, voxels_on(FIXED, "flair"), FIXED.affine, "study: t1")
    return found, affine @ np.linalg.inv(lay.affine)


@pytest.mark.parametrize("displacement", [NEAR, FAR], ids=["near", "frames of reference that are far apart"])
def test_a_known_displacement_is_found_to_a_millimeter_and_a_degree(displacement):
    pytest.importorskip("SimpleITK")
    found, true = registered(*displacement)
    assert np.linalg.norm(((found.transform - true) @ CORNERS.T)[:3], axis=0).max() < 1
    left = found.transform[:3, :3] @ true[:3, :3].T
    assert np.degrees(np.arccos(min(1, (np.trace(left) - 1) / 2))) < 1
    assert found.angle_deg == pytest.approx(np.degrees(np.arccos((np.trace(true[:3, :3]) - 1) / 2)), abs=1)


def test_the_same_volumes_are_registered_the_same_twice():
    pytest.importorskip("SimpleITK")
    first, _ = registered(*NEAR)
    second, _ = registered.__wrapped__(*NEAR)
    assert np.array_equal(first.transform, second.transform)


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
    note = next(note for note in texts(scan.notes) if note.startswith("t1 registered onto flair"))
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


@cache
def grown() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A head before and after its tumor grew, whole and without noise; its affine and its brain's points."""
    fine: dict[str, Any] = {"shape": (112, 112, 112), "spacing_mm": (2.25,) * 3, "sequences": ("flair",), "noise": 0}
    before = make_phantom([Lesion((30, 10, 10), (12, 12, 12))], **fine)
    after = make_phantom([Lesion((30, 10, 10), (20, 22, 20))], **fine)
    affine = before.scan.affine
    assert affine is not None
    brain = np.argwhere(before.labels >= Tissue.CSF)[::40, ::-1]
    points = np.c_[brain, np.ones(len(brain))] @ affine.T
    points = points[(np.abs(points[:, :3]) < 85).all(axis=1)]
    return before.scan.channel("flair"), after.scan.channel("flair"), affine, points


def follow_up(angle_deg: float, slice_mm: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The head before, and grown, of inverted contrast, rotated about x and shifted by 2 mm per 5°.

    Returns:
        Moving and fixed volume, the affine of both, and the true transform, fixed to moving.
    """
    before, after, affine, _points = grown()
    shape = (round(180 / slice_mm), 80, 80)
    step = np.sign(affine[:3, :3]) * (2.25, 2.25, slice_mm)
    grid = np.eye(4)
    grid[:3, :3], grid[:3, 3] = step, -step @ (np.array(shape[::-1]) - 1) / 2
    true = np.eye(4)
    true[:3, :3] = Rotation.from_euler("x", angle_deg, degrees=True).as_matrix()
    true[0, 3] = 2 * angle_deg / 5

    def acquired(head: np.ndarray, pose: np.ndarray, seed: int) -> np.ndarray:
        parts = max(1, round(slice_mm / 1.5))  # a slice is the mean over its thickness
        total = np.zeros(shape, np.float32)
        for part in range(parts):
            within = np.eye(4)
            within[2, 3] = (part + 0.5) / parts - 0.5
            back = np.linalg.inv(affine) @ pose @ grid @ within
            total += ndimage.affine_transform(
                head.astype(np.float32), back[:3, :3][::-1, ::-1], back[:3, 3][::-1], output_shape=shape, mode="nearest"
            )
        return add_rician_noise(total / parts, 12, np.random.default_rng(seed))

    moving = acquired(after, np.linalg.inv(true), 1)
    return moving.max() - moving, acquired(before, np.eye(4), 2), grid, true


@pytest.mark.parametrize(("angle_deg", "slice_mm", "within_mm"), [(45, 2.25, 0.5), (30, 6, 1.0)])
def test_a_grown_head_of_inverted_contrast_is_found_at_any_angle(angle_deg, slice_mm, within_mm):
    pytest.importorskip("SimpleITK")
    moving, fixed, affine, true = follow_up(angle_deg, slice_mm)
    found = register_rigid(moving, affine, fixed, affine, "follow-up")
    assert np.linalg.norm((found.transform - true) @ grown()[3].T, axis=0).max() < within_mm
    assert found.angle_deg == pytest.approx(angle_deg, abs=0.5)


def test_what_has_no_distinct_position_is_refused():
    pytest.importorskip("SimpleITK")
    random = np.random.default_rng(0)
    noise = random.normal(size=ROUGH.shape)
    with pytest.raises(UnreadableScan, match=r"^t1: cannot be registered, [^\n]*$"):
        register_rigid(noise, ROUGH.affine, voxels_on(ROUGH, "flair"), ROUGH.affine, "t1")


def test_a_few_slices_are_refused():
    pytest.importorskip("SimpleITK")
    with pytest.raises(UnreadableScan, match=r"t1: cannot be registered, 3 slices are too few; 4 are needed"):
        register_rigid(voxels_on(FIXED, "t1")[:3], FIXED.affine, voxels_on(FIXED, "flair"), FIXED.affine, "t1")


def test_heads_that_do_not_fit_are_refused():
    pytest.importorskip("SimpleITK")
    stripe = np.zeros(COARSE.shape, np.int16)
    stripe[:, 1:3, :] = 400
    with pytest.raises(UnreadableScan, match=r"t1: cannot be registered"):
        register_rigid(stripe, COARSE.affine, voxels_on(COARSE, "flair"), COARSE.affine, "t1")
