"""The head's midline on phantoms that lie as no one should, and on real heads."""

from dataclasses import replace

import nibabel
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tumorscope.core.scan import Scan
from tumorscope.datasets.phantom import make_phantom, plausible_lesion
from tumorscope.io import open_scan
from tumorscope.measurement.lesions import find_lesions
from tumorscope.measurement.position import MIDLINE_MM, find_midline

WITHIN_BRAIN = np.array([(x, y, z) for x in (-45, 0, 45) for y in (-50, 0, 50) for z in (-35, 0, 35)], float)


@pytest.fixture(scope="module")
def phantoms():
    return [make_phantom([plausible_lesion(seed)], seed=seed, shape=(14, 80, 80)) for seed in range(3)]


def moved(scan, angles=(0, 0, 0), shift=(0, 0, 0)):
    """The same head lying elsewhere, and where its own points then lie."""
    place = np.eye(4)
    place[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    place[:3, 3] = shift
    there = WITHIN_BRAIN @ place[:3, :3].T + place[:3, 3]
    return replace(scan, affine=place @ scan.affine), there


@pytest.mark.parametrize(
    ("angles", "shift"),
    [
        ((0, 0, 0), (0, 0, 0)),
        ((0, 0, 12), (14, -20, 5)),
        ((0, 11, 0), (-14, 0, 30)),
        ((-9, -8, -10), (120, 80, -60)),
    ],
)
def test_the_midline_goes_with_the_head_to_within_its_own_uncertainty(phantoms, angles, shift):
    for phantom in phantoms:
        scan, there = moved(phantom.scan, angles, shift)
        midline = find_midline(scan)
        assert midline is not None
        distances = there @ midline.normal - midline.offset_mm
        # The phantom's heads are drawn up to 3 degrees askew and uneven by a millimeter or two.
        assert np.abs(distances - WITHIN_BRAIN[:, 0]).max() < MIDLINE_MM


def test_a_head_that_is_turned_on_its_grid_has_the_same_side(phantoms):
    """The same head, sampled on an oblique sagittal grid: slices run from side to side."""
    phantom = phantoms[1]
    flipped = replace(
        phantom.scan,
        voxels=np.ascontiguousarray(phantom.scan.voxels.transpose(2, 0, 1, 3)),
        affine=phantom.scan.affine[:, [1, 2, 0, 3]],
    )
    mask = np.ascontiguousarray(phantom.mask.transpose(2, 0, 1))
    there = find_lesions(mask, flipped, np.ones(len(mask)))[0]
    here = find_lesions(phantom.mask, phantom.scan, np.ones(len(phantom.mask)))[0]
    assert there.laterality == here.laterality
    assert there.midline_distance_mm == pytest.approx(here.midline_distance_mm, abs=3)


def test_a_lesion_is_on_the_side_it_was_drawn_on(phantoms):
    for phantom in phantoms:
        drawn = phantom.lesions[0].center_mm[0]
        lesion = find_lesions(phantom.mask, phantom.scan, np.ones(len(phantom.mask)))[0]
        assert lesion.laterality == ("right" if drawn > 0 else "left")
        assert lesion.midline_distance_mm == pytest.approx(abs(lesion.center_mm[0]), abs=MIDLINE_MM)


def test_the_masks_of_a_scan_share_one_search(phantoms):
    scan = phantoms[0].scan
    assert find_midline(scan) is find_midline(scan)
    assert find_midline(replace(scan)) is not find_midline(scan)


def test_near_the_plane_it_is_the_midline(phantoms):
    midline = find_midline(phantoms[0].scan)
    assert midline is not None
    on_it = midline.normal * midline.offset_mm
    for away, side in ((0, "midline"), (4.9, "midline"), (5.1, "right"), (-40, "left")):
        assert midline.laterality(tuple(on_it + away * midline.normal)) == side


def test_nothing_is_said_without_an_affine_an_image_or_a_whole_head(phantoms):
    scan = phantoms[0].scan
    assert find_midline(replace(scan, affine=None)) is None
    assert find_midline(replace(scan, voxels=np.zeros_like(scan.voxels))) is None
    half = replace(scan, voxels=scan.voxels[:, :, :30])
    assert find_midline(half) is None
    noise = np.random.default_rng(0).normal(size=(*scan.shape, 1))
    assert find_midline(Scan(noise, ("t1",), "noise", "volume", affine=scan.affine)) is None


def test_a_file_that_does_not_tell_right_from_left_gets_no_side(tmp_path, phantoms):
    scan = phantoms[0].scan
    image = nibabel.Nifti1Image(scan.voxels[..., 0].transpose(2, 1, 0), scan.affine)
    nibabel.save(image, tmp_path / "said.nii")
    image.set_sform(scan.affine, 0)
    image.set_qform(scan.affine, 0)
    nibabel.save(image, tmp_path / "silent.nii")
    assert find_midline(open_scan(tmp_path / "said.nii")) is not None
    assert find_midline(open_scan(tmp_path / "silent.nii")) is None


@pytest.mark.real
def test_the_average_brain_is_cut_in_the_middle(volumes_folder):
    midline = find_midline(open_scan(next(volumes_folder.rglob("healthy_t1_icbm152.nii.gz"))))
    assert midline is not None
    assert abs(midline.offset_mm) < 1
    assert midline.normal[0] > 0.9999


@pytest.mark.real
def test_the_large_metastasis_is_on_the_left_in_either_sequence(volumes_folder):
    scans = [open_scan(next(volumes_folder.rglob(f"{name}.nii.gz"))) for name in ("t1", "flair")]
    planes = [find_midline(scan) for scan in scans]
    place = tuple((scans[0].affine @ (150, 165, 77, 1))[:3])  # column, row and slice within it, as seen
    assert [plane.laterality(place) for plane in planes] == ["left", "left"]
    assert planes[0].distance_mm(place) == pytest.approx(planes[1].distance_mm(place), abs=4)
