"""The attributes of each image in a DICOM file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorscope.io.checks import printable
from tumorscope.io.dicom.image_kind import PLAIN, ImageKind, kind_of_frame, private_number

if TYPE_CHECKING:
    from pydicom import Dataset

_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
_ENCAPSULATED = "1.2.840.10008.5.1.4.1.1.104."
_SPECTROSCOPY = "1.2.840.10008.5.1.4.1.1.4.2"
_MR_LIKE = {"MR", "OT", "SC", ""}
"""Modalities that may be MR: derived and captured images often say OT or nothing."""

MOST_FRAMES = 10_000
"""More images in one file than this are a damaged header."""

B_VALUES = ((0x0019, 0x0C, "SIEMENS MR HEADER"), (0x2001, 0x03, "Philips Imaging DD 001"))
"""Where manufacturers keep b-values: group, element and private creator."""

_SAME_DIRECTION = 0.005
"""Direction cosines that differ by less belong to one grid: a third of a degree, far above rounding."""

_SAME_ECHO = 0.05
"""Echo times that differ by less than this share are one echo."""

_SAME_SPACING = 0.001
"""Spacings that differ by less, in mm, belong to one grid."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One image: a whole file, or a frame of an enhanced multi-frame file.

    Attributes:
        path: the file.
        index: the frame within the file.
        uid: SOPInstanceUID.
        instance: the number by which the scanner counts.
        temporal_key: what distinguishes images at one position: time point, b-value, acquisition.
        echo_ms: echo time, 0 where not given.
        size: rows and columns.
        position: center of the first pixel in mm, LPS, or None.
        orientation: direction along a row, then along a column, LPS, or None.
        spacing_mm: distance between rows, then between columns, or None.
        thickness_mm: distance between slices as the header states it, or None.
        slope, intercept: from stored values to the scanner's values.
        kind: a plain image, or which part of a complex signal, Dixon image or map.
    """

    path: Path
    index: int
    uid: str
    instance: int
    temporal_key: tuple[float, ...]
    echo_ms: float
    size: tuple[int, int]
    position: np.ndarray | None
    orientation: np.ndarray | None
    spacing_mm: np.ndarray | None
    thickness_mm: float | None
    slope: float
    intercept: float
    kind: ImageKind = PLAIN

    def shares_grid_with(self, other: Frame) -> bool:
        """Whether both can be slices of one volume: same kind, echo, size, orientation and spacing."""
        return (
            self.kind.name == other.kind.name
            and self.size == other.size
            and abs(self.echo_ms - other.echo_ms) <= max(0.5, _SAME_ECHO * other.echo_ms)
            and (self.position is None) == (other.position is None)
            and _near(self.orientation, other.orientation, _SAME_DIRECTION)
            and _near(self.spacing_mm, other.spacing_mm, _SAME_SPACING)
        )


def rejection_reason(dataset: Dataset, has_pixels: bool) -> str | None:
    """Why a file is not an MR image, in words that follow its name; None if it is one."""
    sop_class = str(dataset.get("SOPClassUID", ""))
    if not sop_class and "Rows" not in dataset:
        return "damaged or not DICOM; export it again"
    if sop_class == _SEGMENTATION:
        return "is a DICOM segmentation, not images; name the series it was drawn on"
    if sop_class.startswith(_ENCAPSULATED):
        return "is a document wrapped in DICOM, not images; name the image series"
    if sop_class == _SPECTROSCOPY:
        return "is MR spectroscopy, not images; name the image series"
    if not has_pixels:
        return "is DICOM without pixel data; name the image series"
    if _count(dataset, "SamplesPerPixel", 1) > 1 or "PALETTE" in str(dataset.get("PhotometricInterpretation", "")):
        return "is a color image in DICOM, such as a screen capture; name the image series"
    modality = str(dataset.get("Modality", "") or "").upper()
    if modality not in _MR_LIKE:
        return f"is of modality {printable(modality[:16])}, not MR; give an MRI series"
    if not 0 < frame_count(dataset) <= MOST_FRAMES:
        return f"claims to hold {frame_count(dataset)} frames; export it again"
    if not _count(dataset, "Rows", 0) or not _count(dataset, "Columns", 0):
        return "does not say how many rows and columns it has; export it again"
    return None


def frame_count(dataset: Dataset) -> int:
    """How many images the file holds."""
    return _count(dataset, "NumberOfFrames", 1)


def frames_of(path: Path, dataset: Dataset) -> list[Frame]:
    """The images of one file; geometry that is missing or not a number is None."""
    return [_frame(path, dataset, index, FunctionalGroups(dataset, index)) for index in range(frame_count(dataset))]


class FunctionalGroups:
    """Looks an attribute up where enhanced files keep it: per frame, then shared, then on top."""

    def __init__(self, dataset: Dataset, index: int) -> None:
        self.places: list[Any] = []
        per_frame = items_of(dataset.get("PerFrameFunctionalGroupsSequence"))
        if index < len(per_frame):
            self.places.append(per_frame[index])
        self.places.extend(items_of(dataset.get("SharedFunctionalGroupsSequence"))[:1])
        # A plain multi-frame file has one position for all frames, which is true of the first only.
        several = frame_count(dataset) > 1
        self.top = None if several and not self.places else dataset

    def get(self, group: str, attribute: str) -> Any:
        """The attribute's value in the group, or on top, or None."""
        for place in self.places:
            items = items_of(place.get(group))
            if items and items[0].get(attribute) is not None:
                return items[0].get(attribute)
        return None if self.top is None else self.top.get(attribute)

    def number(self, group: str, attribute: str) -> float | None:
        """The same as a finite number."""
        return number(self.get(group, attribute))


def _frame(path: Path, dataset: Dataset, index: int, groups: FunctionalGroups) -> Frame:
    between = groups.number("PixelMeasuresSequence", "SpacingBetweenSlices")
    thickness = groups.number("PixelMeasuresSequence", "SliceThickness")
    slope = groups.number("PixelValueTransformationSequence", "RescaleSlope")
    intercept = groups.number("PixelValueTransformationSequence", "RescaleIntercept")
    temporal_key = (
        groups.number("FrameContentSequence", "TemporalPositionIndex")
        or number(dataset.get("TemporalPositionIdentifier")),
        _b_value(dataset, groups),
        groups.number("FrameContentSequence", "FrameAcquisitionNumber") or number(dataset.get("AcquisitionNumber")),
    )
    return Frame(
        path=path,
        index=index,
        uid=str(dataset.get("SOPInstanceUID") or ""),
        instance=int(number(dataset.get("InstanceNumber")) or 0),
        temporal_key=tuple(value or 0.0 for value in temporal_key),
        echo_ms=groups.number("MREchoSequence", "EffectiveEchoTime") or number(dataset.get("EchoTime")) or 0.0,
        size=(_count(dataset, "Rows", 0), _count(dataset, "Columns", 0)),
        position=_numbers(groups.get("PlanePositionSequence", "ImagePositionPatient"), 3),
        orientation=_numbers(groups.get("PlaneOrientationSequence", "ImageOrientationPatient"), 6),
        spacing_mm=_numbers(groups.get("PixelMeasuresSequence", "PixelSpacing"), 2),
        thickness_mm=next((abs(value) for value in (between, thickness) if value), None),
        slope=1.0 if slope is None else slope,
        intercept=intercept or 0.0,
        kind=kind_of_frame(dataset, groups),
    )


def items_of(value: Any) -> Sequence[Any]:
    """The items of a sequence; none where it is missing, or damage made something else of it."""
    return value if type(value).__name__ == "Sequence" else ()


def _b_value(dataset: Dataset, groups: FunctionalGroups) -> float | None:
    """The diffusion weighting in s/mm², where the standard or the manufacturer keeps it."""
    stated = groups.number("MRDiffusionSequence", "DiffusionBValue")
    if stated is not None:
        return stated
    return next((value for place in B_VALUES if (value := private_number(dataset, *place)) is not None), None)


def _count(dataset: Dataset, keyword: str, missing: int) -> int:
    return int(number(dataset.get(keyword)) or missing)


def _numbers(value: Any, count: int) -> np.ndarray | None:
    try:
        numbers = np.array([float(item) for item in value], float)
    except (TypeError, ValueError):
        return None
    return numbers if numbers.shape == (count,) and np.isfinite(numbers).all() else None


def number(value: Any) -> float | None:
    """A finite number, or None for any other value."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def _near(one: np.ndarray | None, other: np.ndarray | None, tolerance: float) -> bool:
    if one is None or other is None:
        return one is other
    return bool(np.abs(one - other).max() <= tolerance)
