"""The series that another DICOM object refers to, found beside it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.geometry import Geometry
from tumorscope.io.checks import label
from tumorscope.io.dicom.file_reader import read_series_uid
from tumorscope.io.dicom.grouping import sort_files
from tumorscope.io.dicom.image_attributes import FunctionalGroups, items_of
from tumorscope.io.dicom.seg_reader import SEGMENTATIONS, read_dicom_segmentation
from tumorscope.io.dicom.slice_order import stack_frames
from tumorscope.io.discovery import dicom_files

if TYPE_CHECKING:
    from pydicom import Dataset

_TAGS = ["SOPClassUID", "ReferencedSeriesSequence", "SharedFunctionalGroupsSequence"]
_MOST_FOLDERS = 200
"""So many folders beside the object are looked into; more are an archive, not a study."""


def find_series_geometry(path: Path, series: Collection[str]) -> Geometry | None:
    """The grid of one of some series, where its images are in the object's folder or in folders beside it.

    A segmentation of such a series in the object's folder tells the grid as well: results are kept without the images.
    One that has planes for some of the images only is continued to both sides.

    Args:
        path: the object.
        series: SeriesInstanceUIDs.
    """
    for files in _series_beside(path, series):
        groups = sort_files(files).groups
        if not groups:
            continue
        frames = max(groups, key=lambda group: len(group.frames)).frames
        with suppress(UnreadableScan):  # the object can be read without
            stack = stack_frames(list(frames), label(path))
            if stack.affine is not None:
                return Geometry((len(stack.frames), *stack.frames[0].size), stack.affine, stack.slice_positions)
    return next(_segmented_grids(path, series), None)


def _segmented_grids(path: Path, series: Collection[str]) -> Iterator[Geometry]:
    """The grids of segmentations of the series in the object's folder."""
    from pydicom import dcmread

    for file in dicom_files(path.resolve().parent):
        with suppress(Exception):  # of many kinds, in files that are not asked for
            header = dcmread(file, stop_before_pixels=True, specific_tags=_TAGS)
            images = [
                image
                for each in items_of(header.get("ReferencedSeriesSequence"))
                if str(each.get("SeriesInstanceUID") or "") in series
                for image in items_of(each.get("ReferencedInstanceSequence"))
            ]
            if header.get("SOPClassUID") in SEGMENTATIONS and len(images) > 1:
                geometry = read_dicom_segmentation(file).geometry
                missing = 0 if geometry is None else len(images) - geometry.shape[0]
                if geometry is not None and missing == 0:
                    yield geometry
                elif geometry is not None and missing > 0 and geometry.is_even and _states_spacing(header):
                    yield _continued(geometry, missing)


def _states_spacing(header: Dataset) -> bool:
    """Whether the distance of slices is stated, however few of them there are."""
    return bool(FunctionalGroups(header, 0).number("PixelMeasuresSequence", "SpacingBetweenSlices"))


def _continued(geometry: Geometry, planes: int) -> Geometry:
    """The same grid with so many planes more at either end."""
    slices, rows, columns = geometry.shape
    affine = geometry.affine.copy()
    affine[:3, 3] -= planes * affine[:3, 2]
    return Geometry((slices + 2 * planes, rows, columns), affine)


def _series_beside(path: Path, series: Collection[str]) -> Iterator[list[Path]]:
    """The files of the series in each folder that holds any of them."""
    if not series:
        return
    folder = path.resolve().parent
    own = [file for file in dicom_files(folder) if _series_of(file) in series]
    if own:
        yield own
    for other in (*_folders_in(folder), *_folders_in(folder.parent)):
        files = dicom_files(other)
        if other != folder and files and _series_of(files[0]) in series:  # such folders hold one series each
            yield [file for file in files if _series_of(file) in series]


def _folders_in(folder: Path) -> list[Path]:
    try:
        folders = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    except OSError:
        return []
    return folders if len(folders) <= _MOST_FOLDERS else []


def _series_of(file: Path) -> str:
    try:
        return read_series_uid(file)
    except (UnreadableScan, OSError):
        return ""
