"""Pictures: PNG, JPEG, BMP and TIFF, 8 or 16 bit, grey or RGB."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from tumorscope.errors import UnreadableScan

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})
MAX_PIXELS = 64_000_000
"""The largest picture that is opened, counting all pages. A decompression bomb is larger."""


def read_raster(path: Path) -> np.ndarray:
    """The picture's pixels.

    Returns:
        ``(row, column, channel)`` with one or three channels, uint8, uint16 or float32.
        A multi-page TIFF is ``(page, row, column, channel)``.

    Raises:
        UnreadableScan: with one line that says why.
    """
    if path.suffix.lower() in {".tif", ".tiff"}:
        return _read_tiff(path)
    return _read_with_pillow(path)


def _read_tiff(path: Path) -> np.ndarray:
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            if not file.series:
                raise UnreadableScan(f"{path.name}: the TIFF holds no picture")
            series = file.series[0]
            if np.prod(series.shape, dtype=float) > 3 * MAX_PIXELS:
                raise UnreadableScan(f"{path.name}: {_size(series.shape)} pixels are more than the {MAX_PIXELS:,} allowed")
            pixels = series.asarray()
            axes = series.axes
            if file.pages[0].photometric == tifffile.PHOTOMETRIC.PALETTE:
                pixels = file.pages[0].asrgb() if hasattr(file.pages[0], "asrgb") else pixels
    except UnreadableScan:
        raise
    except Exception as error:  # tifffile raises many kinds on damaged files
        raise UnreadableScan(f"{path.name}: damaged or not a TIFF ({_first_line(error)})") from error
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8)
    if pixels.dtype.kind == "f" or pixels.dtype.itemsize > 2:
        pixels = pixels.astype(np.float32)
    return _with_channels(path, pixels, planar=axes.startswith("S") and pixels.ndim == 3)


def _read_with_pillow(path: Path) -> np.ndarray:
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            # Pillow's own limits come as a warning first; ours is checked below.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    size = _size((picture.height, picture.width))
                    raise UnreadableScan(f"{path.name}: {size} pixels are more than the {MAX_PIXELS:,} allowed")
                if picture.mode in {"P", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "PA", "RGBX", "RGBa"}:
                    picture = picture.convert("RGB")
                elif picture.mode in {"1", "LA", "La"}:
                    picture = picture.convert("L")
                pixels = np.asarray(picture)
    except UnreadableScan:
        raise
    except Image.DecompressionBombError as error:
        raise UnreadableScan(f"{path.name}: more pixels than the {MAX_PIXELS:,} allowed") from error
    except UnidentifiedImageError as error:
        raise UnreadableScan(f"{path.name}: not a picture, or damaged beyond recognition") from error
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, ValueError …
        raise UnreadableScan(f"{path.name}: damaged or truncated ({_first_line(error)})") from error
    if pixels.dtype.kind == "i":
        pixels = pixels.astype(np.float32)
    return _with_channels(path, pixels)


def _with_channels(path: Path, pixels: np.ndarray, planar: bool = False) -> np.ndarray:
    if planar:
        pixels = np.moveaxis(pixels, 0, -1)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    elif pixels.ndim == 3 and pixels.shape[-1] not in (1, 2, 3, 4):
        pixels = pixels[..., None]  # pages of grey
    if pixels.ndim not in (3, 4):
        raise UnreadableScan(f"{path.name}: {pixels.ndim} dimensions are not a picture")
    channels = pixels.shape[-1]
    if channels in (2, 4):  # grey or colour with transparency
        pixels = pixels[..., : channels - 1]
    if 0 in pixels.shape:
        raise UnreadableScan(f"{path.name}: the picture has no pixels")
    return pixels


def _size(shape: tuple[int, ...]) -> str:
    return "×".join(f"{length:,}" for length in shape)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
