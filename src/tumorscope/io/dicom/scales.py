"""The scale of the pixel values beyond slope and intercept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tumorscope.core.note import Note
from tumorscope.core.scan import SourceImage
from tumorscope.io.dicom.image_attributes import FunctionalGroups
from tumorscope.io.dicom.image_kind import private_number

if TYPE_CHECKING:
    from pydicom import Dataset

_PHILIPS_SLOPE = (0x2005, 0x0E, "Philips MR Imaging DD 001")
"""The private scale slope: values of different series compare only when they are divided by it
(Chenevert et al., Transl Oncol 2014;7:65)."""

_SAME_SLOPE = 1e-4


def notes_on_values(images: Sequence[SourceImage]) -> tuple[Note, ...]:
    """Notes on inverted images and on scales that are stated and not applied.

    Args:
        images: of one series.
    """
    headers = list({id(image.header): image.header for image in images}.values())
    inverted = sum(header.get("PhotometricInterpretation") == "MONOCHROME1" for header in headers)
    notes = []
    if inverted:
        what = f"{_of(inverted, len(headers))} MONOCHROME1, which stores bright as small: inverted"
        notes.append(Note("value_scale", what))
    slopes = [slope for header in headers if (slope := private_number(header, *_PHILIPS_SLOPE))]
    if slopes:
        what = f"Philips' private scale slope, {_range(slopes)}, is stated and not applied{_unequal(slopes)}"
        notes.append(Note("value_scale", what))
    if any(_has_real_world_values(header) for header in headers):
        what = "a Real World Value Mapping is stated and not applied; values are those of slope and intercept"
        notes.append(Note("value_scale", what))
    return tuple(notes)


def _has_real_world_values(header: Dataset) -> bool:
    groups = FunctionalGroups(header, 0)
    return "RealWorldValueMappingSequence" in header or any(
        "RealWorldValueMappingSequence" in place for place in groups.places
    )


def _of(count: int, total: int) -> str:
    if count == total:
        return "the images are" if total > 1 else "the image is"
    return f"{count} of {total} images {'are' if count > 1 else 'is'}"


def _range(values: Sequence[float]) -> str:
    lowest, highest = min(values), max(values)
    return f"{lowest:.4g}" if highest - lowest <= _SAME_SLOPE * highest else f"{lowest:.4g} to {highest:.4g}"


def _unequal(slopes: Sequence[float]) -> str:
    same = max(slopes) - min(slopes) <= _SAME_SLOPE * max(slopes)
    return "" if same else "; it differs between slices, whose brightness may not be comparable"
