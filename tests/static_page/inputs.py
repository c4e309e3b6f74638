"""Fifty files of procedural heads, as different as files are that people drop on a page."""

from __future__ import annotations

import struct
import zlib
from functools import cache
from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from tumorscope.core.scan import Scan
from tumorscope.datasets.phantom import make_phantom, plausible_lesion

_SHAPES = ((256, 256), (192, 192), (320, 240), (240, 320), (128, 128), (512, 512), (181, 217), (90, 140))
_SEQUENCES = ("t1c", "flair", "t1")
_HEADS = 4
_STEPS = ((6, 2, 2), (2, 8, 2), (2, 2, 8), (3, 3, 3), (1, 2, 2))
"""Thick axial, coronal and sagittal slices; near-isotropic voxels, of which the last are sampled in every other slice."""

_ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
"""First row and column of each pass of an interlaced PNG, and the steps down and across."""

_AXES = ((0, 1, 2), (2, 0, 1), (1, 2, 0), (0, 2, 1))
_TYPES = (np.int16, np.uint8, np.float32, np.uint16, np.int32, np.float64)


def write_inputs(folder: Path) -> list[Path]:
    """Thirty images and twenty volumes."""
    folder.mkdir(parents=True, exist_ok=True)
    return [*(_write_image(folder, seed) for seed in range(30)), *(_write_volume(folder, seed) for seed in range(20))]


def _write_image(folder: Path, seed: int) -> Path:
    """A slice as a PNG: 8 or 16 bit, gray or color, plain, with another contrast, a frame, letters, or a border."""
    random = np.random.default_rng((seed, 1))
    unit = _slice(seed, _SHAPES[seed % len(_SHAPES)])
    contrast = seed % 5
    if contrast == 1:
        unit = unit ** random.uniform(0.5, 2)
    elif contrast == 2:
        unit = 1 - unit
    elif contrast == 3:
        unit = 0.3 * unit
    deep = seed % 3 == 2
    pixels = (unit * 60000 + 200).astype(np.uint16) if deep else (unit * 255).round().astype(np.uint8)
    if seed % 6 == 1:
        pixels = np.pad(pixels, ((12, 20), (30, 9)))
    elif seed % 6 == 3:
        pixels = np.pad(pixels, 14, constant_values=np.iinfo(pixels.dtype).max)
    elif seed % 6 == 5:
        pixels = np.pad(pixels, ((1, 2), (1, 0)), constant_values=np.iinfo(pixels.dtype).max // 2)
    elif seed % 6 == 4:
        pixels = _lettered(pixels)
    path = folder / f"image{seed:02d}.png"
    image = Image.fromarray(pixels)
    if pixels.dtype == np.uint8 and seed % 4 == 1:
        image = image.convert(("RGB", "RGBA", "LA", "P")[seed // 4 % 4])
    image.save(path)
    return path


def interlaced_png(pixels: np.ndarray) -> bytes:
    """Gray pixels of 8 or 16 bits as an interlaced PNG, which Pillow reads but does not write."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows, columns = pixels.shape
    passes = [pixels[row::down, column::across] for row, column, down, across in _ADAM7]
    lines = b"".join(b"\0" + line.astype(line.dtype.newbyteorder(">")).tobytes() for one in passes for line in one)
    head = struct.pack(">IIBBBBB", columns, rows, 8 * pixels.itemsize, 0, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def _write_volume(folder: Path, seed: int) -> Path:
    """A volume as NIfTI: thick or near-isotropic, of any type, plane, byte order, scaling and placement."""
    random = np.random.default_rng((seed, 2))
    volume, spacing_mm = _fine_volume(seed % _HEADS, _SEQUENCES[seed % 3])
    steps = _STEPS[seed % len(_STEPS)]
    volume = volume[: 50 if steps[0] == 1 else None]  # fewer of the thin ones
    chosen = volume[tuple(slice(None, None, step) for step in steps)]
    affine = _turn(seed % 7 == 3) @ np.diag([-1, -1, 1, 1]) @ np.diag([*np.multiply(steps, spacing_mm)[::-1], 1])
    dtype = np.dtype(_TYPES[seed % len(_TYPES)])
    voxels = chosen.transpose(2, 1, 0).astype(np.float64)
    if dtype == np.uint8:
        voxels *= 200 / voxels.max()
    elif dtype.kind in "if":
        voxels -= 40
    order = _AXES[seed // 2 % len(_AXES)]
    flips = [axis for axis in range(3) if random.random() < 0.5]
    stored = np.flip(voxels.transpose(order), flips).astype(dtype)
    orientation = np.zeros((3, 2))
    for position, axis in enumerate(order):
        orientation[axis] = position, -1 if position in flips else 1
    affine = affine @ nib.orientations.inv_ornt_aff(orientation, voxels.shape)
    header = nib.Nifti1Header(endianness=">" if seed % 5 == 4 else "<")
    kind = nib.Nifti2Image if seed % 9 == 8 else nib.Nifti1Image
    image = kind(stored, affine, None if kind is nib.Nifti2Image else header, dtype=dtype)
    if seed % 6 == 5:
        image.set_sform(None, 0)
        image.set_qform(affine, 1)
    if seed % 4 == 2 and dtype.kind != "f":
        image.header.set_slope_inter(0.37, -12.5)
    path = folder / f"volume{seed:02d}.nii{'.gz' if seed % 2 else ''}"
    nib.save(image, path)
    return path


def _turn(oblique: bool) -> np.ndarray:
    """A few degrees about the vertical axis."""
    angle = np.deg2rad(11.0 if oblique else 0.0)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return turn


def _slice(seed: int, shape: tuple[int, int]) -> np.ndarray:
    """The middle slice of a head, from 0 to just below 1."""
    scan = _head(seed % _HEADS)
    image = scan.channel(_SEQUENCES[seed % 3])[4 + seed % 7].astype(np.float64)
    zoom = (shape[0] / image.shape[0], shape[1] / image.shape[1])
    image = ndimage.zoom(image, zoom, order=1, mode="nearest", grid_mode=True)
    return image / (image.max() * 1.02)


@cache
def _head(seed: int) -> Scan:
    """One of a few heads, T1c, FLAIR and T1; drawing one takes a second."""
    lesions = [plausible_lesion(seed)] if seed else []
    return make_phantom(lesions, seed=seed, shape=(14, 160, 160), sequences=_SEQUENCES).scan


def _fine_volume(seed: int, sequence: str) -> tuple[np.ndarray, tuple[float, float, float]]:
    """A head with voxels of a millimeter and a half, ``(slice, row, column)``, and their size."""
    scan = _head(seed)
    assert scan.spacing_mm is not None
    zoomed: np.ndarray = ndimage.zoom(
        scan.channel(sequence).astype(np.float32), (6.5, 1, 1), order=1, mode="nearest", grid_mode=True
    )
    between, *within = scan.spacing_mm
    return zoomed, (between / 6.5, within[0], within[1])


def _lettered(pixels: np.ndarray) -> np.ndarray:
    """With a name and a scale burned in, as screenshots have them."""
    letters = Image.new("L", pixels.shape[::-1])
    draw = ImageDraw.Draw(letters)
    draw.text((4, 4), "ANON 42Y", fill=255)
    draw.text((pixels.shape[1] - 30, pixels.shape[0] - 16), "R 5cm", fill=255)
    return np.maximum(pixels, (np.asarray(letters) / 255 * pixels.max()).astype(pixels.dtype))
