"""A preview of what a recipe does to slices: preparation, CLAHE and augmentation, with the mask's contour in red."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from tumorscope.core.errors import BadDataset, TumorscopeError, UnreadableScan
from tumorscope.core.scan import Scan
from tumorscope.datasets.labeled import LabeledCase, LabeledDataset
from tumorscope.preprocessing import prepare
from tumorscope.recipes.experiment import Recipe
from tumorscope.training.augmentation import augment
from tumorscope.training.slices import arrange

VERSIONS = 4
"""Augmented versions of each slice."""
TILE, GAP, TOP = 160, 4, 24
COLUMNS = ("as stored", "prepared", "with CLAHE", *(f"augmented {number}" for number in range(1, VERSIONS + 1)))
_RED = (255, 48, 48)
_BACKGROUND, _TEXT = (16, 18, 22), (222, 226, 232)


def draw_augmentation_preview(dataset: LabeledDataset, recipe: Recipe, count: int = 4, seed: int = 0) -> Image.Image:
    """Draw one row per case: its slice with the largest mask as stored, prepared, after CLAHE, and augmented.

    Args:
        dataset: of images or volumes.
        recipe: its preparation and augmentation are shown; CLAHE is shown with its clip limit even where it is off.
        count: the largest number of cases; drawn at random.
        seed: makes the draw and the augmentation reproducible.

    Returns:
        An RGB image, a column for each of :data:`COLUMNS`.

    Raises:
        BadDataset: not one case can be read.
    """
    torch.manual_seed(seed)
    rows = list(_rows(dataset, recipe, count, seed))
    if not rows:
        raise BadDataset(f"{dataset.root}: not one case can be shown")
    size = (GAP + len(COLUMNS) * (TILE + GAP), TOP + len(rows) * (TILE + GAP))
    sheet = Image.new("RGB", size, _BACKGROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for column, title in enumerate(COLUMNS):
        left = GAP + column * (TILE + GAP)
        draw.text((left + TILE / 2, TOP / 2), title, _TEXT, font, anchor="mm")
        for row, tiles in enumerate(rows):
            sheet.paste(tiles[column], (left, TOP + row * (TILE + GAP)))
    return sheet


def _rows(dataset: LabeledDataset, recipe: Recipe, count: int, seed: int) -> Iterator[list[Image.Image]]:
    cases = list(dataset.cases)
    random.Random(seed).shuffle(cases)
    shown = 0
    for case in cases:
        if shown == count:
            return
        try:
            tiles = _tiles(case, recipe)
        except TumorscopeError:
            continue  # the summary names what cannot be read
        yield tiles
        shown += 1


def _tiles(case: LabeledCase, recipe: Recipe) -> list[Image.Image]:
    scan, truth = case.scan(), case.truth()
    index = len(scan.voxels) // 2 if truth.mask is None else int(truth.mask.sum(axis=(1, 2)).argmax())
    mask = np.zeros(scan.shape[1:], bool) if truth.mask is None else truth.mask[index]
    voxels, channel = _channels(scan, recipe)
    slice_voxels = voxels[index : index + 1]
    plain = recipe.preparation.model_copy(update={"clahe": False})
    equalized = recipe.preparation.model_copy(update={"clahe": True})
    prepared = prepare(slice_voxels, plain, scan.pixel_aspect)
    inside = prepared.crop_resize.forward(mask[None].astype(np.float32))[0]
    seen = prepare(slice_voxels, recipe.preparation, scan.pixel_aspect).images
    images, masks = augment(
        torch.from_numpy(seen).repeat(VERSIONS, 1, 1, 1),
        torch.from_numpy(inside).float().repeat(VERSIONS, 1, 1),
        recipe.augmentation,
        sequences=seen.shape[1],
        fallback=None,
        size=recipe.preparation.size,
    )
    return [
        _tile(slice_voxels[0, ..., channel], mask),
        _tile(prepared.images[0, channel], inside >= 0.5),
        _tile(prepare(slice_voxels, equalized, scan.pixel_aspect).images[0, channel], inside >= 0.5),
        *(_tile(image[channel].numpy(), own.numpy() >= 0.5) for image, own in zip(images, masks, strict=True)),
    ]


def _channels(scan: Scan, recipe: Recipe) -> tuple[np.ndarray, int]:
    """The recipe's channels, or those of the scan where it lacks them, and the one to show."""
    try:
        voxels, names = arrange(scan, recipe.sequences), recipe.sequences
    except UnreadableScan:
        voxels, names = scan.voxels, scan.sequences
    return voxels, names.index("flair") if "flair" in names[: voxels.shape[-1]] else 0


def _tile(image: np.ndarray, mask: np.ndarray) -> Image.Image:
    """A square tile, windowed to the 1st to 99.5th percentile, with the mask's contour."""
    low, high = np.percentile(image, (1, 99.5))
    gray = np.round(255 * np.clip((image - low) / max(high - low, 1e-6), 0, 1)).astype(np.uint8)
    scale = TILE / max(image.shape)
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    drawn = Image.fromarray(gray).resize(size, Image.Resampling.LANCZOS).convert("RGB")
    inside = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST), bool)
    drawn.paste(_RED, (0, 0), Image.fromarray(inside & ~np.asarray(ndimage.binary_erosion(inside), bool)))
    tile = Image.new("RGB", (TILE, TILE), _BACKGROUND)
    tile.paste(drawn, ((TILE - size[0]) // 2, (TILE - size[1]) // 2))
    return tile
