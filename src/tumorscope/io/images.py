"""Images and folders of images as scans."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import Note
from tumorscope.core.scan import Scan
from tumorscope.core.segmentation import Segmentation
from tumorscope.io.checks import label
from tumorscope.io.color import classify_channels, to_gray
from tumorscope.io.formats import IMAGE_SUFFIXES
from tumorscope.io.label_values import LabelOptions, of_one_kind, read_label_raster, split_labels
from tumorscope.io.lgg_patient import (
    CHANNELS,
    is_published_name,
    missing_sequences,
    notes_on_missing,
    read_lgg_folder,
    slice_files,
)
from tumorscope.io.mask_names import is_mask_name
from tumorscope.io.options import FolderContents, ReadOptions
from tumorscope.io.raster import open_raster
from tumorscope.io.sequence_sources import Named, sequence_by_folder, sequence_by_name
from tumorscope.io.sequences import as_stated, recognize_sequence, stated_sequence
from tumorscope.io.slice_stacking import stack_slices

LAYOUT_NOTE = Note(
    "sequence_source", "three channels that differ: taken as t1, flair, t1c, the layout of the LGG data set"
)


def read_image(path: Path, channels: Sequence[str] | None = None) -> Scan:
    """One image, or the pages of a TIFF, as a scan without a known voxel size.

    Args:
        path: PNG, JPEG, BMP or TIFF.
        channels: what the channels show, where the user states it. Then three channels are
            kept as they are, and are not checked for being a photograph.

    Raises:
        UnreadableScan: damaged, a mask by its name, or a color photograph.
    """
    if is_mask_name(path.name):
        raise UnreadableScan(f"{label(path)}: this is a mask by its name; name the image instead")
    raster = open_raster(path)
    pixels = raster.pixels
    voxels = pixels[None] if pixels.ndim == 3 else pixels
    published = is_published_name(path.name)
    voxels, sequences, notes = _as_sequences(voxels, label(path), sequence_by_name(path), published, channels)
    pages = len(voxels)
    return Scan(
        voxels=voxels,
        sequences=sequences,
        case=path.stem,
        kind="image" if pages == 1 else "slices",
        slice_names=(path.name,) if pages == 1 else tuple(f"{path.name}#{page + 1}" for page in range(pages)),
        source=path,
        notes=(*notes, *raster.notes),
    )


def read_image_folder(folder: Path, files: list[Path], channels: Sequence[str] | None = None) -> Scan:
    """A folder of slices, one image per slice, in natural order; masks are left out.

    Args:
        folder: the LGG data set's layout is recognized by its numbered TIFF files.
        files: the folder's images.
        channels: see :func:`read_image`.

    Raises:
        UnreadableScan: only masks, slices of different sizes, or color photographs.
    """
    published = is_published_name(folder.resolve().name) or all(is_published_name(path.name) for path in files)
    turned: tuple[Note, ...] = ()
    slices = slice_files(folder)
    if slices and set(slices) <= set(files):
        scan = read_lgg_folder(folder)
        if published and channels is None:
            return scan
        files, voxels = [folder / name for name in scan.slice_names], scan.voxels
    else:
        files = sorted((path for path in files if not is_mask_name(path.name)), key=lambda path: natural(path.name))
        if not files:
            raise UnreadableScan(f"{label(folder)}: holds only masks; name the folder with the images")
        rasters = [open_raster(path) for path in files]
        turned = tuple(dict.fromkeys(note for raster in rasters for note in raster.notes))
        voxels = stack_slices(folder, files, [raster.pixels for raster in rasters])
    case = folder.resolve().name
    voxels, sequences, notes = _as_sequences(
        voxels, label(folder), _sequence_of_slices(folder, files), published, channels
    )
    return Scan(
        voxels=voxels,
        sequences=sequences,
        case=case,
        kind="slices",
        slice_names=tuple(path.name for path in files),
        source=folder,
        notes=(*notes, *turned),
    )


def natural(name: str) -> list[tuple[int, int, str]]:
    """A sort key that puts ``slice_2`` before ``slice_10``."""
    parts = re.findall(r"\d+|\D+", name.lower())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _as_sequences(
    voxels: np.ndarray, name: str, named: Named, published: bool, channels: Sequence[str] | None
) -> tuple[np.ndarray, tuple[str, ...], tuple[Note, ...]]:
    """What the channels of ``(slice, row, column, channel)`` show: voxels, sequences, notes.

    Args:
        voxels: of the images.
        name: of the file or folder, for errors.
        named: what the names state, for a single channel.
        published: whether the name is one of the LGG data set.
        channels: what the user states.
    """
    if voxels.shape[-1] == 3 and not (channels is not None and len(channels) == 3):
        meanings = [] if published else [classify_channels(image) for image in voxels]
        if meanings.count("photograph") * 2 > len(meanings):
            raise UnreadableScan(
                f"{name}: looks like a color photograph, not an MRI; give an MRI slice, "
                "or name the three channels if they are sequences"
            )
        if published or any(meaning != "gray" for meaning in meanings):
            return voxels, CHANNELS, (LAYOUT_NOTE, *notes_on_missing(missing_sequences(voxels)))
        voxels = to_gray(voxels)
    if voxels.shape[-1] != 1:
        return voxels, ("unknown",) * voxels.shape[-1], ()
    return voxels, *named


def _sequence_of_slices(folder: Path, files: Sequence[Path]) -> Named:
    """The sequence that all slices' names state; where they state none, that of the folder's."""
    by_file = {recognize_sequence(path.stem) for path in files}
    return sequence_by_name(files[0]) if "unknown" not in by_file and len(by_file) == 1 else sequence_by_folder(folder)


def read_scan(path: Path, options: ReadOptions) -> Scan:
    """See :class:`tumorscope.io.formats.InputFormat`."""
    return read_image(path, options.channels)


def read_folder(folder: Path, contents: FolderContents, options: ReadOptions) -> Scan:
    """A folder of slices.

    Raises:
        UnreadableScan: one of its images is damaged: left out silently, a slice would be missing.
    """
    damaged = [error for path, error in contents.refused if path.suffix.lower() in IMAGE_SUFFIXES]
    if damaged:
        raise damaged[0]
    scan = read_image_folder(folder, contents.files, options.channels)
    stated = (stated_sequence(path, options.stated) for path in (folder, *contents.files))
    return as_stated(scan, next(filter(None, stated), None))


def read_segmentation(path: Path, options: LabelOptions) -> Segmentation:
    """The labels in an image, or in the pages of a TIFF."""
    return read_mask_images([path], path, path.stem, options)


def read_mask_images(files: Sequence[Path], source: Path, case: str, options: LabelOptions) -> Segmentation:
    """The labels in images, one per slice.

    Args:
        files: in the order of the slices; a single TIFF may have a page per slice.
        source: the file or folder, for errors.
        case: a name for the result.
        options: see :class:`LabelOptions`.

    Raises:
        UnreadableScan: damaged, of different sizes, or not masks.
    """
    rasters = of_one_kind([read_label_raster(path, options) for path in files])
    values = rasters[0].values
    if len(files) > 1:
        slices = [raster.values[0][..., None] if len(raster.values) == 1 else raster.values for raster in rasters]
        values = stack_slices(source, list(files), slices)[..., 0]
    labels, segments, notes = split_labels(values, label(source), options, rasters[0].colored)
    return Segmentation(labels[None], segments, case, "image" if len(labels) == 1 else "slices", notes=notes)
