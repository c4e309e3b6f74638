"""A round head with a disc somewhere in it: where it lies is known."""

from __future__ import annotations

import numpy as np
import pytest

from tumorscope.core.errors import TumorscopeError
from tumorscope.measurement.radiomics.location_features import find_head, location_features

ROWS, COLUMNS = np.mgrid[:200, :240]
HEAD = (ROWS - 110) ** 2 + (COLUMNS - 130) ** 2 < 80**2


def disc(row: float, column: float, radius: float) -> np.ndarray:
    return (ROWS - row) ** 2 + (COLUMNS - column) ** 2 < radius**2


def image(tumor: np.ndarray) -> np.ndarray:
    """A head of gray 100 with a little texture, and a brighter tumor."""
    texture = np.random.default_rng(0).normal(0, 5, HEAD.shape)
    return np.where(tumor, 160, np.where(HEAD, 100 + texture, 0))


def test_the_head_is_found_whole():
    hollow = np.where(disc(100, 130, 20), 0, image(np.zeros_like(HEAD)))
    view = find_head(hollow)
    assert (view.head ^ HEAD).sum() < 0.05 * HEAD.sum()
    assert view.size == pytest.approx(80 * np.pi**0.5, rel=0.03)


def test_a_disc_in_the_middle_lies_in_the_middle_and_deep():
    tumor = disc(110, 130, 10)
    found = location_features(find_head(image(tumor)), tumor)
    assert (found["place_row"], found["place_column"]) == pytest.approx((0.5, 0.5), abs=0.02)
    assert found["place_off_middle"] < 0.04
    assert found["place_from_center"] < 0.02
    assert found["place_depth"] == pytest.approx(np.pi**-0.5, abs=0.03)
    assert found["place_area_share"] == pytest.approx(1 / 64, rel=0.1)
    assert found["head_aspect"] == pytest.approx(1, abs=0.03)


def test_a_disc_at_the_upper_left_edge_lies_there():
    tumor = disc(110 - 45, 130 - 45, 10)
    found = location_features(find_head(image(tumor)), tumor)
    assert (found["place_row"], found["place_column"]) == pytest.approx((0.22, 0.22), abs=0.02)
    assert found["place_from_center"] == pytest.approx(45 * 2**0.5 / (80 * np.pi**0.5), abs=0.02)
    assert found["place_nearest_edge"] == pytest.approx((80 - 45 * 2**0.5 - 10) / (80 * np.pi**0.5), abs=0.03)
    assert found["ring_step"] > 3


def test_left_and_right_only_differ_in_the_column():
    left, right = (location_features(find_head(image(tumor)), tumor) for tumor in (disc(100, 95, 9), disc(100, 165, 9)))
    assert right["place_column"] == pytest.approx(1 - left["place_column"], abs=0.02)
    assert right["place_off_middle"] == pytest.approx(left["place_off_middle"], abs=0.03)


def test_a_lopsided_head_is_less_symmetric():
    whole = image(np.zeros_like(HEAD))
    lopsided = np.where(COLUMNS > 150, whole * 0.4, whole)
    tumor = disc(110, 130, 8)
    assert (
        location_features(find_head(lopsided), tumor)["head_symmetry"]
        < location_features(find_head(whole), tumor)["head_symmetry"]
    )


def test_resolution_makes_little_difference():
    tumor = disc(90, 110, 14)
    fine = location_features(find_head(image(tumor)), tumor)
    coarse = location_features(find_head(image(tumor)[::2, ::2]), tumor[::2, ::2])
    for name in ("place_row", "place_column", "place_from_center", "place_depth", "place_area_share"):
        assert coarse[name] == pytest.approx(fine[name], abs=0.03)


def test_an_image_without_a_head_still_has_finite_values():
    tumor = disc(50, 50, 5)
    assert np.isfinite(list(location_features(find_head(np.zeros(HEAD.shape)), tumor).values())).all()


def test_an_empty_or_ill_fitting_mask_is_refused():
    view = find_head(image(np.zeros_like(HEAD)))
    for mask in (np.zeros_like(HEAD), np.ones((3, 3), bool)):
        with pytest.raises(TumorscopeError, match="mask"):
            location_features(view, mask)
