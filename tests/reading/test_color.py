"""Photographs are told from three sequences by the background."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from reading.files import head, lgg_slice
from scipy import ndimage

from tumorscope.io.color import classify_channels


def gradient(size: int = 128) -> np.ndarray:
    y, x = np.mgrid[0 : 1 : size * 1j, 0 : 1 : size * 1j]
    return (np.stack([x, y, 1 - x], -1) * 255).astype(np.uint8)


def sky_and_grass(size: int = 128, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    image = np.empty((size, size, 3))
    horizon = size // 2
    image[:horizon] = (110, 160, 235)
    image[horizon:] = (60, 140, 40)
    return np.clip(image + random.normal(0, 12, image.shape), 0, 255).astype(np.uint8)


def texture(size: int = 128, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(random.normal(0, 1, (size, size, 3)), (4, 4, 0))
    return np.clip(128 + noise / noise.std() * 60, 0, 255).astype(np.uint8)


def on_white(size: int = 128) -> np.ndarray:
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    image = np.full((size, size, 3), 250, np.uint8)
    image[x**2 + y**2 < 0.5] = (200, 60, 30)
    return image


def portrait(size: int = 128) -> np.ndarray:
    """A face before a wall lit from one side."""
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    image = np.stack([120 + 60 * x, 110 + 60 * x, 90 + 50 * x], -1)
    image[x**2 + (y / 1.3) ** 2 < 0.3] = (225, 170, 140)
    image[y > 0.6] = (30, 40, 120)
    return image.astype(np.uint8)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("make", [texture, sky_and_grass])
def test_filled_frames_are_photographs(make, seed):
    assert classify_channels(make(seed=seed)) == "photograph"


@pytest.mark.parametrize("make", [gradient, on_white, portrait])
def test_bright_or_uneven_backgrounds_are_photographs(make):
    assert classify_channels(make()) == "photograph"


def test_white_noise_in_color_is_a_photograph():
    assert classify_channels(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)) == "photograph"


def test_sixteen_bit_photographs_are_seen_too():
    assert classify_channels(sky_and_grass().astype(np.uint16) * 257) == "photograph"


@pytest.mark.parametrize("seed", range(5))
def test_three_sequences_of_a_head_are_sequences(seed):
    assert classify_channels(lgg_slice(seed=seed)) == "sequences"


def test_a_background_that_normalization_made_colored_is_still_a_background():
    shifted = lgg_slice().astype(int) // 2 + np.array([100, 20, 60])
    assert classify_channels(shifted.astype(np.uint8)) == "sequences"


def test_gray_saved_as_rgb_is_gray():
    assert classify_channels(np.repeat(head()[..., None], 3, -1)) == "gray"


def test_gray_with_a_colored_label_is_gray():
    image = np.repeat(head(128, 128)[..., None], 3, -1)
    image[2:10, 5:40] = (250, 220, 0)
    assert classify_channels(image) == "gray"


def test_gray_after_lossy_compression_is_gray():
    noise = np.random.default_rng(0).integers(-3, 4, (64, 48, 3))
    image = np.clip(np.repeat(head()[..., None].astype(int), 3, -1) + noise, 0, 255).astype(np.uint8)
    assert classify_channels(image) == "gray"


@pytest.mark.real
def test_no_slice_of_the_lgg_data_set_is_a_photograph(lgg_folder: Path):
    from tumorscope.io.raster import read_raster

    files = [path for path in sorted(lgg_folder.glob("*/*.tif")) if "_mask" not in path.name]
    # Every fifteenth of the 3,216; all of them were checked when the limits were chosen.
    photographs = [path.name for path in files[::15] if classify_channels(read_raster(path)) == "photograph"]
    assert not photographs
