"""The pixel values of DICOM images.

Rescaling (slope and intercept, or a modality LUT) is applied, for it gives the scanner's
values. Windows and presentation LUTs are not: they say how to show values, not what they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorscope.errors import UnreadableScan
from tumorscope.reading.checks import MAX_VOXELS, size_text
from tumorscope.reading.dicom.files import read_with_pixels
from tumorscope.reading.dicom.frames import Frame
from tumorscope.scan import SourceImage

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
    from pydicom.pixels.utils import pixel_array
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGExtended12Bit

    try:
        dataset = read_with_pixels(path)
        if "TransferSyntaxUID" not in dataset.file_meta:
            implicit, little = dataset.original_encoding
            explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
            dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    except Exception as error:  # a file cut short makes pydicom raise many kinds
        raise UnreadableScan(f"{name}: a DICOM file is damaged or truncated; export the series again") from error
    try:
        if dataset.file_meta.TransferSyntaxUID == JPEGExtended12Bit:
            from tumorscope.reading.dicom import jpeg12

            jpeg12.register()
        stored = pixel_array(dataset)
        pixels = _inverted(stored, dataset) if dataset.get("PhotometricInterpretation") == "MONOCHROME1" else stored
        pixels = _without_padding(pixels, stored, dataset)
        if "ModalityLUTSequence" in dataset:
            pixels = apply_modality_lut(pixels, dataset)
    except Exception as error:  # decoders raise RuntimeError, ValueError, AttributeError, NotImplementedError
        raise UnreadableScan(f"{name}: {_why_not(dataset)}") from error
    del dataset["PixelData"]
    return pixels, dataset


def _inverted(pixels: np.ndarray, dataset: Any) -> np.ndarray:
    """MONOCHROME1 shows small values bright; turned round within the bits that are stored."""
    if int(dataset.PixelRepresentation) == 1:
        return -1 - pixels
    return (2 ** int(dataset.BitsStored) - 1 - pixels.astype(np.int64)).astype(pixels.dtype)


def _without_padding(pixels: np.ndarray, stored: np.ndarray, dataset: Any) -> np.ndarray:
    """What was put around the image to fill the matrix becomes as dark as the darkest pixel."""
    padding = dataset.get("PixelPaddingValue")
    if not padding:
        return pixels
    outside = stored == padding
    if not outside.any() or outside.all():
        return pixels
    return np.where(outside, pixels[~outside].min(), pixels)


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
