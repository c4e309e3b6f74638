"""Pictures: PNG, JPEG, BMP and TIFF, 8 or 16 bit, grey or RGB."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from tumorscope.errors import UnreadableScan
from tumorscope.reading.checks import label, reason, size_text
from tumorscope.reading.formats import is_tiff
from tumorscope.reading.quiet import quiet_libraries

MAX_PIXELS = 64_000_000
"""The largest picture that is opened, counting all pages. A decompression bomb is larger."""


@quiet_libraries()
def read_raster(path: Path) -> np.ndarray:
    """The picture's pixels.

    Transparency is laid over black, palettes become RGB, and "white is zero" is inverted.

    Returns:
        ``(row, column, channel)`` with one or three channels, uint8, uint16 or float32.
        A TIFF of several pages is ``(page, row, column, channel)``.

    Raises:
        UnreadableScan: with one line that says why.
    """
    name = label(path)
    try:
        tiff = is_tiff(path)
        pixels = _read_tiff(path, name) if tiff else _read_with_pillow(path, name)
    except UnreadableScan:
        raise
    except MemoryError as error:
        raise UnreadableScan(f"{name}: does not fit into memory; save it smaller") from error
    except Exception as error:  # tifffile and Pillow raise many kinds on damaged files
        raise UnreadableScan(f"{name}: damaged, truncated or not a picture ({_unnamed(error, path)})") from error
    if 0 in pixels.shape:
        raise UnreadableScan(f"{name}: the picture has no pixels; export it again")
    return pixels if pixels.dtype in (np.uint8, np.uint16) else pixels.astype(np.float32)


def _read_tiff(path: Path, name: str) -> np.ndarray:
    import tifffile

    with tifffile.TiffFile(path) as file:
        full = [series for series in file.series if not series.keyframe.is_reduced]
        if not full:
            raise UnreadableScan(f"{name}: the TIFF holds no picture; export it again")
        series, page = full[0], full[0].keyframe
        if any((other.shape, other.dtype, other.axes) != (series.shape, series.dtype, series.axes) for other in full):
            raise UnreadableScan(f"{name}: the pages differ in size or type; save each as its own file")
        _refuse_bomb(name, len(full) * math.prod(series.shape) // (page.samplesperpixel or 1), series.shape)
        photometric, planes = page.photometric, page.samplesperpixel
        alpha_is_plain = 2 in (page.extrasamples or ())
        palette = page.colormap if photometric == tifffile.PHOTOMETRIC.PALETTE else None
        if photometric in (tifffile.PHOTOMETRIC.SEPARATED, tifffile.PHOTOMETRIC.CIELAB):
            raise UnreadableScan(f"{name}: colours are stored as {photometric.name}; save it as grey or RGB")
        # Pages that were written one by one are series of their own.
        pixels = np.stack([each.asarray() for each in full]) if len(full) > 1 else series.asarray()
        axes = f"Q{series.axes}" if len(full) > 1 else series.axes
    pixels = _pages_first(pixels, axes, name)
    if pixels.dtype == bool:
        # One bit a pixel is a mask, and tifffile marks boolean arrays as "white is zero" while
        # it stores true as one: turned round, such a mask would outline everything else.
        return pixels.astype(np.uint8)
    if palette is not None:
        return (np.moveaxis(palette, 0, -1)[pixels[..., 0]] >> 8).astype(np.uint8)
    if photometric == tifffile.PHOTOMETRIC.MINISWHITE and pixels.dtype.kind == "u":
        pixels = np.iinfo(pixels.dtype).max - pixels
    colours = 3 if planes > 2 else 1
    return _over_black(pixels, colours) if alpha_is_plain else pixels[..., :colours]


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


def _read_with_pillow(path: Path, name: str) -> np.ndarray:
    from PIL import Image

    try:
        picture = Image.open(path)
    except Image.DecompressionBombError as error:
        raise UnreadableScan(f"{name}: more pixels than the {MAX_PIXELS:,} allowed; save it smaller") from error
    with picture:
        _refuse_bomb(name, picture.width * picture.height, (picture.height, picture.width))
        if _is_deep_colour_png(path):
            return _over_black(_read_deep_png(path), 3)
        has_alpha = picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info
        if picture.mode in {"P", "PA", "CMYK", "YCbCr", "LAB", "HSV", "RGBX", "RGBa", "RGBA", "RGB"}:
            return _over_black(np.asarray(picture.convert("RGBA" if has_alpha else "RGB")), 3)
        if picture.mode in {"1", "L", "LA", "La"}:
            pixels = np.asarray(picture.convert("LA" if has_alpha else "L"))
            return _over_black(pixels if pixels.ndim == 3 else pixels[..., None], 1)
        return np.asarray(picture)[..., None]  # 16 or 32 bit grey


def _is_deep_colour_png(path: Path) -> bool:
    """Whether this is a PNG with 16 bits a colour, which Pillow would cut to 8."""
    with path.open("rb") as file:
        head = file.read(26)
    return head.startswith(b"\x89PNG") and head[24] == 16 and head[25] in (2, 6)


def _read_deep_png(path: Path) -> np.ndarray:
    import imagecodecs

    return np.asarray(imagecodecs.png_decode(path.read_bytes()))


def _over_black(pixels: np.ndarray, colours: int) -> np.ndarray:
    """Drop transparency: what is transparent becomes black, as viewers on black show it."""
    if pixels.shape[-1] == colours:
        return pixels
    opaque = np.iinfo(pixels.dtype).max if pixels.dtype.kind in "iu" else 1
    alpha = pixels[..., colours : colours + 1]
    if (alpha == opaque).all():
        return pixels[..., :colours]
    return np.rint(pixels[..., :colours] * (alpha / opaque)).astype(pixels.dtype)


def _refuse_bomb(name: str, pixels: int, shape: tuple[int, ...]) -> None:
    if pixels > MAX_PIXELS:
        raise UnreadableScan(f"{name}: {size_text(shape)} pixels are more than the {MAX_PIXELS:,} allowed")


def _unnamed(error: Exception, path: Path) -> str:
    """The library's reason without the full path, which may name a patient."""
    text = reason(error, path)
    return "unknown content" if "cannot identify" in text else text
