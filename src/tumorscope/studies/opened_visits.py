"""The studies of a follow-up: opened, put in order, and brought into one frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.scan import Scan
from tumorscope.io import open_scan
from tumorscope.io.segmentation_alignment import onto_scan
from tumorscope.measurement.lesions import number_lesions
from tumorscope.measurement.location import locate
from tumorscope.measurement.response import Timepoint
from tumorscope.preprocessing.registration import register_rigid
from tumorscope.preprocessing.series_resampling import evened_channel
from tumorscope.reporting.tiles import background_channel
from tumorscope.studies.timepoints import open_labels, timepoint_of

Alignment = Literal["auto", "rigid", "stated"]


@dataclass(frozen=True, eq=False)
class OpenedVisit:
    """A study of a follow-up.

    Attributes:
        study: its lesions, in the frame of ``alignment``.
        scan: what was segmented, on the same grid, or None.
        alignment: how it came into the first study's frame, in words.
        common_frame: whether positions can be compared with the first study's although grids differ.
    """

    study: Timepoint
    scan: Scan | None
    alignment: str = ""
    common_frame: bool = False


def open_visits(
    paths: Sequence[Path],
    images: Sequence[Path],
    dates: Sequence[str],
    label: str | None,
    *,
    location: bool = False,
) -> list[OpenedVisit]:
    """Open studies with their scans and dates.

    Args:
        paths: what ``compare-studies`` takes.
        images: a scan for each, or none.
        dates: ISO 8601, one for each, or none; they replace what files state.
        label: follow only this label.
        location: name lobe and hemisphere of lesions by an atlas registered to each scan; else only those count that
            the analyses name.

    Raises:
        TumorscopeError: a number of scans or dates other than that of studies; one that cannot be read.
    """
    for given, what in ((images, "--image"), (dates, "--date")):
        if given and len(given) != len(paths):
            raise TumorscopeError(f"{what} was given {len(given)} times for {len(paths)} studies; give one for each")
    visits = []
    for number, path in enumerate(paths):
        scan = open_scan(images[number]) if images else None
        segmentation = open_labels(path, scan=scan)
        if scan is not None:
            segmentation = onto_scan(segmentation, scan)
        study = timepoint_of(path, segmentation, label)
        if location:
            study = _located(study, scan)
        if dates:
            study = replace(study, origin=replace(study.origin, study_date=_date(dates[number])))
        visits.append(OpenedVisit(study, scan))
    return visits


def _located(study: Timepoint, scan: Scan | None) -> Timepoint:
    """A study with the region of each lesion; those that its analysis names stay.

    Raises:
        TumorscopeError: there is neither such an analysis nor a scan.
    """
    if all(lesion.location is not None for lesion in study.lesions):
        return study
    if scan is None:
        raise TumorscopeError(f"{study.name}: the atlas is registered to scans; name them with --image, one for each")
    return replace(study, lesions=locate(scan, study.lesions, number_lesions(study.mask)).lesions)


def in_order(visits: Sequence[OpenedVisit]) -> list[OpenedVisit]:
    """The studies by date; as they are given where a date is not known."""
    dates = [visit.study.origin.study_date for visit in visits]
    if not all(dates):
        return list(visits)
    return sorted(visits, key=lambda visit: visit.study.origin.study_date or "")


def aligned(visits: Sequence[OpenedVisit], alignment: Alignment) -> list[OpenedVisit]:
    """The studies in the frame of the first one.

    Args:
        visits: in the order of time.
        alignment: ``rigid`` registers scans, ``stated`` takes positions as the files have them, ``auto`` is rigid where
            there are scans; without, positions count where all studies are on one grid.

    Raises:
        TumorscopeError: rigid registration without scans, or of a position; a registration that is doubtful.
    """
    if alignment == "stated":
        return [replace(visit, alignment="position as stated by the files", common_frame=True) for visit in visits]
    scans = [visit.scan for visit in visits]
    if alignment == "rigid" and any(scan is None for scan in scans):
        raise TumorscopeError("registration needs the scan of every study; name them with --image, one for each")
    if any(scan is None for scan in scans):
        return [replace(visit, alignment="not registered: no scans given") for visit in visits]
    first = visits[0]
    placed = [replace(first, alignment="the frame of all others", common_frame=True)]
    return placed + [_registered(visit, first) for visit in visits[1:]]


def _registered(visit: OpenedVisit, first: OpenedVisit) -> OpenedVisit:
    """A study moved onto the first one by the images of both."""
    assert visit.scan is not None  # the caller has looked
    assert first.scan is not None
    for each in (visit, first):
        if each.study.geometry is None:
            raise TumorscopeError(f"{each.study.name}: its scan states no position, so it cannot be registered")
    sequence = _common_sequence(visit.scan, first.scan)
    try:
        found = register_rigid(
            *evened_channel(visit.scan, sequence[0]), *evened_channel(first.scan, sequence[1]), visit.study.name
        )
    except TumorscopeError as error:
        raise TumorscopeError(f"{error}; --alignment stated takes positions as the files have them") from error
    assert visit.study.geometry is not None
    moved = visit.study.geometry.moved(np.linalg.inv(found.transform))
    what = f"registered rigidly: moved by {found.shift_mm:.1f} mm, turned by {found.angle_deg:.1f}°"
    return OpenedVisit(replace(visit.study, affine=moved.affine), visit.scan, what, common_frame=True)


def _common_sequence(one: Scan, other: Scan) -> tuple[int, int]:
    """The channels of a sequence that both show; else what each shows best."""
    for name in one.sequences:
        if name != "unknown" and name in other.sequences:
            return one.sequences.index(name), other.sequences.index(name)
    return background_channel(one, one.sequences), background_channel(other, other.sequences)


def _date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise TumorscopeError(f"--date {text}: write YYYY-MM-DD") from None
