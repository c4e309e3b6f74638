"""Phantoms: what is known about them is true, so that other tests may lean on it."""

from __future__ import annotations

import time

import nibabel
import numpy as np
import pytest
from scipy import ndimage

from tumorscope.core.note import texts
from tumorscope.datasets.phantom import (
    Lesion,
    Tissue,
    demo_phantom,
    healthy_twin,
    make_phantom,
    plausible_lesion,
    write_lgg_folder,
    write_nifti,
)
from tumorscope.io.lgg_patient import read_lgg_folder, read_lgg_mask
from tumorscope.preprocessing import Preparation, prepare

SMALL = (12, 96, 96)
DEEP = (32.0, 4.0, 16.0)


@pytest.fixture(scope="module")
def glioma():
    return make_phantom([Lesion(DEEP, (20, 22, 20))], seed=3, shape=SMALL)


def median_by_tissue(phantom, sequence):
    image = phantom.scan.channel(sequence)
    healthy = ~ndimage.binary_dilation(phantom.mask, iterations=3)
    return {tissue: np.median(image[(phantom.labels == tissue) & healthy]) for tissue in Tissue}


@pytest.mark.parametrize("shape", [(24, 160, 160), (12, 96, 96)])
def test_mask_volume_is_the_ellipsoids(shape):
    lesion = Lesion(DEEP, (19, 23, 21), irregularity=0)
    phantom = make_phantom([lesion], shape=shape)
    assert phantom.volume_mm3 == pytest.approx(lesion.ellipsoid_volume_mm3, rel=0.05)


def test_an_irregular_contour_keeps_its_size_and_is_connected():
    for seed in range(4):
        lesion = Lesion(DEEP, (20, 20, 20))
        phantom = make_phantom([lesion], seed=seed, shape=(16, 80, 80))
        assert phantom.volume_mm3 == pytest.approx(lesion.ellipsoid_volume_mm3, rel=0.35)
        assert ndimage.label(phantom.mask)[1] == 1


def test_affine_leads_from_the_masks_center_to_the_lesions():
    lesion = Lesion((-30.0, 22.0, 12.0), (18, 20, 18), irregularity=0)
    phantom = make_phantom([lesion], shape=(24, 128, 128))
    slice_, row, column = ndimage.center_of_mass(phantom.mask)
    reached = phantom.scan.affine @ [column, row, slice_, 1]
    assert reached[:3] == pytest.approx(lesion.center_mm, abs=0.5)


def test_columns_grow_to_the_left_rows_to_posterior_slices_to_superior():
    affine = make_phantom(shape=SMALL).scan.affine
    assert np.array_equal(np.sign(np.diag(affine)), [-1, -1, 1, 1])
    right = make_phantom([Lesion((32, 30, 16), (15, 15, 15))], shape=SMALL).mask
    _, row, column = ndimage.center_of_mass(right)
    assert column < SMALL[2] / 2  # the patient's right is on the image's left
    assert row < SMALL[1] / 2  # and anterior at its top


def test_field_of_view_holds_whatever_the_shape():
    coarse, fine = make_phantom(shape=SMALL), make_phantom(shape=(24, 128, 128))
    assert coarse.scan.spacing_mm == pytest.approx((11, 2.4, 2.4))
    volumes = [(p.labels > 0).sum() * p.scan.voxel_volume_mm3 for p in (coarse, fine)]
    assert volumes[0] == pytest.approx(volumes[1], rel=0.05)
    spaced = make_phantom(shape=SMALL, spacing_mm=(10, 2, 2.5))
    assert spaced.scan.spacing_mm == pytest.approx((10, 2, 2.5))


def test_same_seed_same_voxels_other_seed_other_head():
    first, again, other = (make_phantom([Lesion(DEEP, (18, 18, 18))], seed=s, shape=SMALL) for s in (5, 5, 6))
    assert np.array_equal(first.scan.voxels, again.scan.voxels)
    assert np.array_equal(first.mask, again.mask)
    assert not np.array_equal(first.scan.voxels, other.scan.voxels)
    assert not np.array_equal(first.labels, other.labels)


def test_choosing_sequences_changes_none_of_them():
    every = make_phantom(seed=2, shape=SMALL, sequences=("t1", "flair", "t1c", "t2"), noise=0)
    one = make_phantom(seed=2, shape=SMALL, sequences=("flair",), noise=0)
    assert one.scan.sequences == ("flair",)
    assert np.array_equal(one.scan.channel("flair"), every.scan.channel("flair"))


def test_twin_differs_only_at_the_lesion(glioma):
    twin = healthy_twin(glioma)
    assert not twin.mask.any()
    assert twin.lesions == ()
    assert np.array_equal(twin.labels, glioma.labels)
    changed = (twin.scan.voxels != glioma.scan.voxels).any(axis=-1)
    away_mm = ndimage.distance_transform_edt(~glioma.mask, sampling=glioma.scan.spacing_mm)
    assert changed[glioma.mask].mean() > 0.95
    assert not changed[away_mm > 12].any()  # a slice is 11 mm


def test_several_lesions_are_several_components():
    lesions = [
        Lesion((32, 28, 14), (13, 13, 14)),
        Lesion((-32, 5, 16), (14, 14, 14)),
        Lesion((33, -36, 16), (12, 14, 14)),
    ]
    phantom = make_phantom(lesions, shape=(24, 128, 128))
    assert ndimage.label(phantom.mask)[1] == 3


def test_a_lesion_does_not_grow_through_the_skull():
    phantom = make_phantom([Lesion((60, 0, 16), (20, 20, 20))], shape=(24, 128, 128))
    assert phantom.mask.any()
    outside = np.isin(phantom.labels, [Tissue.AIR, Tissue.SKIN, Tissue.FAT, Tissue.MARROW])
    assert not (phantom.mask & outside).any()


@pytest.mark.parametrize("seed", range(3))
def test_healthy_tissue_has_the_order_of_each_sequence(seed):
    phantom = make_phantom(seed=seed, shape=(24, 144, 144), bias=0)
    flair, t1, t1c = (median_by_tissue(phantom, sequence) for sequence in ("flair", "t1", "t1c"))
    assert (
        flair[Tissue.BONE]
        < flair[Tissue.CSF]
        < flair[Tissue.WHITE_MATTER]
        < flair[Tissue.GRAY_MATTER]
        < flair[Tissue.FAT]
    )
    assert t1[Tissue.CSF] < t1[Tissue.GRAY_MATTER] < t1[Tissue.WHITE_MATTER] < t1[Tissue.FAT]
    assert t1c[Tissue.VESSEL] > 1.5 * t1c[Tissue.WHITE_MATTER]
    assert t1[Tissue.VESSEL] < t1[Tissue.WHITE_MATTER]


@pytest.mark.parametrize("seed", range(4))
def test_glioma_is_bright_on_flair_dark_on_t1_and_does_not_enhance(seed):
    phantom = make_phantom([Lesion(DEEP, (20, 22, 20))], seed=seed, shape=(12, 128, 128), bias=0)
    for sequence, low, high in (("flair", 1.4, 1.9), ("t1", 0.7, 0.95), ("t1c", 0.7, 0.95)):
        lesion = np.median(phantom.scan.channel(sequence)[phantom.mask])
        assert low < lesion / median_by_tissue(phantom, sequence)[Tissue.WHITE_MATTER] < high


def test_enhancing_lesion_has_a_ring_on_t1c_alone():
    lesion = Lesion(DEEP, (22, 22, 22), "enhancing", irregularity=0)
    phantom = make_phantom([lesion], shape=(24, 128, 128), bias=0)
    twin = healthy_twin(phantom)
    center = np.array(lesion.center_mm)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in phantom.mask.shape), indexing="ij"), axis=-1)
    places = index[..., ::-1] @ phantom.scan.affine[:3, :3].T + phantom.scan.affine[:3, 3]
    radius = np.linalg.norm(places - center, axis=-1) / 22
    ring, core, edema = (radius > 0.48) & (radius < 0.58), radius < 0.3, (radius > 0.72) & (radius < 0.9)
    t1c, flair, healthy_t1c = phantom.scan.channel("t1c"), phantom.scan.channel("flair"), twin.scan.channel("t1c")
    white = np.median(healthy_t1c[twin.labels == Tissue.WHITE_MATTER])
    assert np.median(t1c[ring]) > 1.7 * white
    assert np.median(t1c[core]) < 0.8 * white
    assert np.median(t1c[edema]) < white
    assert np.median(flair[edema]) > 1.4 * np.median(twin.scan.channel("flair")[edema])
    assert np.median(phantom.scan.channel("t1")[ring]) < white


def test_meningioma_enhances_as_a_whole():
    phantom = make_phantom([Lesion((52, 5, 18), (16, 18, 16), "meningioma")], shape=(12, 128, 128))
    twin = healthy_twin(phantom)
    brighter = phantom.scan.channel("t1c")[phantom.mask] / np.maximum(twin.scan.channel("t1c")[phantom.mask], 1.0)
    assert np.median(brighter) > 1.8


def test_demo_lesion_is_35_to_45_mm_across_and_stands_out_after_preparation():
    phantom = demo_phantom(shape=(24, 128, 128))
    assert all(34 < 2 * radius < 46 for radius in phantom.lesions[0].radii_mm)
    assert phantom.scan.voxels.dtype == np.uint16
    assert phantom.scan.case == "phantom-0"
    prepared = prepare(phantom.scan.voxels, Preparation(size=128))
    mask = prepared.crop_resize.forward(phantom.mask) > 0.9
    # TCGA-LGG has a median from 0.5 to 1.9 there.
    assert 0.7 < np.median(prepared.images[:, 1][mask]) < 2.1


def test_plausible_lesions_lie_in_either_hemisphere():
    centers = np.array([plausible_lesion(seed).center_mm for seed in range(20)])
    assert (centers[:, 0] > 0).any()
    assert (centers[:, 0] < 0).any()
    assert plausible_lesion(4) == plausible_lesion(4)


def test_noise_and_bias_can_be_left_out():
    still = make_phantom(shape=SMALL, noise=0, bias=0)
    assert not np.array_equal(still.scan.voxels, make_phantom(shape=SMALL, noise=0.03, bias=0).scan.voxels)
    assert np.ptp(still.scan.voxels[:, :, :4]) <= 1  # air beside the ear


def test_impossible_lesions_are_refused():
    with pytest.raises(ValueError, match="contrast"):
        Lesion((0, 0, 0), (10, 10, 10), "bright")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="positive"):
        Lesion((0, 0, 0), (10, 0, 10))


def test_lgg_folder_reads_back(tmp_path, glioma):
    folder = write_lgg_folder(glioma, tmp_path, case="TCGA_XX_0003_20000101")
    assert folder == tmp_path / "TCGA_XX_0003_20000101"
    scan = read_lgg_folder(folder)
    assert scan.sequences == ("t1", "flair", "t1c")
    assert texts(scan.notes) == ()
    assert scan.voxels.dtype == np.uint8
    assert np.array_equal(read_lgg_mask(folder), glioma.mask)
    unclipped = scan.voxels < 255
    assert unclipped.mean() > 0.99
    assert np.corrcoef(scan.voxels[unclipped], glioma.scan.voxels[unclipped])[0, 1] > 0.999


def test_lgg_folder_is_named_by_the_seed(tmp_path):
    assert write_lgg_folder(make_phantom(seed=7, shape=SMALL), tmp_path).name == "PHANTOM_7"


def test_nifti_files_lie_where_the_scan_lies(tmp_path, glioma):
    paths = write_nifti(glioma, tmp_path / "nifti")
    assert sorted(paths) == ["flair", "mask", "t1", "t1c"]
    image, mask = nibabel.load(paths["flair"]), nibabel.load(paths["mask"])
    assert image.shape == SMALL[::-1]
    assert nibabel.aff2axcodes(image.affine) == ("L", "P", "S")
    assert np.allclose(image.affine, glioma.scan.affine)
    stored = np.asarray(image.dataobj)
    assert np.array_equal(glioma.scan.stored.to_scan(stored), glioma.scan.channel("flair"))
    assert np.array_equal(np.asarray(mask.dataobj).T > 0, glioma.mask)


def test_drawing_is_fast_enough_for_tests():
    start = time.process_time()
    make_phantom(shape=(8, 96, 96))
    assert time.process_time() - start < 1  # 0.1 s on an idle core
