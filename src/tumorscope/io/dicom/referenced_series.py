"""The series that another DICOM object refers to, found beside it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.geometry import Geometry
from tumorscope.io.checks import label
from tumorscope.io.dicom.files import read_series_uid
from tumorscope.io.dicom.frames import items_of
from tumorscope.io.dicom.geometry import stack_frames
from tumorscope.io.dicom.grouping import sort_files
from tumorscope.io.dicom.seg_reader import SEGMENTATIONS, read_dicom_segmentation
from tumorscope.io.discovery import dicom_files

_MOST_FOLDERS = 200
"""So many folders beside the object are looked into; more are an archive, not a study."""


def find_series_geometry(path: Path, series: Collection[str]) -> Geometry | None:
    """The grid of one of some series, where its images are in the object's folder or in folders beside it.

    A segmentation in the object's folder that has a plane for each image of such a series tells the grid as well: results
    are kept without the images.

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
    """The grids of whole segmentations of the series in the object's folder."""
    from pydicom import dcmread

    for file in dicom_files(path.resolve().parent):
        with suppress(Exception):  # of many kinds, in files that are not asked for
            header = dcmread(file, stop_before_pixels=True, specific_tags=["SOPClassUID", "ReferencedSeriesSequence"])
            images = [
                image
                for each in items_of(header.get("ReferencedSeriesSequence"))
                if str(each.get("SeriesInstanceUID") or "") in series
                for image in items_of(each.get("ReferencedInstanceSequence"))
            ]
            if header.get("SOPClassUID") in SEGMENTATIONS and len(images) > 1:
                geometry = read_dicom_segmentation(file).geometry
                if geometry is not None and geometry.shape[0] == len(images):
                    yield geometry


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
