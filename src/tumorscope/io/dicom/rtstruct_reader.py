"""Reading DICOM RT Structure Sets as masks.

Contours are points in the patient and say nothing of pixels. They become pixels of the scan that they were drawn on:
the one that the caller gives, else the referenced series where its images are beside the file, else a grid of
:data:`_PIXEL_MM` of their own. ContourImageSequence, which may be missing, is not needed: a contour belongs to the
slice nearest to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.geometry import LPS_TO_RAS, SAME_POSITION, Geometry
from tumorscope.core.note import Note
from tumorscope.core.scan import Scan
from tumorscope.core.segmentation import Segmentation
from tumorscope.io.dicom.contours import fill_contours
from tumorscope.io.dicom.file_reader import read_header
from tumorscope.io.dicom.planes import Plane, place_slices, with_missing_planes
from tumorscope.io.dicom.privacy import name_tokens, names_of_object
from tumorscope.io.dicom.referenced_series import find_series_geometry
from tumorscope.io.dicom.slice_order import SAME_POSITION_MM
from tumorscope.io.dicom.structure_set import STRUCTURE_SET, Roi, StructureSet, read_content
from tumorscope.io.library_warnings import quiet_libraries
from tumorscope.preprocessing.series_resampling import frame_of_reference

_PIXEL_MM = 0.5
"""Of the grid for contours whose images are not there."""

_REACH = 0.5 + SAME_POSITION
"""In steps between slices: a contour belongs to a slice up to so far away."""

_BETWEEN, _BEYOND = "between slices", "beyond the scan or where it has no slice"

_EXCHANGES_SPACINGS = "rt-utils"
"""ManufacturerModelName of a writer that exchanges the spacings of rows and columns, up to 1.2.7; its version is not stated."""

_FLAT = 0.01
"""The sine of the largest angle between planes that count as parallel."""


def is_structure_set(path: Path) -> bool:
    """Whether a DICOM file is an RT Structure Set; its header decides."""
    return read_header(path)[0].get("SOPClassUID") == STRUCTURE_SET


@quiet_libraries()
def read_structure_set(path: Path, scan: Scan | None = None) -> Segmentation:
    """The regions of a structure set as a segmentation, their names as labels.

    Args:
        path: the file.
        scan: what was contoured; if None it is looked for beside the file.

    Raises:
        UnreadableScan: damaged, without a closed contour, not drawn on the slices of the scan, or by a writer that
            misplaces contours on such pixels.
    """
    header, _ = read_header(path)
    words = name_tokens(header)
    case, name = names_of_object(path, header, words)
    content = read_content(path, name, words)
    if not any(roi.contours for roi in content.rois):
        raise UnreadableScan(f"{name}: holds no closed contour, so there is no mask in it")
    geometry, notes = _grid(path, content, scan, name)
    _, row, column = geometry.spacing_mm
    if content.writer == _EXCHANGES_SPACINGS and not np.isclose(row, column, rtol=0.01):
        raise UnreadableScan(
            f"{name}: by rt-utils, which exchanges the spacings of rows and columns: on pixels of {row:g}×{column:g} mm "
            "its contours are not where they were drawn; export the mask as DICOM SEG or NIfTI"
        )
    masks, more = _masks(content.rois, geometry, name)
    numbers = [roi.number for roi in content.rois]
    usable = all(0 < number < 2**16 for number in numbers) and len(set(numbers)) == len(numbers)
    return Segmentation.of_masks(
        masks=[(roi.name, mask) for roi, mask in zip(content.rois, masks, strict=True)],
        labels=numbers if usable else None,
        shape=geometry.shape,
        case=case,
        kind="slices",
        geometry=geometry,
        notes=(*content.notes, *notes, *more),
    )


def _grid(path: Path, content: StructureSet, scan: Scan | None, name: str) -> tuple[Geometry, tuple[Note, ...]]:
    """The grid on which contours are drawn, and what was assumed of it."""
    if scan is not None:
        if scan.geometry is None:
            raise UnreadableScan(f"{name}: contours need a scan with a known position; give the DICOM series")
        own = frame_of_reference(scan)
        if own and content.frames and own not in content.frames:
            raise UnreadableScan(
                f"{name}: its contours are in another frame of reference than the scan; give the series they were "
                "drawn on"
            )
        return scan.geometry, ()
    found = find_series_geometry(path, content.series)
    return (found, ()) if found is not None else _own_grid(content.rois, name)


def _masks(rois: Sequence[Roi], geometry: Geometry, name: str) -> tuple[list[np.ndarray], list[Note]]:
    """The pixels of each region ``(slice, row, column)``, and notes on contours that are not among them.

    Raises:
        UnreadableScan: contours across the slices, or none of them on any.
    """
    masks, notes, left_out = [], [], Counter[str]()
    for roi in rois:
        mask = np.zeros(geometry.shape, bool)
        slices, left = _on_slices(roi.contours, geometry, name)
        for index, contours in slices.items():
            mask[index] = fill_contours(contours, geometry.shape[1:])
        if slices and not mask.any():
            notes.append(Note("contours_left_out", f"{roi.name} is smaller than a pixel of this grid and left empty"))
        masks.append(mask)
        left_out += left
    count = sum(len(roi.contours) for roi in rois)
    if left_out[_BEYOND] == count:
        raise UnreadableScan(
            f"{name}: none of its contours is on a slice of the scan; give the series they were drawn on"
        )
    for where, number in left_out.items():
        notes.append(Note("contours_left_out", f"{number} of {count} contours are {where}; left out"))
    return masks, notes


def _on_slices(
    contours: Sequence[np.ndarray], geometry: Geometry, name: str
) -> tuple[dict[int, list[np.ndarray]], Counter[str]]:
    """For each slice the contours of the plane nearest to it, and how many others are where."""
    nearest: dict[int, tuple[float, list[np.ndarray]]] = {}
    left_out = Counter[str]()
    for position, own in sorted(_by_plane(contours, geometry, name).items()):
        index = int(geometry.nearest_slice(np.array(position)))
        away = abs(position - geometry.positions[index])
        if away > _REACH:
            left_out[_BEYOND] += len(own)
            continue
        known = nearest.get(index)
        if known is None or away < known[0]:
            left_out[_BETWEEN] += 0 if known is None else len(known[1])
            nearest[index] = (away, own)
        else:
            left_out[_BETWEEN] += len(own)
    return {index: own for index, (_away, own) in nearest.items()}, +left_out


def _by_plane(contours: Sequence[np.ndarray], geometry: Geometry, name: str) -> dict[float, list[np.ndarray]]:
    """The contours of each plane ``(point, row and column)``, by its position along the slice axis, in steps.

    Positions are moved onto the nearest slice at a right angle to it.
    """
    planes: dict[float, list[np.ndarray]] = {}
    for points in contours:
        positions = geometry.position_of(geometry.to_index(points)[:, 0])
        position = float(np.median(positions))
        if np.ptp(positions) > _REACH:
            raise UnreadableScan(
                f"{name}: its contours run across the slices of the scan; give the series they were drawn on"
            )
        same = next((known for known in planes if abs(known - position) <= SAME_POSITION), position)
        slice_position = geometry.positions[int(geometry.nearest_slice(np.array(position)))]
        moved = points + np.outer(slice_position - positions, geometry.normal_step_mm)
        planes.setdefault(same, []).append(geometry.to_index(moved)[:, 1:])
    return planes


def _own_grid(rois: Sequence[Roi], name: str) -> tuple[Geometry, tuple[Note, ...]]:
    """A grid around the contours, its slices where they are."""
    contours = [points for roi in rois for points in roi.contours]
    every = np.concatenate(contours) @ LPS_TO_RAS[:3, :3]
    plane = _plane_of(contours, name)
    axes = np.stack([plane.along_row, plane.along_column], axis=1)
    low = (every @ axes).min(axis=0) - 1.5 * _PIXEL_MM  # half a pixel beside the contours: they are edges
    columns, rows = (np.ceil(((every @ axes).max(axis=0) - low) / _PIXEL_MM).astype(int) + 3).tolist()
    heights = np.sort([float(np.median(points @ LPS_TO_RAS[:3, :3] @ plane.normal)) for points in contours])
    heights = heights[np.diff(heights, prepend=-np.inf) > SAME_POSITION_MM]
    usual_mm = float(np.diff(heights).min()) if len(heights) > 1 else None
    positions = axes @ low + np.outer(heights, plane.normal)
    positions, _rows = with_missing_planes(positions, plane.normal, usual_mm, (rows, columns), name)
    placed = place_slices(positions, plane, usual_mm, name)
    what = (
        f"the images that the contours were drawn on are not beside the file; pixels of {_PIXEL_MM:g} mm are assumed, "
        "and contours are taken for edges; name the scan for its own pixels"
    )
    geometry = Geometry((len(positions), rows, columns), placed.affine, placed.slice_positions)
    return geometry, (Note("assumed_grid", what), *placed.notes)


def _plane_of(contours: Sequence[np.ndarray], name: str) -> Plane:
    """The plane to which all contours are parallel, its rows and columns as near to the patient's axes as can be.

    Raises:
        UnreadableScan: they are not parallel, or too few to say in which plane they are.
    """
    areas = [_area_vector(points @ LPS_TO_RAS[:3, :3]) for points in contours]
    largest = max(areas, key=lambda area: float(np.linalg.norm(area)))
    if not np.linalg.norm(largest):
        raise UnreadableScan(f"{name}: its contours enclose no area; give the series they were drawn on")
    normal = largest / np.linalg.norm(largest)
    if any(np.linalg.norm(np.cross(area, normal)) > _FLAT * max(np.linalg.norm(area), 1.0) for area in areas):
        raise UnreadableScan(f"{name}: its contours are not in parallel planes; give the series they were drawn on")
    along = np.eye(3)[1 if abs(normal[0]) > max(abs(normal[1:])) else 0]
    along_row = along - normal * (along @ normal)
    along_row /= np.linalg.norm(along_row)
    along_column = np.cross(normal, along_row)
    downwards = along_column if along_column @ (0.0, 1.0, -1.0) > 0 else -along_column
    return Plane(along_row, downwards, np.array([_PIXEL_MM, _PIXEL_MM]))


def _area_vector(points: np.ndarray) -> np.ndarray:
    """Twice the area that a closed contour encloses, along the normal of its plane (Newell)."""
    relative = points - points[0]
    return np.cross(relative, np.roll(relative, -1, axis=0)).sum(axis=0)
