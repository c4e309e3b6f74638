from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from reading.files import heads, rotation

from tumorscope.core.note import texts
from tumorscope.io import open_scan, open_segmentation

VOLUME = heads(18, 22, 20).transpose(2, 1, 0)
PLAIN = np.array([[-1, 0, 0, 9], [0, -1, 0, 10], [0, 0, 1, -8], [0, 0, 0, 1.0]])


def notes_of(folder: Path, qform: np.ndarray | None, sform: np.ndarray | None, unit: str = "mm") -> list[str]:
    """What the scan's notes say of two transforms; a mask's say the same."""
    for name, values in (("scan", VOLUME), ("labels", (VOLUME > 100).astype(np.uint8))):
        image = nibabel.Nifti1Image(values, None)
        image.set_qform(qform, 0 if qform is None else 1)
        image.set_sform(sform, 0 if sform is None else 2)
        image.header.set_xyzt_units(unit)
        nibabel.save(image, folder / f"{name}.nii")
    found = [note for note in texts(open_scan(folder / "scan.nii").notes) if "disagree" in note]
    assert [note for note in texts(open_segmentation(folder / "labels.nii").notes) if "disagree" in note] == found
    return found


def test_two_sizes_are_both_told(tmp_path: Path):
    larger = PLAIN @ np.diag([1.15, 1.10, 1.05, 1])
    (note,) = notes_of(tmp_path, PLAIN, larger)
    assert note.startswith("qform and sform disagree: voxels of 1×1×1 and 1.15×1.1×1.05 mm")
    assert "the sform is used, other programs may differ" in note
    assert open_scan(tmp_path / "scan.nii").voxel_volume_mm3 == pytest.approx(1.15 * 1.10 * 1.05)


def test_a_size_in_pixdim_that_is_not_the_sforms_is_told_in_millimeters(tmp_path: Path):
    (note,) = notes_of(tmp_path, None, np.diag([1500.0, 1000, 1000, 1]), "micron")
    assert note.startswith("pixdim and sform disagree: voxels of 0.001×0.001×0.001 and 1.5×1×1 mm")


def test_two_sides_are_both_told(tmp_path: Path):
    mirrored = np.diag([-1.0, 1, 1, 1]) @ PLAIN
    (note,) = notes_of(tmp_path, PLAIN, mirrored)
    assert "axes that run LPS and RPS" in note
    assert "positions up to 20 mm apart" in note


def test_two_places_are_told_by_the_furthest_corner(tmp_path: Path):
    away = PLAIN.copy()
    away[1, 3] += 45
    assert "qform and sform disagree: positions up to 45 mm apart;" in notes_of(tmp_path, PLAIN, away)[0]


@pytest.mark.parametrize("turn", [(0, 0, 0), (45, 0, 0), (-20, 44.9, 130)])
def test_equal_transforms_give_no_note(tmp_path: Path, turn: tuple[float, float, float]):
    affine = PLAIN.copy()
    affine[:3, :3] = rotation(*turn) @ np.diag([-0.9375, 0.9375, 1.4])
    assert notes_of(tmp_path, affine, affine) == []
    assert notes_of(tmp_path, affine, None) == []


def test_a_header_that_codes_neither_says_that_sides_are_assumed(tmp_path: Path):
    assert notes_of(tmp_path, None, None) == []
    for notes in (
        texts(open_scan(tmp_path / "scan.nii").notes),
        texts(open_segmentation(tmp_path / "labels.nii").notes),
    ):
        assert any("does not say how the head lies" in note for note in notes)
