from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
from reading.files import heads, rotation, write_nifti

from tumorscope.core.errors import TumorscopeError, UnreadableScan
from tumorscope.core.note import texts
from tumorscope.io import open_scan
from tumorscope.io.formats import stem
from tumorscope.io.volumes import read_stored_volume, read_volume

VOLUME = heads(20, 22, 18).transpose(2, 1, 0)  # stored (x, y, z)


def oblique() -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = rotation(10, -7, 15) @ np.diag([-0.9, 1.1, 2.5])
    affine[:3, 3] = (80, -60, 12)
    return affine


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_every_voxel_keeps_its_place_in_the_patient(tmp_path: Path, suffix: str):
    scan = read_volume(write_nifti(tmp_path / f"a{suffix}", VOLUME, oblique()))
    assert scan.affine is not None
    assert scan.voxels.dtype == VOLUME.dtype
    for index in [(0, 0, 0), (3, 17, 9), (17, 21, 19)]:
        column, row, slice_ = np.rint(np.linalg.inv(scan.affine) @ oblique() @ (*index, 1))[:3].astype(int)
        assert scan.voxels[slice_, row, column, 0] == VOLUME[index]


def test_a_mask_returns_to_the_stored_grid(tmp_path: Path):
    path = write_nifti(tmp_path / "a.nii.gz", VOLUME, oblique())
    scan = read_volume(path)
    assert scan.stored is not None
    back = scan.stored.to_stored(scan.voxels[..., 0])
    assert np.array_equal(back, VOLUME)
    assert back.shape == nibabel.load(path).shape
    assert np.allclose(scan.stored.affine, nibabel.load(path).affine)


def test_sizes_are_those_of_the_header(tmp_path: Path):
    scan = read_volume(write_nifti(tmp_path / "a.nii", VOLUME, oblique()))
    assert scan.spacing_mm == pytest.approx((2.5, 1.1, 0.9))
    assert scan.voxel_volume_mm3 == pytest.approx(2.5 * 1.1 * 0.9)


def test_scaled_integers_have_their_slope_applied(tmp_path: Path):
    image = nibabel.Nifti1Image(VOLUME, np.eye(4))
    image.header.set_slope_inter(0.5, 10)
    nibabel.save(image, tmp_path / "a.nii")
    stored = nibabel.load(tmp_path / "a.nii").get_fdata()
    assert np.allclose(read_stored_volume(tmp_path / "a.nii").array, stored, atol=1e-2)


def test_the_fourth_axis_is_channels(tmp_path: Path):
    array = np.stack([VOLUME, VOLUME + 5], -1)
    path = write_nifti(tmp_path / "a_flair.nii", array)
    assert read_volume(path).sequences == ("unknown", "unknown")
    scan = read_volume(path, channels=["t1", "flair"])
    assert scan.sequences == ("t1", "flair")
    assert np.array_equal(scan.channel("flair"), scan.channel("t1") + 5)


def test_three_volumes_without_names_are_not_the_three_sequences_of_a_bundle(tmp_path: Path):
    """Three points in time of a functional MRI fill three channels just as well."""
    from tumorscope.inference.bundle_choice import choose_bundles
    from tumorscope.inference.bundles import shipped_bundles

    path = write_nifti(tmp_path / "bold.nii", VOLUME[..., None].repeat(3, -1))
    with pytest.raises(TumorscopeError, match="no bundle takes unknown, unknown, unknown"):
        choose_bundles(open_scan(path), shipped_bundles())
    scan = open_scan(path, channels=["t1", "flair", "t1c"])
    assert choose_bundles(scan, shipped_bundles())[0].bundle.name == "lgg"


def test_axes_of_length_one_at_the_end_mean_nothing(tmp_path: Path):
    scan = read_volume(write_nifti(tmp_path / "a.nii", VOLUME[..., None, None]))
    assert scan.shape == (20, 22, 18)
    assert scan.stored is not None
    assert scan.stored.shape == VOLUME.shape


def test_a_flat_nifti_is_one_slice(tmp_path: Path):
    scan = read_volume(write_nifti(tmp_path / "a.nii", VOLUME[..., 7]))
    assert scan.shape == (1, 22, 18)
    assert scan.stored is not None
    assert scan.stored.to_stored(scan.voxels[..., 0]).shape == (18, 22)


def test_the_name_tells_the_sequence_and_a_note_says_so(tmp_path: Path):
    scan = read_volume(write_nifti(tmp_path / "case_7_t1ce.nii.gz", VOLUME))
    assert scan.sequences == ("t1c",)
    assert scan.case == "case_7_t1ce"
    assert "sequence t1c taken from the name case_7_t1ce" in texts(scan.notes)


def test_a_header_without_orientation_is_read_with_a_note(tmp_path: Path):
    image = nibabel.Nifti1Image(VOLUME, None)
    nibabel.save(image, tmp_path / "a.nii")
    scan = read_volume(tmp_path / "a.nii")
    assert scan.shape == (20, 22, 18)
    assert any("does not say how the head lies" in note for note in texts(scan.notes))


def test_meters_become_millimeters(tmp_path: Path):
    image = nibabel.Nifti1Image(VOLUME, np.diag([0.001, 0.001, 0.002, 1]))
    image.header.set_xyzt_units("meter")
    nibabel.save(image, tmp_path / "a.nii")
    assert read_volume(tmp_path / "a.nii").spacing_mm == pytest.approx((2, 1, 1))


def test_big_endian_nifti_2_without_a_suffix_is_read(tmp_path: Path):
    image = nibabel.Nifti2Image(VOLUME.astype(">i2"), np.eye(4))
    nibabel.save(image, tmp_path / "a.nii")
    (tmp_path / "a.nii").rename(tmp_path / "volume")
    scan = read_volume(tmp_path / "volume")
    assert scan.voxels.dtype == np.dtype("int16")
    assert scan.voxels.dtype.isnative


def test_doubles_become_float32(tmp_path: Path):
    assert read_volume(write_nifti(tmp_path / "a.nii", VOLUME.astype(float))).voxels.dtype == np.float32


def test_sixteen_channels_are_the_most(tmp_path: Path):
    assert len(read_volume(write_nifti(tmp_path / "a.nii", VOLUME[..., None].repeat(16, -1))).sequences) == 16
    with pytest.raises(UnreadableScan, match="a time series of 17 volumes"):
        read_volume(write_nifti(tmp_path / "b.nii", VOLUME[..., None].repeat(17, -1)))


def one_volume_for_three(path: Path, volumes: float = 1) -> Path:
    """A file whose header promises three volumes and that holds fewer."""
    import gzip

    content = nibabel.Nifti1Image(VOLUME[..., None].repeat(3, -1), oblique()).to_bytes()
    content = content[: 352 + int(VOLUME.nbytes * volumes)]
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_one_volume_under_a_header_for_three_is_read_with_a_note(tmp_path: Path, suffix: str):
    scan = read_volume(one_volume_for_three(tmp_path / f"a{suffix}"))
    assert scan.sequences == ("unknown",)
    assert np.array_equal(scan.stored.to_stored(scan.voxels[..., 0]), VOLUME)
    assert "the header promises 3 volumes, but the file holds one, which is read" in texts(scan.notes)


@pytest.mark.parametrize("volumes", [0.5, 1.5, 2])
def test_any_other_length_is_a_truncated_file(tmp_path: Path, volumes: float):
    with pytest.raises(UnreadableScan, match="damaged or truncated NIfTI"):
        read_volume(one_volume_for_three(tmp_path / "a.nii", volumes))


@pytest.mark.parametrize("image_class", [nibabel.Nifti1Pair, nibabel.Nifti2Pair])
@pytest.mark.parametrize(("header", "voxels"), [("a.hdr", "a.img"), ("a.hdr.gz", "a.img.gz"), ("A.HDR", "A.IMG")])
def test_a_pair_is_read_by_either_of_its_names(tmp_path: Path, header: str, voxels: str, image_class: type):
    # The first voxels look like the start of an old DICOM file.
    values = VOLUME.copy()
    values[:3, 0, 0] = 2, 0, 0
    nibabel.save(image_class(values, oblique()), tmp_path / header.lower())
    for name in (header, voxels):
        (tmp_path / name.lower()).rename(tmp_path / name)
    for name in (header, voxels):
        scan = open_scan(tmp_path / name)
        assert scan.case.lower() == "a"
        assert np.array_equal(scan.stored.to_stored(scan.voxels[..., 0]), values)
        assert np.allclose(scan.stored.affine, oblique(), atol=1e-5)
    assert open_scan(tmp_path).shape == scan.shape, "a folder that holds a pair holds one scan"


@pytest.mark.parametrize(
    ("name", "case"),
    [("a.b.nii.gz", "a.b"), ("a.NII", "a"), ("plain", "plain"), ("x.gz", "x"), ("a.hdr.gz", "a"), ("a.hdr", "a")],
)
def test_cases_are_names_without_suffix(name: str, case: str):
    assert stem(Path(name)) == case


@pytest.mark.real
def test_the_real_flair_is_axial_with_the_face_up(volumes_folder: Path):
    path = next(volumes_folder.rglob("flair.nii.gz"))
    scan = read_volume(path)
    assert scan.shape == (155, 240, 240)
    assert scan.sequences == ("flair",)
    assert np.allclose(scan.affine[:3, :3], np.diag([-1, -1, 1]))  # type: ignore[index]
    assert np.array_equal(scan.stored.to_stored(scan.voxels[..., 0]), np.asarray(nibabel.load(path).dataobj))  # type: ignore[union-attr]


def test_a_volume_as_it_was_stored_is_not_kept(tmp_path: Path):
    """By nibabel's import, in a process that collects no cycles by itself."""
    path = write_nifti(tmp_path / "a.nii.gz", VOLUME, oblique())
    code = (
        "import gc, sys; gc.disable();"
        "from tumorscope.io import open_scan; from tumorscope.io.volumes import StoredVolume;"
        "scan = open_scan(sys.argv[1]);"
        "print(scan.kind, sum(isinstance(each, StoredVolume) for each in gc.get_objects()))"
    )
    found = subprocess.run([sys.executable, "-c", code, path], check=True, capture_output=True, text=True)
    assert found.stdout == "volume 0\n"
