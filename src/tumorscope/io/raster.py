"""Images: PNG, JPEG, BMP and TIFF, 8 or 16 bit, gray or RGB."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import Note
from tumorscope.io.checks import label, reason, size_text
from tumorscope.io.file_heads import is_tiff
from tumorscope.io.library_warnings import quiet_libraries

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 64_000_000
"""The largest image that is opened, counting all pages. A decompression bomb is larger."""


# By EXIF's orientation, how axes (row, column, channel), or pages before them, become upright.
_UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda pixels: pixels[..., ::-1, :],
    3: lambda pixels: pixels[..., ::-1, ::-1, :],
    4: lambda pixels: pixels[..., ::-1, :, :],
    5: lambda pixels: pixels.swapaxes(-3, -2),
    6: lambda pixels: pixels.swapaxes(-3, -2)[..., ::-1, :],
    7: lambda pixels: pixels.swapaxes(-3, -2)[..., ::-1, ::-1, :],
    8: lambda pixels: pixels.swapaxes(-3, -2)[..., ::-1, :, :],
}


@dataclass(frozen=True, eq=False)
class Raster:
    """An image's pixels, upright.

    Attributes:
        pixels: ``(row, column, channel)`` with one or three channels, uint8, uint16 or float32;
            of a TIFF of several pages ``(page, row, column, channel)``.
        notes: what a reader of the results should know.
    """

    pixels: np.ndarray
    notes: tuple[Note, ...] = ()


def read_raster(path: Path, *, indices: bool = False) -> np.ndarray:
    """The pixels alone of :func:`open_raster`."""
    return open_raster(path, indices=indices).pixels


@quiet_libraries()
def image_size(path: Path) -> tuple[int, int]:
    """Columns and rows of an image as its header states them; no pixel is read.

    Raises:
        UnreadableScan: damaged, or not an image.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            return image.size
    except Exception as error:  # Pillow raises many kinds on damaged files
        raise UnreadableScan(f"{label(path)}: damaged, truncated or not an image") from error


@quiet_libraries()
def open_raster(path: Path, *, indices: bool = False) -> Raster:
    """Read an image.

    Transparency is laid over black, palettes become RGB, "white is zero" is inverted, and the
    image is turned as its EXIF orientation says.

    Args:
        path: PNG, JPEG, BMP or TIFF; the content decides, not the suffix.
        indices: keep the indices of a palette, one channel, as a mask's labels are stored.

    Raises:
        UnreadableScan: with one line that says why.
    """
    name = label(path)
    try:
        read = _read_tiff if is_tiff(path) else _read_with_pillow
        pixels, orientation = read(path, name, indices)
    except UnreadableScan:
        raise
    except MemoryError as error:
        raise UnreadableScan(f"{name}: does not fit into memory; save it smaller") from error
    except Exception as error:  # tifffile and Pillow raise many kinds on damaged files
        raise UnreadableScan(f"{name}: damaged, truncated or not an image ({_unnamed(error, path)})") from error
    if 0 in pixels.shape:
        raise UnreadableScan(f"{name}: the image has no pixels; export it again")
    pixels = pixels if pixels.dtype in (np.uint8, np.uint16) else pixels.astype(np.float32)
    if orientation not in _UPRIGHT:
        return Raster(pixels)
    note = Note("turned_upright", f"turned upright as its EXIF orientation ({orientation}) says")
    return Raster(np.ascontiguousarray(_UPRIGHT[orientation](pixels)), (note,))


def _read_tiff(path: Path, name: str, indices: bool) -> tuple[np.ndarray, int]:
    import tifffile

    with tifffile.TiffFile(path) as file:
        full = [series for series in file.series if not series.keyframe.is_reduced]
        if not full:
            raise UnreadableScan(f"{name}: the TIFF holds no image; export it again")
        series, page = full[0], full[0].keyframe
        if any((other.shape, other.dtype, other.axes) != (series.shape, series.dtype, series.axes) for other in full):
            raise UnreadableScan(f"{name}: the pages differ in size or type; save each as its own file")
        _refuse_bomb(name, len(full) * math.prod(series.shape) // (page.samplesperpixel or 1), series.shape)
        photometric, planes = page.photometric, page.samplesperpixel
        alpha_is_plain = 2 in (page.extrasamples or ())
        palette = page.colormap if photometric == tifffile.PHOTOMETRIC.PALETTE else None
        orientation, software = int(page.tags.valueof("Orientation", default=1)), str(page.software)
        if photometric in (tifffile.PHOTOMETRIC.SEPARATED, tifffile.PHOTOMETRIC.CIELAB):
            raise UnreadableScan(f"{name}: colors are stored as {photometric.name}; save it as gray or RGB")
        # Pages that were written one by one are series of their own.
        pixels = np.stack([each.asarray() for each in full]) if len(full) > 1 else series.asarray()
        axes = f"Q{series.axes}" if len(full) > 1 else series.axes
    pixels = _pages_first(pixels, axes, name)
    inverted = photometric == tifffile.PHOTOMETRIC.MINISWHITE
    if pixels.dtype == bool:
        # tifffile marks boolean arrays as "white is zero" while it stores true as one: turned
        # round, such a mask would mark everything else.
        return (pixels != (inverted and not software.startswith("tifffile"))).astype(np.uint8), orientation
    if palette is not None:
        colors = (np.moveaxis(palette, 0, -1) >> 8).astype(np.uint8)
        return (_labels_of(pixels[..., 0], colors) if indices else colors[pixels[..., 0]]), orientation
    if inverted and pixels.dtype.kind == "u":
        pixels = np.iinfo(pixels.dtype).max - pixels
    channels = 3 if planes > 2 else 1
    return (_over_black(pixels, channels) if alpha_is_plain else pixels[..., :channels]), orientation


def _pages_first(pixels: np.ndarray, axes: str, name: str) -> np.ndarray:
    """``(row, column, sample)`` or ``(page, row, column, sample)``, whatever the TIFF's order."""
    lengths = dict(zip(axes, pixels.shape, strict=True))
    stacks = [axis for axis in axes if axis not in "YXS" and lengths[axis] > 1]
    if len(stacks) > 1 or "Y" not in axes or "X" not in axes:
        raise UnreadableScan(f"{name}: a stack of {size_text(pixels.shape)}; save it as pages of one sequence")
    order = [axis for axis in axes if axis not in "YXS"] + [axis for axis in "YXS" if axis in axes]
    pixels = pixels.transpose([axes.index(axis) for axis in order])
    samples = lengths.get("S", 1)
    shape = (lengths["Y"], lengths["X"], samples)
    return pixels.reshape((lengths[stacks[0]], *shape) if stacks else shape)


def _read_with_pillow(path: Path, name: str, indices: bool) -> tuple[np.ndarray, int]:
    from PIL import Image

    try:
        image = Image.open(path)
    except Image.DecompressionBombError as error:
        raise UnreadableScan(f"{name}: more pixels than the {MAX_PIXELS:,} allowed; save it smaller") from error
    with image:
        _refuse_bomb(name, image.width * image.height, (image.height, image.width))
        frames = getattr(image, "n_frames", 1)
        if image.format == "PNG" and frames > 1:
            raise UnreadableScan(f"{name}: is an animated PNG of {frames} frames; save each as its own file")
        return _pillow_pixels(image, path, indices), _exif_orientation(image)


def _pillow_pixels(image: Image, path: Path, indices: bool) -> np.ndarray:
    if _is_deep_color_png(path):
        return _over_black(_read_deep_png(path), 3)
    has_alpha = image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info
    if image.mode == "P" and indices:
        return _labels_of(np.asarray(image), _palette(image))
    if image.mode in {"P", "PA", "CMYK", "YCbCr", "LAB", "HSV", "RGBX", "RGBa", "RGBA", "RGB"}:
        return _over_black(np.asarray(image.convert("RGBA" if has_alpha else "RGB")), 3)
    if image.mode in {"1", "L", "LA", "La"}:
        pixels = np.asarray(image.convert("LA" if has_alpha else "L"))
        return _over_black(pixels if pixels.ndim == 3 else pixels[..., None], 1)
    return np.asarray(image)[..., None]  # 16 or 32 bit gray


def _exif_orientation(image: Image) -> int:
    from PIL.ExifTags import Base

    try:
        return int(image.getexif().get(Base.Orientation, 1))
    except Exception:  # EXIF that cannot be read turns nothing; the pixels are there all the same
        return 1


def _palette(image: Image) -> np.ndarray:
    """The image's palette, uint8 ``(256, 3)``; with a fourth channel where some of it is transparent."""
    colors = np.zeros((256, 3), np.uint8)
    stated = np.asarray(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    colors[: len(stated)] = stated
    transparent = image.info.get("transparency")
    if transparent is None:
        return colors
    alpha = np.full((256, 1), 255, np.uint8)
    if isinstance(transparent, bytes):
        alpha[: len(transparent), 0] = np.frombuffer(transparent, np.uint8)
    else:
        alpha[transparent] = 0
    return np.hstack([colors, alpha])


def _labels_of(places: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """The labels that indices into a palette ``(index, channel)`` mean: the indices themselves.

    Where a palette shows black and white alone their order is chance, and white is inside. An
    index that is transparent marks nothing.
    """
    used = np.unique(places)
    if (colors[used, :3] == colors[used, :1]).all() and np.isin(colors[used, 0], (0, 255)).all():
        return _over_black(colors[places], 3)[..., :1]
    labels = np.arange(len(colors))
    if colors.shape[1] == 4:
        labels[colors[:, 3] == 0] = 0
    return labels[places][..., None].astype(np.uint8 if len(colors) <= 256 else np.uint16)


def _is_deep_color_png(path: Path) -> bool:
    """Whether this is a PNG with 16 bits per color, which Pillow would reduce to 8."""
    with path.open("rb") as file:
        head = file.read(26)
    return head.startswith(b"\x89PNG") and head[24] == 16 and head[25] in (2, 6)


def _read_deep_png(path: Path) -> np.ndarray:
    import imagecodecs

    return np.asarray(imagecodecs.png_decode(path.read_bytes()))


def _over_black(pixels: np.ndarray, channels: int) -> np.ndarray:
    """Drop transparency: transparent pixels become black, as viewers on black show them."""
    if pixels.shape[-1] == channels:
        return pixels
    opaque = np.iinfo(pixels.dtype).max if pixels.dtype.kind in "iu" else 1
    alpha = pixels[..., channels : channels + 1]
    if (alpha == opaque).all():
        return pixels[..., :channels]
    return np.rint(pixels[..., :channels] * (alpha / opaque)).astype(pixels.dtype)


def _refuse_bomb(name: str, pixels: int, shape: tuple[int, ...]) -> None:
    if pixels > MAX_PIXELS:
        raise UnreadableScan(f"{name}: {size_text(shape)} pixels are more than the {MAX_PIXELS:,} allowed")


def _unnamed(error: Exception, path: Path) -> str:
    """The library's reason without the full path, which may name a patient."""
    text = reason(error, path)
    return "unknown content" if "cannot identify" in text else text
