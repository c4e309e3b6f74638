"""The pixel values of DICOM images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.errors import UnreadableScan
from tumorscope.reading.checks import MAX_VOXELS, size_text
from tumorscope.reading.dicom.files import read_with_pixels
from tumorscope.reading.dicom.frames import Frame


def read_values(frames: Sequence[Frame], name: str) -> np.ndarray:
    """Decode the images and put them on the scanner's scale, bright meaning more.

    Args:
        frames: of one size, in the order wanted.
        name: the series, for errors.

    Returns:
        ``(slice, row, column)``: the stored integers where no rescaling is asked for,
        else float32.

    Raises:
        UnreadableScan: too large, damaged, or compressed in a way that cannot be decoded.
    """
    rows, columns = frames[0].size
    if len(frames) * rows * columns > MAX_VOXELS:
        shape = size_text((len(frames), rows, columns))
        raise UnreadableScan(f"{name}: {shape} pixels are more than the {MAX_VOXELS:,} allowed")
    slices = []
    decoded_path, decoded = None, np.empty(0)
    for frame in frames:
        if frame.slope == 0:
            raise UnreadableScan(f"{name}: the rescale slope is 0, which erases the image; export the series again")
        if frame.path != decoded_path:
            decoded_path, decoded = frame.path, _decode(frame.path, name)
        image = decoded[frame.index] if decoded.ndim == 3 else decoded
        if image.shape != (rows, columns):
            raise UnreadableScan(f"{name}: an image is {size_text(image.shape)}, its header says {rows}×{columns}")
        if (frame.slope, frame.intercept) != (1.0, 0.0):
            image = image.astype(np.float32) * np.float32(frame.slope) + np.float32(frame.intercept)
        slices.append(image)
    return np.stack(slices)


def _decode(path: Path, name: str) -> np.ndarray:
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    try:
        dataset = read_with_pixels(path)
        if "TransferSyntaxUID" not in dataset.file_meta:
            implicit, little = dataset.original_encoding
            explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
            dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    except Exception as error:  # a file cut short makes pydicom raise many kinds
        raise UnreadableScan(f"{name}: a DICOM file is damaged or truncated; export the series again") from error
    try:
        pixels = dataset.pixel_array
        return _inverted(pixels, dataset) if dataset.get("PhotometricInterpretation") == "MONOCHROME1" else pixels
    except Exception as error:  # decoders raise RuntimeError, ValueError, AttributeError, NotImplementedError
        raise UnreadableScan(f"{name}: {_why_not(dataset)}") from error


def _inverted(pixels: np.ndarray, dataset: Any) -> np.ndarray:
    """MONOCHROME1 shows small values bright; turned round within the bits that are stored."""
    if int(dataset.PixelRepresentation) == 1:
        return -1 - pixels
    return (2 ** int(dataset.BitsStored) - 1 - pixels.astype(np.int64)).astype(pixels.dtype)


def _why_not(dataset: Any) -> str:
    from pydicom.pixels.decoders.base import get_decoder

    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        decodable = get_decoder(syntax).is_available
    except NotImplementedError:
        return "is a video or of an unknown compression; give an uncompressed image series"
    if not decodable:
        return f"compressed as {syntax.name}, which needs `pip install python-gdcm`, or export it uncompressed"
    return "the pixel data is damaged or cut short; export the series again"
