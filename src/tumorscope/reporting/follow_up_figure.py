"""The slices of all visits side by side, at the same position in the patient where that is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tumorscope.core.geometry import Geometry
from tumorscope.core.scan import Scan
from tumorscope.measurement.follow_up import FollowUp
from tumorscope.measurement.response import Timepoint
from tumorscope.preprocessing.resampling import resample_onto
from tumorscope.reporting.contour_lines import contour_path
from tumorscope.reporting.figures import WIDTH, Contour, Figure, Tile, data_uri, draw_slices
from tumorscope.reporting.tiles import View, background_channel, mri_tile, sides, window
from tumorscope.reporting.wording import clean

_ACROSS, _GAP, _LINE, _HEIGHT = 4, 12, 16, 220
_MOST_ROWS = 3
"""Lesions that get a row; the table lists all."""
_FINENESS = 1.6
_ROOM = 2.6
"""Without images the field of view, relative to what is marked."""


@dataclass(frozen=True, eq=False)
class Shown:
    """What a visit shows in one plane.

    Attributes:
        image: ``(row, column)``, or None without images.
        limits: the values shown as black and white.
        mask: boolean ``(row, column)``.
    """

    image: np.ndarray | None
    limits: tuple[float, float]
    mask: np.ndarray


def visits_figure(found: FollowUp, scans: Sequence[Scan | None]) -> Figure | None:
    """The visits side by side, a block for each of the largest lesions; None where no visit shows a lesion.

    Args:
        found: the studies.
        scans: the images of each visit, on the grid of its mask, at the positions of their acquisition; or None.
    """
    studies = [visit.study for visit in found.visits]
    common = found.tracks is not None and all(study.affine is not None for study in studies)
    blocks = _common_planes(found, scans) if common else _own_planes(studies, scans)
    if not blocks:
        return None
    tiles: list[Tile] = []
    top = float(_LINE)
    width = (WIDTH - (_ACROSS - 1) * _GAP) / _ACROSS
    for title, planes, aspect in blocks:
        view = _view(planes, aspect).fitted(width, _HEIGHT)
        for number, shown in enumerate(planes):
            column = number % _ACROSS
            if column == 0 and number:
                top += view.height + 2 * _LINE + 4
            name = studies[number].origin.study_date or f"study {number + 1}"
            above = f"{title}: {name}" if number == 0 else name
            tiles.append(_tile(shown, view, column * (width + _GAP), top, above, _sides(scans, studies, common)))
        top += view.height + 2 * _LINE + 4
    where = (
        "the same plane of the patient, as the baseline has it" if common else "each in the slice of its largest lesion"
    )
    caption = f"Visits side by side, in {where}. Green line: the segmentation."
    return Figure("visits", draw_slices(tiles, top - _LINE), caption, caption)


def _common_planes(found: FollowUp, scans: Sequence[Scan | None]) -> list[tuple[str, list[Shown], float]]:
    """For the largest lesions the plane in which the first visit that shows them measured them."""
    studies = [visit.study for visit in found.visits]
    blocks = []
    for number, track in enumerate((found.tracks or ())[:_MOST_ROWS], start=1):
        first = next(index for index, own in enumerate(track) if own)
        geometry, lesion = studies[first].geometry, studies[first].lesions[track[first][0]]
        assert geometry is not None  # the caller has looked
        index = lesion.largest_slice if lesion.diameters is None else lesion.diameters.slice
        plane = _plane(geometry, index)
        planes = [_seen(study, scan, plane) for study, scan in zip(studies, scans, strict=True)]
        blocks.append((f"lesion {number}", planes, geometry.spacing_mm[1] / geometry.spacing_mm[2]))
    return blocks


def _own_planes(studies: Sequence[Timepoint], scans: Sequence[Scan | None]) -> list[tuple[str, list[Shown], float]]:
    """The slice of the largest lesion of each visit; the middle one where there is none."""
    if not any(study.lesions for study in studies) or len({study.mask.shape[1:] for study in studies}) > 1:
        return []
    planes = []
    for study, scan in zip(studies, scans, strict=True):
        index = study.lesions[0].largest_slice if study.lesions else len(study.mask) // 2
        volume = None if scan is None else _channel(scan)
        limits = (0.0, 1.0) if volume is None else window(volume)
        planes.append(Shown(None if volume is None else volume[index], limits, study.mask[index]))
    geometry = studies[0].geometry
    return [("largest lesion", planes, 1.0 if geometry is None else geometry.spacing_mm[1] / geometry.spacing_mm[2])]


def _plane(geometry: Geometry, index: int) -> Geometry:
    """One slice of a stack."""
    affine = geometry.affine.copy()
    affine[:3, 3] += affine[:3, 2] * geometry.positions[index]
    return Geometry((1, *geometry.shape[1:]), affine)


def _seen(study: Timepoint, scan: Scan | None, plane: Geometry) -> Shown:
    """A visit in a plane of the common frame."""
    own = study.geometry
    assert own is not None  # the caller has looked
    mask = resample_onto(study.mask.astype(np.float32), own, plane)[0] >= 0.5
    if scan is None:
        return Shown(None, (0.0, 1.0), mask)
    volume = _channel(scan)
    return Shown(resample_onto(volume.astype(np.float32), own, plane)[0], window(volume), mask)


def _channel(scan: Scan) -> np.ndarray:
    return scan.voxels[..., background_channel(scan, scan.sequences)]


def _view(planes: Sequence[Shown], aspect: float) -> View:
    """The part of a plane that is shown: all of it where there are images, else what is marked and some room."""
    shape = planes[0].mask.shape
    top, left, bottom, right = 0, 0, *shape
    marked = np.logical_or.reduce([shown.mask for shown in planes])
    if all(shown.image is None for shown in planes) and marked.any():
        places = np.argwhere(marked)
        middle, reach = (places.min(axis=0) + places.max(axis=0)) / 2, np.ptp(places, axis=0).max() * _ROOM / 2 + 2
        (top, left), (bottom, right) = (
            np.clip(np.rint(middle + side * reach), 0, shape).astype(int).tolist() for side in (-1, 1)
        )
    return View(top, left, bottom, right, max(1, right - left), max(1, round((bottom - top) * aspect)))


def _tile(shown: Shown, view: View, x: float, y: float, above: str, letters) -> Tile:
    fine = view.fitted(view.width * _FINENESS, view.height * _FINENESS)
    image = np.zeros(shown.mask.shape, np.float32) if shown.image is None else shown.image
    gray = data_uri(mri_tile(image, shown.limits, fine), gray=True)
    path = contour_path(shown.mask, view)
    contours = (Contour(path, "predicted"),) if path else ()
    below = "" if path else "nothing segmented here"
    return Tile(x, y, view.width, view.height, gray, clean(above, 40), below, contours, sides=letters)


def _sides(scans: Sequence[Scan | None], studies: Sequence[Timepoint], common: bool):
    """The patient's sides, by the baseline, whose planes are shown."""
    first = scans[0]
    return sides(first) if common and first is not None and studies[0].affine is not None else None
