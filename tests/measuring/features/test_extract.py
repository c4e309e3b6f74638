"""What features do when the region is turned, moved, shuffled, tiny, flat or wrong."""

from __future__ import annotations

import numpy as np
import pytest

from tumorscope.core.errors import TumorscopeError
from tumorscope.measurement.radiomics import FeatureSettings, extract_features, title_of
from tumorscope.measurement.radiomics.histogram import discretize

CHANCE = np.random.default_rng(0)


def blob(*shape: int) -> tuple[np.ndarray, np.ndarray]:
    """A textured image, and an ellipsoid in it with a bite taken out, so that nothing is symmetric."""
    grids = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape), indexing="ij")
    mask = sum((grid / reach) ** 2 for grid, reach in zip(grids, (0.85, 0.6, 0.7), strict=False)) < 1
    mask &= ~((grids[0] > 0.2) & (grids[1] > 0.1))
    return CHANCE.normal(100, 20, shape).cumsum(axis=0), mask


SLICE, VOLUME = blob(24, 31), blob(9, 16, 19)
FORM = ("shape2d_", "morph_")


def form(features: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in features.items() if name.startswith(FORM)}


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_slice_turned_by_right_angles_has_the_same_features(turns):
    image, mask = SLICE
    turned = extract_features(np.rot90(image, turns), np.rot90(mask, turns))
    assert turned == pytest.approx(extract_features(image, mask), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("axes", [(0, 1), (1, 2), (0, 2)])
def test_a_volume_turned_by_right_angles_has_the_same_features(axes):
    """Marching cubes resolves ambiguous corners by direction, so the mesh may differ a little."""
    image, mask = VOLUME
    turned = extract_features(np.rot90(image, 1, axes), np.rot90(mask, 1, axes))
    assert turned == pytest.approx(extract_features(image, mask), rel=5e-3, abs=1e-6)


def test_turning_a_volume_takes_its_spacing_along():
    image, mask = VOLUME
    turned = extract_features(np.rot90(image, 1, (0, 1)), np.rot90(mask, 1, (0, 1)), (1.0, 3.0, 0.5))
    assert form(turned) == pytest.approx(form(extract_features(image, mask, (3.0, 1.0, 0.5))), rel=5e-3, abs=1e-6)


@pytest.mark.parametrize(("image", "mask"), [SLICE, VOLUME], ids=["slice", "volume"])
def test_where_in_the_image_the_region_lies_makes_no_difference(image, mask):
    moved = [np.pad(array, [(5, 2)] * array.ndim) for array in (image, mask)]
    assert extract_features(moved[0], moved[1]) == pytest.approx(extract_features(image, mask), rel=1e-6, abs=1e-9)


def test_what_lies_outside_the_mask_makes_no_difference():
    image, mask = VOLUME
    assert extract_features(np.where(mask, image, 1e6), mask) == extract_features(image, mask)


def test_shuffling_the_pixels_keeps_intensity_and_outline_and_changes_texture():
    image, mask = SLICE
    shuffled = image.copy()
    shuffled[mask] = CHANCE.permutation(image[mask])
    before, after = extract_features(image, mask), extract_features(shuffled, mask)
    kept = {name for name in before if name.startswith(("stat_", "ih_", "shape2d_"))} - {"shape2d_center_shift"}
    assert {name: after[name] for name in kept} == pytest.approx({name: before[name] for name in kept})
    assert after["cm_contrast_2D_comb"] > 1.5 * before["cm_contrast_2D_comb"]


@pytest.mark.parametrize("aggregation", ["2D_comb", "3D_comb"])
def test_brighter_and_more_contrast_is_the_same_texture_with_a_fixed_number_of_bins(aggregation):
    image, mask = VOLUME
    texture = FeatureSettings(bins=16, texture=aggregation)
    before, after = (extract_features(one, mask, settings=texture) for one in (image, 4 * image + 256))
    changed = {name for name, value in before.items() if after[name] != pytest.approx(value)}
    assert {name.partition("_")[0] for name in changed} == {"stat", "morph"}


def test_sizes_follow_the_spacing():
    image, mask = VOLUME
    pixels, millimeters = extract_features(image, mask), extract_features(image, mask, (2, 2, 2))
    powers = {"morph_volume": 3, "morph_vol_approx": 3, "morph_area_mesh": 2, "morph_diam": 1, "morph_pca_maj_axis": 1}
    for name, power in powers.items():
        assert millimeters[name] == pytest.approx(2**power * pixels[name])
    assert millimeters["morph_sphericity"] == pytest.approx(pixels["morph_sphericity"])


def test_a_ball_has_the_volume_area_and_sphericity_of_a_ball():
    z, y, x = np.mgrid[-22:23, -22:23, -22:23]
    ball = z**2 + y**2 + x**2 < 20**2
    found = extract_features(ball, ball, (0.5, 0.5, 0.5))
    assert found["morph_volume"] == pytest.approx(4 / 3 * np.pi * 10**3, rel=0.01)
    # A mesh through a mask without gray edges has steps: 8 % more surface, whatever the resolution.
    assert found["morph_area_mesh"] == pytest.approx(1.08 * 4 * np.pi * 10**2, rel=0.02)
    assert found["morph_pca_maj_axis"] == pytest.approx(4 * 10 / 5**0.5, rel=0.01)
    assert found["morph_vol_dens_aee"] == pytest.approx((5**0.5 / 2) ** 3, rel=0.02)
    assert found["morph_area_dens_conv_hull"] > 1


def test_a_square_with_a_hole_is_measured_without_it():
    square = np.zeros((20, 20))
    square[4:16, 4:16] = 1
    square[8:12, 8:12] = 0
    found = extract_features(square, square, (0.5, 0.5))
    # Marching squares cuts the corners: an eighth of a pixel each.
    assert found["shape2d_area"] == pytest.approx((144 - 16 - 4 / 8 + 4 / 8) * 0.25)
    assert found["shape2d_area_pixels"] == pytest.approx(32)
    assert found["shape2d_box_area_density"] == pytest.approx(128 / 144)
    assert found["shape2d_perimeter"] == pytest.approx((4 * 11 + 4 * 3 + 8 / 2**0.5) * 0.5)


def test_one_slice_of_a_volume_is_a_slice():
    image, mask = SLICE
    assert extract_features(image[None], mask[None], (6, 0.5, 0.4)) == extract_features(image, mask, (0.5, 0.4))


@pytest.mark.parametrize("shape", [(7, 8), (5, 7, 8)])
@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("value", [0, 7])
def test_specks_and_constant_regions_have_finite_features(shape, size, value):
    mask = np.zeros(shape, bool)
    mask[(slice(1, 1 + size),) * len(shape)] = True
    found = extract_features(np.full(shape, value), mask)
    assert all(np.isfinite(list(found.values())))
    aggregation = "2D" if len(shape) == 2 else "3D"
    assert found[f"cm_corr_{aggregation}_comb"] == 1
    assert found[f"ngt_coarseness_{aggregation}"] == 1e6
    assert (found["stat_var"], found["stat_skew"], found["stat_kurt"], found["ih_entropy"]) == (0, 0, 0, 0)


@pytest.mark.parametrize("shape", [(1, 6, 1), (1, 1, 6), (6, 1, 1), (1, 6, 6)])
def test_flat_regions_in_a_volume_have_finite_features(shape):
    mask = np.pad(np.ones(shape, bool), 1)
    image = CHANCE.integers(0, 50, mask.shape)
    for aggregation in ("2D_avg", "2D_comb", "2_5D_avg", "2_5D_comb", "3D_avg", "3D_comb"):
        found = extract_features(image, mask, (2, 1, 1), FeatureSettings(texture=aggregation))
        assert all(np.isfinite(list(found.values())))


@pytest.mark.parametrize(
    ("image", "mask", "options", "message"),
    [
        (np.ones((4, 4)), np.zeros((4, 4)), {}, "empty"),
        (np.ones((4, 4)), np.ones((4, 5)), {}, r"\(4, 4\).*\(4, 5\)"),
        (np.ones(4), np.ones(4), {}, "two or three"),
        (np.full((4, 4), np.nan), np.ones((4, 4)), {}, "not finite"),
        (np.ones((4, 4)), np.ones((4, 4)), {"spacing_mm": (1.0,)}, "spacing"),
        (np.ones((4, 4)), np.ones((4, 4)), {"spacing_mm": (1.0, 0.0)}, "spacing"),
        (np.ones((4, 4, 4)), np.ones((4, 4, 4)), {"spacing_mm": (1.0, 1.0)}, "spacing"),
        (np.ones((4, 4)), np.ones((4, 4)), {"settings": FeatureSettings(texture="3D_comb")}, "single slice"),
        (np.arange(16.0).reshape(4, 4), np.ones((4, 4)), {"settings": FeatureSettings(bin_size=1e-5)}, "bin size"),
        (np.zeros((4, 4)), np.ones((4, 4)), {"settings": FeatureSettings(bin_size=1, lowest=5)}, "below the first"),
    ],
)
def test_what_cannot_be_measured_is_refused_with_one_line(image, mask, options, message):
    with pytest.raises(TumorscopeError, match=message) as caught:
        extract_features(image, mask, **options)
    assert "\n" not in str(caught.value)


def test_settings_that_make_no_sense_are_refused():
    for options in ({"bins": 1}, {"bin_size": 0.0}):
        with pytest.raises(ValueError, match="bin"):
            FeatureSettings(**options)


def test_every_feature_has_a_title_of_its_own():
    for image, mask in (SLICE, VOLUME):
        names = list(extract_features(image, mask))
        titles = [title_of(name) for name in names]
        assert len(set(titles)) == len(names)
        assert not any("_" in title for title in titles)


@pytest.mark.real
def test_real_tumors_have_finite_features(figshare_folder):
    from tumorscope.io import read_cjdata

    for number in range(1, 21):
        data = read_cjdata(figshare_folder / f"{number}.mat")
        found = extract_features(data.image, data.mask)
        assert all(np.isfinite(list(found.values())))
        assert found["stat_min"] == data.image[data.mask].min()
        assert found["shape2d_area_pixels"] == data.mask.sum()


def test_gray_levels_of_whole_numbers_are_exact():
    """Of 100 bins over 0 to 100 every bin but the last has one whole number; divided first, three fell a bin too low."""
    values = np.arange(101.0)
    levels = discretize(values, np.ones(101, bool), bins=100)
    assert levels.tolist() == [*range(1, 101), 100]
