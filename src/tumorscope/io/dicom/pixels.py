"""The pixel values of DICOM images.

Rescaling (slope and intercept, or a modality LUT) is applied, for it gives the scanner's
values. Windows and presentation LUTs are not: they say how to show values, not what they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.scan import SourceImage
from tumorscope.io.checks import MAX_VOXELS, size_text
from tumorscope.io.dicom.file_reader import PIXEL_KEYWORDS, damage_told, read_with_pixels
from tumorscope.io.dicom.image_attributes import Frame, number

if TYPE_CHECKING:
    from pydicom import Dataset


def read_images(frames: Sequence[Frame], name: str) -> tuple[np.ndarray, tuple[SourceImage, ...]]:
    """Decode the images and put them on the scanner's scale, bright meaning more.

    Args:
        frames: of one size, in the order wanted.
        name: the series, for errors.

    Returns:
        ``(slice, row, column)``: the stored integers where no rescaling is asked for, else
        float32; and the header of each slice's file, one object for all frames of a file.

    Raises:
        UnreadableScan: too large, damaged, or compressed in a way that cannot be decoded.
    """
    rows, columns = frames[0].size
    if len(frames) * rows * columns > MAX_VOXELS:
        shape = size_text((len(frames), rows, columns))
        raise UnreadableScan(f"{name}: {shape} pixels are more than the {MAX_VOXELS:,} allowed")
    rescaled = any((frame.slope, frame.intercept) != (1.0, 0.0) for frame in frames)
    values = np.empty(0)
    images: list[SourceImage] = []
    decoded_path, decoded, header = None, np.empty(0), None
    headers: dict[Path, Dataset] = {}
    for index, frame in enumerate(frames):
        if frame.slope == 0:
            raise UnreadableScan(f"{name}: the rescale slope is 0, which erases the image; export the series again")
        if frame.path != decoded_path:
            decoded_path, (decoded, header) = frame.path, _decode(frame.path, name)
        image = decoded[frame.index] if decoded.ndim == 3 else decoded
        if image.shape != (rows, columns):
            raise UnreadableScan(f"{name}: an image is {size_text(image.shape)}, its header says {rows}×{columns}")
        if (frame.slope, frame.intercept) != (1.0, 0.0):
            image = image.astype(np.float32) * np.float32(frame.slope) + np.float32(frame.intercept)
        kind = np.float32 if rescaled else np.promote_types(image.dtype, values.dtype) if index else image.dtype
        if index == 0:
            values = np.empty((len(frames), rows, columns), kind)
        elif values.dtype != kind:
            values = values.astype(kind)
        values[index] = image
        assert header is not None
        images.append(SourceImage(headers.setdefault(frame.path, header), frame.index))
    return values, tuple(images)


def _decode(path: Path, name: str) -> tuple[np.ndarray, Dataset]:
    """The file's pixels, and its header without them."""
    from pydicom.pixels.processing import apply_modality_lut

    with damage_told(f"{name}: a DICOM file is damaged or truncated; export the series again"):
        dataset = read_with_pixels(path)
        _state_syntax(dataset)
    stored = _stored_pixels(dataset, name)
    pixels = _inverted(stored, dataset) if dataset.get("PhotometricInterpretation") == "MONOCHROME1" else stored
    pixels = _without_padding(pixels, stored, dataset)
    if "ModalityLUTSequence" in dataset:
        with damage_told(f"{name}: the modality LUT is damaged; export the series again"):
            pixels = apply_modality_lut(pixels, dataset)
    for keyword in PIXEL_KEYWORDS:
        dataset.pop(keyword, None)
    return pixels, dataset


def _state_syntax(dataset: Dataset) -> None:
    """Old files lack the meta information; their transfer syntax is the one by which they were parsed."""
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit


def _stored_pixels(dataset: Dataset, name: str) -> np.ndarray:
    from tumorscope.io.dicom import codecs

    codecs.register()
    try:
        return _decoded(dataset)
    except MemoryError:
        raise
    except Exception as error:  # decoders raise RuntimeError, ValueError, AttributeError, NotImplementedError
        raise UnreadableScan(f"{name}: {_why_not(dataset)}") from error


def _decoded(dataset: Any) -> np.ndarray:
    """The pixels, whose bits old scanners store at the top of each word (HighBit 15 of 12 bits), as DICOM once allowed.

    pydicom takes them from the bottom, where such files have none of them or a part.
    """
    from pydicom.pixels.utils import pixel_array

    stored, high = dataset.get("BitsStored"), dataset.get("HighBit")
    if stored is None or high is None or dataset.file_meta.TransferSyntaxUID.is_compressed:
        return pixel_array(dataset)
    below = int(high) + 1 - int(stored)
    if below <= 0 or high >= dataset.BitsAllocated:
        return pixel_array(dataset)
    dataset.BitsStored = high + 1
    try:
        return pixel_array(dataset) >> below
    finally:
        dataset.BitsStored = stored


def _inverted(pixels: np.ndarray, dataset: Any) -> np.ndarray:
    """MONOCHROME1 shows small values bright; turned round within the bits that are stored."""
    if pixels.dtype.kind == "f":
        return -pixels
    if int(dataset.PixelRepresentation) == 1:
        return -1 - pixels
    return (2 ** int(dataset.BitsStored) - 1 - pixels.astype(np.int64)).astype(pixels.dtype)


def _without_padding(pixels: np.ndarray, stored: np.ndarray, dataset: Any) -> np.ndarray:
    """Padding around the image becomes as dark as the darkest pixel."""
    outside = _padding(stored, dataset)
    if outside is None or not outside.any() or outside.all():
        return pixels
    return np.where(outside, pixels[~outside].min(), pixels)


def _padding(stored: np.ndarray, dataset: Any) -> np.ndarray | None:
    """Which pixels have PixelPaddingValue, or a value between it and PixelPaddingRangeLimit (PS3.3 C.7.5.1.1.2)."""
    kind = {"f4": "FloatPixelPadding", "f8": "DoubleFloatPixelPadding"}.get(stored.dtype.str[1:], "PixelPadding")
    value, limit = dataset.get(f"{kind}Value"), number(dataset.get(f"{kind}RangeLimit"))
    padding = number(value)
    if padding is None:
        return np.isnan(stored) if value is not None and stored.dtype.kind == "f" else None
    lowest, highest = sorted((padding, padding if limit is None else limit))
    no_signal = lowest == highest == 0 and not number(dataset.get("RescaleIntercept"))
    if no_signal and dataset.get("PhotometricInterpretation") != "MONOCHROME1":
        return None  # air already; raised to the darkest pixel of a brain without its skull it would differ by slice
    return (stored >= lowest) & (stored <= highest)


def _why_not(dataset: Any) -> str:
    from pydicom.pixels.decoders.base import get_decoder

    syntax, bits = dataset.file_meta.TransferSyntaxUID, dataset.get("BitsAllocated")
    if bits not in (None, 1, 8, 16, 32, 64):
        return f"packs its pixels into {bits} bits each, which DICOM no longer allows; export it with 16 bits per pixel"
    try:
        decodable = get_decoder(syntax).is_available
    except NotImplementedError:
        if syntax.name == syntax:
            return "is of an unknown compression; export an uncompressed image series"
        return f"is a video or compressed as {syntax.name}, which cannot be decoded; export it uncompressed"
    if not decodable:
        return f"compressed as {syntax.name}, which cannot be decoded; export it uncompressed"
    return "the pixel data is damaged or cut short; export the series again"
