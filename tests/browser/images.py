"""What is on the screen, held against the voxels it should come from."""

from __future__ import annotations

import gzip
import io
import urllib.request
from dataclasses import dataclass

import nibabel as nib
import numpy as np
from PIL import Image
from playwright.sync_api import Page
from scipy import ndimage

_CHANGED = 24
"""Gray levels of 255; blending and scaling change less where nothing was drawn."""
_HEAD = 30


def volume(base: str, study: str, name: str, revision: int = 1) -> np.ndarray:
    """An image of a study, ``(slice, row, column)``."""
    address = f"{base}/api/studies/{study}/images/{name}.nii.gz?revision={revision}"
    with urllib.request.urlopen(address) as response:
        content = gzip.decompress(response.read())
    image = nib.Nifti1Image.from_stream(io.BytesIO(content))
    return np.asanyarray(image.dataobj).transpose(2, 1, 0)


def viewport_image(page: Page) -> np.ndarray:
    """The images as they are on the screen, RGB, after whatever was asked for has been drawn."""
    page.mouse.move(2, 2)  # a brush and the place under the pointer are drawn too
    page.wait_for_selector('.viewport-view[data-settled][data-mask="loaded"]')
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.wait_for_selector(".viewport-view[data-settled]")
    shot = page.locator(".viewport-view").screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)


def changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Where two images differ."""
    return np.abs(before - after).max(axis=2) > _CHANGED


@dataclass(frozen=True)
class Placement:
    """Where a slice lies on the screen: pixel = scale · voxel + offset, each (row, column), edges at whole numbers."""

    scale: tuple[float, float]
    offset: tuple[float, float]

    def at(self, row: float, column: float) -> tuple[float, float]:
        """The middle of a voxel, as (x, y) in the viewport."""
        y, x = ((value + 0.5) * s + o for value, s, o in zip((row, column), self.scale, self.offset, strict=True))
        return x, y

    def drawn(self, mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """A mask of voxels as a mask of screen pixels."""
        index = []
        for length, limit, scale, offset in zip(shape, mask.shape, self.scale, self.offset, strict=True):
            index.append(np.floor((np.arange(length) + 0.5 - offset) / scale).astype(int).clip(-1, limit))
        padded = np.pad(mask, 1)
        return padded[np.ix_(index[0] + 1, index[1] + 1)]


def placement(image: np.ndarray, voxels: np.ndarray) -> Placement:
    """How a slice was placed, found by its head: the largest bright thing in the viewport and in the slice."""
    shown = _box(image.min(axis=2) > _HEAD)
    # Black and white of the slice as the viewer takes them, roughly; the head's edge is steep.
    low, high = np.percentile(voxels, [2, 98])
    stored = _box((voxels - low) / (high - low) * 255 > _HEAD)
    scale = [(s[1] - s[0]) / (v[1] - v[0]) for s, v in zip(shown, stored, strict=True)]
    offset = [s[0] - v[0] * k for s, v, k in zip(shown, stored, scale, strict=True)]
    return Placement((scale[0], scale[1]), (offset[0], offset[1]))


def _box(bright: np.ndarray) -> list[tuple[int, int]]:
    labels, count = ndimage.label(bright)
    assert count, "there is nothing in the viewport"
    largest = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    found = ndimage.find_objects(largest.astype(int))[0]
    return [(each.start, each.stop) for each in found]


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return 2 * float((one & other).sum()) / float(one.sum() + other.sum())
