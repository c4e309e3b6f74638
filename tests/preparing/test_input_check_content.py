from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tumorscope.core.scan import Scan
from tumorscope.datasets.phantom import Phantom, Tissue, make_phantom, plausible_lesion
from tumorscope.preprocessing.input_check.content import content_reason, reject_by_content


@cache
def phantom() -> Phantom:
    return make_phantom([plausible_lesion(1)], seed=1, shape=(20, 96, 96), sequences=("t1", "flair", "t1c", "t2"))


def volume(*channels: np.ndarray, sequences: tuple[str, ...] | None = None) -> Scan:
    return Scan(np.stack(channels, axis=-1), sequences or ("unknown",) * len(channels), "case", "volume")


@pytest.mark.parametrize("sequence", ["t1", "flair", "t1c", "t2"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_structural_mri_is_not_rejected(sequence, dtype):
    values = phantom().scan.channel(sequence).astype(float)
    highest = 255 if dtype == np.uint8 else 1 if dtype == np.float32 else 4000
    assert content_reason(volume((values / values.max() * highest).astype(dtype))) is None


def test_neither_zero_mean_nor_few_gray_levels_nor_enlarged_pixels_reject_an_mri():
    values = phantom().scan.channel("t1").astype(np.float32)
    assert content_reason(volume((values - values.mean()) / values.std())) is None
    assert content_reason(volume((values / values.max() * 16).astype(np.uint8))) is None
    assert content_reason(volume(values.astype(np.uint16).repeat(2, axis=1).repeat(2, axis=2))) is None


def test_an_mri_shifted_to_where_ct_has_its_air_is_not_rejected():
    values = phantom().scan.channel("t1").astype(np.int16)
    assert content_reason(volume(values - 1024)) is None


def test_segmentations_are_label_maps():
    mask = phantom().mask
    assert "label map" in str(content_reason(volume(mask.astype(np.uint8))))
    assert "label map" in str(content_reason(volume(phantom().labels)))
    assert "label map" in str(content_reason(volume(phantom().labels.astype(np.float32) * np.float32(1.00001))))


def test_an_atlas_of_more_labels_than_a_mask_has_is_a_label_map():
    random, block = np.random.default_rng(0), np.ones((6, 12, 12), np.uint16)
    labels = np.kron(random.integers(1, 12_000, (4, 8, 8)).astype(np.uint16), block)
    assert len(np.unique(labels)) > 200
    assert "atlas" in str(content_reason(volume(labels)))


def test_a_tissue_probability_map_is_named():
    from scipy import ndimage

    white = ndimage.gaussian_filter((phantom().labels == Tissue.WHITE_MATTER).astype(np.float32), (0.3, 0.8, 0.8))
    assert "tissue probability map" in str(content_reason(volume(np.clip(white, 0, 1))))
    gray = (1 - white) * (phantom().labels > Tissue.DURA)
    rest = 1 - white - gray
    assert "probability maps" in str(content_reason(volume(white, gray, rest)))


def test_a_ct_in_hounsfield_units_is_named():
    units = np.full(len(Tissue), 40.0)
    units[[Tissue.AIR, Tissue.BONE, Tissue.MARROW, Tissue.FAT, Tissue.CSF]] = -1000, 1100, 300, -90, 8
    noise = np.random.default_rng(0).normal(0, 6, phantom().labels.shape)
    assert "Hounsfield" in str(content_reason(volume((units[phantom().labels] + noise).astype(np.int16))))
    outside = np.where(np.indices(noise.shape)[2] < 8, -2000, units[phantom().labels] + noise)
    assert "Hounsfield" in str(content_reason(volume(outside.astype(np.float32))))


def test_diffusion_coefficients_in_their_own_unit_are_named():
    coefficients = np.full(len(Tissue), 0.0008, np.float32)
    coefficients[[Tissue.AIR, Tissue.BONE, Tissue.CSF]] = 0, 0.0001, 0.003
    assert "diffusion" in str(content_reason(volume(coefficients[phantom().labels] * 1.1 + np.float32(1e-6))))


def test_volumes_that_hardly_differ_are_a_time_series():
    values, random = phantom().scan.channel("t2").astype(np.float32), np.random.default_rng(0)
    series = [values * (1 + 0.01 * place) + random.normal(0, 8, values.shape).astype(np.float32) for place in range(5)]
    assert "time series, 5 volumes" in str(content_reason(volume(*series)))


def test_sequences_of_one_head_are_not_a_time_series():
    scan = phantom().scan
    assert content_reason(scan) is None
    unnamed = volume(*(scan.channel(name) for name in scan.sequences))
    assert content_reason(unnamed) is None
    flair = scan.channel("flair")  # which stands for missing sequences in published data
    assert content_reason(volume(flair, flair, flair)) is None


def test_one_structural_channel_is_enough():
    labels, flair = phantom().labels.astype(np.uint16), phantom().scan.channel("flair")
    assert content_reason(volume(labels, flair, sequences=("t1", "flair"))) is None


def test_what_the_header_says_goes_first():
    scan = volume(phantom().labels)
    assert "label map" in str(reject_by_content(scan).rejection_reason)
    header = Scan(scan.voxels, scan.sequences, "case", "volume", rejection_reason="Modality is CT")
    assert reject_by_content(header).rejection_reason == "Modality is CT"
