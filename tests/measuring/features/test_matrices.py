"""Texture matrices and the other building blocks against libraries, hand counts and plain sums."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from measuring.features.phantom import digital_phantom
from scipy.special import elliprg
from skimage.feature import graycomatrix, graycoprops

from tumorscope.measurement.radiomics import FeatureSettings, extract_features
from tumorscope.measurement.radiomics.aggregation import directions
from tumorscope.measurement.radiomics.autocorrelation import autocorrelation
from tumorscope.measurement.radiomics.cooccurrence import cooccurrence_matrix
from tumorscope.measurement.radiomics.glrlm import run_length_matrix
from tumorscope.measurement.radiomics.shape import ellipsoid_area

LEVELS = np.random.default_rng(1).integers(1, 6, (14, 17))
ANGLES = {(0, 0, 1): 0, (0, 1, 1): np.pi / 4, (0, 1, 0): np.pi / 2, (0, 1, -1): 3 * np.pi / 4}


def test_there_are_four_directions_in_a_slice_and_thirteen_in_a_volume():
    assert set(directions(False)) == set(ANGLES)
    every = directions(True)
    assert len(every) == 13
    assert len({*every, *((-a, -b, -c) for a, b, c in every)}) == 26


@pytest.mark.parametrize("offset", ANGLES)
def test_without_a_mask_a_slices_cooccurrence_is_scikit_images(offset):
    expected = graycomatrix((LEVELS - 1).astype(np.uint8), [1], [ANGLES[offset]], levels=5, symmetric=True)
    assert np.array_equal(cooccurrence_matrix(LEVELS[None], offset, 5), expected[:, :, 0, 0])


def test_cooccurrence_features_are_scikit_images():
    merged = sum(cooccurrence_matrix(LEVELS[None], offset, 5) for offset in directions(False))
    found = extract_features(LEVELS, np.ones_like(LEVELS), settings=FeatureSettings(bin_size=1))
    theirs = (merged / merged.sum())[:, :, None, None]
    names = {
        "contrast": "contrast",
        "dissimilarity": "dissimilarity",
        "homogeneity": "inv_diff_mom",
        "ASM": "energy",
        "correlation": "corr",
    }
    for name, own in names.items():
        assert found[f"cm_{own}_2D_comb"] == pytest.approx(graycoprops(theirs, name)[0, 0])


def test_runs_of_a_small_slice_counted_by_hand():
    """Along rows: 11 2, 22 ., 1 1 split by the hole in the region."""
    levels = np.array([[[1, 1, 2], [2, 2, 0], [1, 0, 1]]])
    rows = run_length_matrix(levels, (0, 0, 1))
    assert sorted(zip(rows.level, rows.size, rows.number, strict=True)) == [(1, 1, 2), (1, 2, 1), (2, 1, 1), (2, 2, 1)]
    diagonal = run_length_matrix(levels, (0, 1, -1))
    assert sorted(zip(diagonal.level, diagonal.size, diagonal.number, strict=True)) == [
        (1, 1, 4),
        (2, 1, 1),
        (2, 2, 1),
    ]


def test_the_phantoms_published_run_length_matrix_is_found():
    """Reference manual, table of the merged volumetric matrix: levels, lengths, numbers."""
    image, mask = digital_phantom()
    counted: dict[tuple[int, int], int] = {}
    for offset in directions(True):
        one = run_length_matrix(np.where(mask, image, 0), offset)
        for level, size, number in zip(one.level, one.size, one.number, strict=True):
            counted[level, size] = counted.get((level, size), 0) + number
    assert counted == {
        (1, 1): 190, (1, 2): 140, (1, 3): 31, (1, 4): 18, (1, 5): 3, (3, 1): 13,
        (4, 1): 149, (4, 2): 24, (4, 3): 1, (4, 4): 2, (6, 1): 78, (6, 2): 3, (6, 3): 1, (6, 4): 1,
    }  # fmt: skip


def test_zones_of_a_small_slice_counted_by_hand():
    """Zones: a 1 of three pixels that touch by a corner, a 2 of two, a 2 of one."""
    levels = np.array([[1, 1, 2], [2, 2, 1], [0, 0, 0], [0, 2, 0]])
    found = extract_features(levels, levels, settings=FeatureSettings(bin_size=1))
    assert found["szm_z_perc_2D"] == pytest.approx(3 / 7)
    assert found["szm_sze_2D"] == pytest.approx((1 / 9 + 1 / 9 + 1) / 3)
    assert found["szm_lgze_2D"] == pytest.approx((1 + 1 / 4 + 1 / 4) / 3)


def test_autocorrelation_is_the_plain_sum_over_all_pairs():
    chance = np.random.default_rng(2)
    image, mask = chance.normal(size=(3, 5, 4)), chance.random((3, 5, 4)) < 0.7
    spacing = (3.0, 1.0, 0.5)
    places, values = np.argwhere(mask) * spacing, image[mask]
    centered, total, crossed, apart = values - values.mean(), 0.0, 0.0, 0.0
    for one, other in product(range(len(values)), repeat=2):
        if one != other:
            weight = 1 / np.linalg.norm(places[one] - places[other])
            total += weight
            crossed += weight * centered[one] * centered[other]
            apart += weight * (values[one] - values[other]) ** 2
    squares = (centered**2).sum()
    found = autocorrelation(image, mask, spacing)
    assert found["morph_moran_i"] == pytest.approx(len(values) / total * crossed / squares)
    assert found["morph_geary_c"] == pytest.approx((len(values) - 1) / (2 * total) * apart / squares)


def test_the_ellipsoids_area_is_exact_for_a_ball_and_near_for_others():
    assert ellipsoid_area(3, 3, 3) == pytest.approx(36 * np.pi)
    assert ellipsoid_area(3, 3 - 1e-9, 2) == pytest.approx(ellipsoid_area(3, 3, 2), rel=1e-6)
    exact = 4 * np.pi * float(elliprg((5.7 * 4.65) ** 2, (4.65 * 4.27) ** 2, (4.27 * 5.7) ** 2))
    assert ellipsoid_area(5.7, 4.65, 4.27) == pytest.approx(exact, rel=0.04)
