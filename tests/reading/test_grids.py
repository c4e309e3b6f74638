"""Volumes of one patient on grids of their own, as dcm2niix writes them."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import texts
from tumorscope.datasets.phantom import Lesion, Phantom, make_phantom
from tumorscope.io import open_scan
from tumorscope.preprocessing import registration
from tumorscope.preprocessing.registration import RigidTransform

GRIDS = {
    "flair": ((26, 256, 208), (5.0, 0.9, 0.95)),
    "t1": ((26, 224, 256), (5.2, 1.0, 0.9)),
    "t1c": ((26, 256, 224), (4.8, 0.85, 0.95)),
}
"""Slices, rows, columns and their spacing."""
NEEDED = ("flair", "t1", "t1c")


@pytest.fixture(scope="module")
def phantoms() -> dict[str, Phantom]:
    """One head with one lesion, sampled on three grids."""
    lesion = Lesion((30, -15, 10), (24, 20, 22))
    return {
        name: make_phantom([lesion], shape=shape, spacing_mm=spacing, sequences=(name,))
        for name, (shape, spacing) in GRIDS.items()
    }


def save(path: Path, array: np.ndarray, affine: np.ndarray, code: int = 1) -> Path:
    """A volume ``(slice, row, column)``, stored with its columns reversed."""
    stored = array.T[::-1]
    affine = affine @ np.array([[-1, 0, 0, len(stored) - 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    image = nibabel.Nifti1Image(np.ascontiguousarray(stored), affine)
    image.set_sform(affine, code)
    image.set_qform(affine, code)
    if code == 0:  # nibabel would write the affine for its own sake
        image = nibabel.Nifti1Image(np.ascontiguousarray(stored), None)
        image.header.set_zooms(np.linalg.norm(affine[:3, :3], axis=0))
    nibabel.save(image, path)
    return path


@pytest.fixture
def folder(phantoms: dict[str, Phantom], tmp_path: Path) -> Path:
    """The lesion's mask, as intensities, of each sequence."""
    folder = tmp_path / "patient"
    folder.mkdir()
    for name, phantom in phantoms.items():
        save(folder / f"{name}.nii", phantom.mask.astype(np.int16) * 1000, phantom.scan.affine)
    return folder


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def test_volumes_are_resampled_onto_flairs_grid_by_their_affines(folder: Path, phantoms: dict[str, Phantom]):
    scan = open_scan(folder)
    assert scan.sequences == ("t1", "t1c", "flair")
    assert scan.shape == (26, 256, 208)
    true = phantoms["flair"].mask
    assert np.array_equal(scan.channel("flair") > 500, true)
    for name in ("t1", "t1c"):
        assert dice(scan.channel(name) > 500, true) > 0.95
        assert f"{name} resampled onto the slices of flair" in texts(scan.notes)


def test_a_mask_returns_on_flairs_stored_grid(folder: Path, phantoms: dict[str, Phantom]):
    scan = open_scan(folder)
    file = nibabel.load(folder / "flair.nii")
    assert scan.stored is not None
    np.testing.assert_allclose(scan.stored.affine, file.affine, atol=1e-4)
    assert np.array_equal(scan.stored.to_stored(phantoms["flair"].mask), np.asarray(file.dataobj) > 500)


def test_a_volume_that_was_broken_off_does_not_set_the_slices(folder: Path, phantoms: dict[str, Phantom]):
    flair = phantoms["flair"]
    save(folder / "flair.nii", flair.mask[:3].astype(np.int16) * 1000, flair.scan.affine)
    scan = open_scan(folder)
    assert scan.sequences == ("t1", "t1c")
    assert np.array_equal(scan.channel("t1c") > 500, phantoms["t1c"].mask)
    assert "flair shows 15 mm of the head, t1c 125 mm: the slices are those of t1c" in texts(scan.notes)


def test_without_flair_and_t1c_the_finest_axial_grid_is_taken(folder: Path, phantoms: dict[str, Phantom]):
    (folder / "flair.nii").unlink()
    assert open_scan(folder).shape == (26, 256, 224)  # T1c's
    (folder / "t1c.nii").unlink()
    fine = phantoms["t1c"]
    save(folder / "t2.nii", fine.mask.astype(np.int16) * 1000, fine.scan.affine)
    assert open_scan(folder).shape == (26, 256, 224)  # T2's, whose voxels are smaller than T1's


def t2_is_damaged(folder: Path) -> None:
    content = (folder / "t1.nii").read_bytes()
    (folder / "t2.nii").write_bytes(content[: len(content) // 2])


def t2_is_in_a_templates_space(folder: Path) -> None:
    image = nibabel.load(folder / "t1.nii")
    save(folder / "t2.nii", np.asarray(image.dataobj).T, image.affine, code=4)


def t2_has_two_channels(folder: Path) -> None:
    image = nibabel.load(folder / "t1.nii")
    nibabel.save(nibabel.Nifti1Image(np.stack([image.dataobj] * 2, -1), image.affine), folder / "t2.nii")


def t2_is_there_twice(folder: Path) -> None:
    for name in ("t2_tse", "t2_tse_again"):
        (folder / f"{name}.nii").write_bytes((folder / "t1.nii").read_bytes())


@pytest.mark.parametrize("spoil", [t2_is_damaged, t2_is_in_a_templates_space, t2_has_two_channels, t2_is_there_twice])
def test_a_sequence_that_no_bundle_needs_never_stops_a_case(folder: Path, spoil):
    spoil(folder)
    scan = open_scan(folder, needed=NEEDED)
    assert scan.sequences == ("t1", "t1c", "flair")
    assert any(text.startswith("t2 left out") for text in texts(scan.notes))
    with pytest.raises(UnreadableScan):
        open_scan(folder)


def test_a_needed_volume_in_another_frame_of_reference_stops_it(folder: Path, phantoms: dict[str, Phantom]):
    t1 = phantoms["t1"]
    save(folder / "t1.nii", t1.mask.astype(np.int16) * 1000, t1.scan.affine, code=4)
    with pytest.raises(UnreadableScan, match="t1 and flair have different frames of reference.*--register"):
        open_scan(folder, needed=NEEDED)


def test_a_volume_without_a_position_is_not_resampled_by_guessing(folder: Path, phantoms: dict[str, Phantom]):
    t1 = phantoms["t1"]
    save(folder / "t1.nii", t1.mask.astype(np.int16) * 1000, t1.scan.affine, code=0)
    with pytest.raises(UnreadableScan, match="t1 does not state its position in the patient; give --register"):
        open_scan(folder, needed=NEEDED)


def test_registration_works_for_volumes(folder: Path, phantoms: dict[str, Phantom], monkeypatch):
    """T1's head is 10 mm further right by its header, as if the patient had moved; the movement is found."""
    t1, moved = phantoms["t1"], np.eye(4)
    moved[0, 3] = 10
    save(folder / "t1.nii", t1.mask.astype(np.int16) * 1000, moved @ t1.scan.affine)
    true = phantoms["flair"].mask
    assert dice(open_scan(folder).channel("t1") > 500, true) < 0.9

    def found(moving, moving_affine, fixed, fixed_affine, name):
        return RigidTransform(moved if name.endswith("t1") else np.eye(4), 10.0, 0.0)

    monkeypatch.setattr(registration, "register_rigid", found)
    scan = open_scan(folder, register=True)
    assert dice(scan.channel("t1") > 500, true) > 0.95
    assert "t1 registered onto flair: moved by 10.0 mm, turned by 0.0°" in texts(scan.notes)


def test_a_registration_that_fails_leaves_out_what_is_not_needed(folder: Path, monkeypatch):
    t2_is_in_a_templates_space(folder)

    def refuse(moving, moving_affine, fixed, fixed_affine, name):
        if name.endswith("t2"):
            raise UnreadableScan(f"{name}: cannot be registered, the two heads do not fit onto each other")
        return RigidTransform(np.eye(4), 0.0, 0.0)

    monkeypatch.setattr(registration, "register_rigid", refuse)
    assert open_scan(folder, register=True, needed=NEEDED).sequences == ("t1", "t1c", "flair")
    with pytest.raises(UnreadableScan, match="cannot be registered"):
        open_scan(folder, register=True)


def test_of_several_volumes_of_one_sequence_the_best_is_taken(folder: Path):
    image = nibabel.load(folder / "t1.nii")
    coarse = np.asarray(image.dataobj)[:, :, ::2]
    affine = image.affine @ np.diag([1, 1, 2, 1.0])
    nibabel.save(nibabel.Nifti1Image(coarse, affine), folder / "t1_coarse.nii")
    scan = open_scan(folder)
    assert "t1.nii is taken of 2 t1 files: more slices" in texts(scan.notes)


def test_dcm2niix_s_copy_with_equal_distances_is_taken(folder: Path):
    for each in ("t1c", "flair"):
        (folder / f"{each}.nii").unlink()
    image = nibabel.load(folder / "t1.nii")
    gap = np.delete(np.asarray(image.dataobj), 12, axis=2)
    (folder / "t1.nii").rename(folder / "t1_Eq_1.nii")
    nibabel.save(nibabel.Nifti1Image(gap, image.affine), folder / "t1.nii")
    told = "t1.nii: its slices are not where its header says; t1_Eq_1.nii has them at equal distances"
    scan = open_scan(folder)
    np.testing.assert_array_equal(scan.voxels, open_scan(folder / "t1_Eq_1.nii").voxels)
    assert told in texts(scan.notes)
    assert told in texts(open_scan(folder / "t1.nii").notes)
    assert "equal distances" not in " ".join(texts(open_scan(folder / "t1_Eq_1.nii").notes))


def test_the_user_says_what_a_file_shows(folder: Path):
    (folder / "t1.nii").rename(folder / "scan.nii")
    assert open_scan(folder).sequences == ("t1c", "flair")
    scan = open_scan(folder, stated={"SCAN.nii": "T2", "t1c.nii": "unknown"})
    assert scan.sequences == ("t2", "flair")
    alone = open_scan(folder / "scan.nii", stated={"scan.nii": "t1"})
    assert alone.sequences == ("t1",)
    with pytest.raises(UnreadableScan, match="no sequence is named 'ct'"):
        open_scan(folder, stated={"scan.nii": "ct"})


def test_other_formats_of_volumes_take_the_same_way(folder: Path, phantoms: dict[str, Phantom]):
    sitk = pytest.importorskip("SimpleITK")
    for name, suffix in (("t1", ".nrrd"), ("t1c", ".mha")):
        sitk.WriteImage(sitk.ReadImage(str(folder / f"{name}.nii")), str(folder / f"{name}{suffix}"))
        (folder / f"{name}.nii").unlink()
    scan = open_scan(folder)
    for name in ("t1", "t1c"):
        assert dice(scan.channel(name) > 500, phantoms["flair"].mask) > 0.95
