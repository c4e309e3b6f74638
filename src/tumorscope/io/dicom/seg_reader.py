"""Reading DICOM Segmentations and label maps.

A segmentation names the position of every frame, and may leave out frames in which nothing is marked
(PS3.3 C.8.20.2). The distance of its planes comes from SpacingBetweenSlices, else from neighboring
frames, else from SliceThickness; missing planes are then filled in, empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.geometry import Geometry
from tumorscope.core.segmentation import Segmentation
from tumorscope.io.checks import printable, reason
from tumorscope.io.dicom.file_reader import read_header, read_with_pixels
from tumorscope.io.dicom.image_attributes import Frame, FunctionalGroups, frame_count, frames_of
from tumorscope.io.dicom.planes import Plane, place_slices, with_missing_planes
from tumorscope.io.dicom.privacy import contains_patient_name, name_tokens, names_of_object
from tumorscope.io.dicom.slice_order import SAME_POSITION_MM
from tumorscope.io.label_values import HALF
from tumorscope.io.library_warnings import quiet_libraries

if TYPE_CHECKING:
    from pydicom import Dataset

SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
"""Segmentation Storage and Label Map Segmentation Storage."""

_BACKGROUND = ("125040", "DCM")
"""DICOM's code for the background, as property of a segment."""

_NEIGHBORS = 1.75
"""Planes nearer to each other than this, in slice thicknesses, are neighbors: gaps between slices are smaller."""


@quiet_libraries()
def read_dicom_segmentation(path: Path) -> Segmentation:
    """Read a DICOM SEG, binary, fractional or a label map.

    Raises:
        UnreadableScan: not a segmentation, damaged, or one whose frames are not parallel planes.
    """
    header, _ = read_header(path)
    words = name_tokens(header)
    case, name = names_of_object(path, header, words)
    if header.get("SOPClassUID") not in SEGMENTATIONS:
        modality = printable(str(header.get("Modality") or "unknown"))[:16]
        raise UnreadableScan(
            f"{name}: not a DICOM segmentation (modality {modality}); give a SEG, an RTSTRUCT, NIfTI or images"
        )
    try:
        dataset = read_with_pixels(path)
        if frame_count(dataset) != len(dataset.PerFrameFunctionalGroupsSequence):
            raise ValueError("its frames are not described one by one")
        frames = frames_of(path, dataset)
        described = _Segments.of(dataset, words)
        stored = _marked(dataset, described)
    except Exception as error:  # pydicom raises many kinds on odd files
        raise UnreadableScan(f"{name}: not readable as a volume ({reason(error, path)}); export it again") from error
    plane, positions, plane_of = _planes(frames, name)
    masks: dict[int, dict[int, np.ndarray]] = {}
    for index, number, marked in stored:
        planes = masks.setdefault(number, {})
        planes[plane_of[index]] = planes.get(plane_of[index], False) | marked
    usual_mm = _usual_distance(dataset, positions @ plane.normal)
    rows = np.arange(len(positions))
    if not _is_complete(dataset, {index for planes in masks.values() for index in planes}, len(positions)):
        positions, rows = with_missing_planes(positions, plane.normal, usual_mm, frames[0].size, name)
    placed = place_slices(positions, plane, usual_mm, name)
    shape = (len(positions), *frames[0].size)
    return Segmentation.of_masks(
        masks=[(described.names[number], _volume(masks[number], rows, shape)) for number in sorted(masks)],
        labels=sorted(masks),
        shape=shape,
        case=case,
        kind="slices",
        geometry=Geometry(shape, placed.affine, placed.slice_positions),
        notes=(*((HALF,) if described.full_value is not None else ()), *placed.notes),
    )


@dataclass(frozen=True, eq=False)
class _Segments:
    """The meaning of a segmentation's pixel values.

    Attributes:
        names: of each segment by its number; the background is not one.
        full_value: the value of a whole voxel in a fractional segmentation, None in others.
        in_pixels: whether pixels hold the numbers of segments, as in a label map.
    """

    names: dict[int, str]
    full_value: float | None
    in_pixels: bool

    @classmethod
    def of(cls, dataset: Dataset, words: frozenset[str]) -> _Segments:
        kind = str(dataset.get("SegmentationType") or "")
        labels = {
            int(segment.SegmentNumber): _label(segment, words)
            for segment in dataset.SegmentSequence
            if not _is_background(segment)
        }
        several = list(labels.values())
        # Segments are distinguished by name.
        names = {key: f"{name} ({key})" if several.count(name) > 1 else name for key, name in labels.items()}
        full_value = float(dataset.get("MaximumFractionalValue") or 1) if kind == "FRACTIONAL" else None
        return cls(names, full_value, kind == "LABELMAP" or dataset.get("SOPClassUID") == SEGMENTATIONS[1])


def _label(segment: Dataset, words: frozenset[str]) -> str:
    name = printable(str(segment.get("SegmentLabel") or ""))[:60]
    return f"segment {segment.SegmentNumber}" if not name or contains_patient_name(name, words) else name


def _is_background(segment: Dataset) -> bool:
    """Whether a segment is the background: by its code (PS3.16), or by its name."""
    kinds = segment.get("SegmentedPropertyTypeCodeSequence") or []
    coded = any((kind.get("CodeValue"), kind.get("CodingSchemeDesignator")) == _BACKGROUND for kind in kinds)
    return coded or str(segment.get("SegmentLabel") or "").strip().casefold() == "background"


def _marked(dataset: Dataset, segments: _Segments) -> list[tuple[int, int, np.ndarray]]:
    """Frame, segment and boolean ``(row, column)``, where anything of the segment is marked."""
    found = []
    for index, pixels in enumerate(_pixels(dataset)):
        if segments.in_pixels:
            found += [
                (index, number, pixels == number) for number in np.unique(pixels).tolist() if number in segments.names
            ]
            continue
        inside = pixels > 0 if segments.full_value is None else pixels >= segments.full_value / 2
        stated = FunctionalGroups(dataset, index).get("SegmentIdentificationSequence", "ReferencedSegmentNumber")
        if stated is None and len(segments.names) > 1:
            raise ValueError("a frame does not name its segment")
        number = next(iter(segments.names)) if stated is None else int(stated)
        if number in segments.names and inside.any():
            found.append((index, number, inside))
    return found


def _pixels(dataset: Dataset) -> Iterator[np.ndarray]:
    """The frames one by one, ``(row, column)``."""
    from pydicom.pixels.utils import iter_pixels

    if dataset.BitsAllocated != 1 or dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        yield from iter_pixels(dataset)
        return
    # Frames of one bit per pixel may begin within a byte, which pydicom's iter_pixels (3.0) does not support.
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    stored = np.frombuffer(dataset.PixelData, np.uint8)
    for first in range(0, frame_count(dataset) * rows * columns, rows * columns):
        last = first + rows * columns
        bits = np.unpackbits(stored[first // 8 : -(-last // 8)], bitorder="little")
        yield bits[first % 8 :][: rows * columns].reshape(rows, columns)


def _planes(frames: Sequence[Frame], name: str) -> tuple[Plane, np.ndarray, list[int]]:
    """What all frames share, the position of each plane in ascending order, and the plane of each frame.

    Raises:
        UnreadableScan: frames without a position, or that are not parallel.
    """
    first = frames[0]
    if first.orientation is None or first.spacing_mm is None or any(frame.position is None for frame in frames):
        raise UnreadableScan(f"{name}: not readable as a volume (frames without a position); export it again")
    if not all(frame.shares_grid_with(first) for frame in frames):
        raise UnreadableScan(f"{name}: not readable as a volume (its frames are not parallel); export it again")
    plane = Plane.of(first.orientation, first.spacing_mm, name)
    positions = np.array([frame.position for frame in frames])
    heights = positions @ plane.normal
    order = np.argsort(heights, kind="stable")
    starts = np.diff(heights[order], prepend=-np.inf) > SAME_POSITION_MM
    plane_of = np.empty(len(frames), int)
    plane_of[order] = np.cumsum(starts) - 1
    return plane, positions[order[starts]], plane_of.tolist()


def _usual_distance(dataset: Dataset, heights: np.ndarray) -> float | None:
    """The distance of neighboring planes in mm, whichever frames were left out; None where it is not known."""
    groups = FunctionalGroups(dataset, 0)
    between = groups.number("PixelMeasuresSequence", "SpacingBetweenSlices")
    thickness = groups.number("PixelMeasuresSequence", "SliceThickness")
    if between:
        return abs(between)
    nearest = float(np.diff(heights).min()) if len(heights) > 1 else None
    if not thickness or (nearest is not None and nearest < _NEIGHBORS * abs(thickness)):
        return nearest
    return abs(thickness)


def _is_complete(dataset: Dataset, marked: set[int], planes: int) -> bool:
    """Whether no empty frame was left out, so that gaps are those of the images: some are there, or one for each image."""
    images = [
        item
        for series in dataset.get("ReferencedSeriesSequence") or []
        for item in series.get("ReferencedInstanceSequence") or []
    ]
    return len(marked) < planes or planes == len(images) > 1


def _volume(planes: dict[int, np.ndarray], rows: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    volume = np.zeros(shape, bool)
    for index, marked in planes.items():
        volume[rows[index]] = marked
    return volume
