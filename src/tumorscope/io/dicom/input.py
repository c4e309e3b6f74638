"""DICOM as an input format: scans, studies in folders, DICOMDIRs, segmentations and structure sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tumorscope.core.note import Note
from tumorscope.core.scan import Scan
from tumorscope.core.segmentation import Segmentation
from tumorscope.io.checks import label
from tumorscope.io.dicom.dicomdir import files_of_dicomdir, is_dicomdir
from tumorscope.io.dicom.rtstruct_reader import is_structure_set, read_structure_set
from tumorscope.io.dicom.seg_reader import read_dicom_segmentation
from tumorscope.io.dicom.siblings import with_note_on_siblings
from tumorscope.io.dicom.studies import StudyFiles
from tumorscope.io.dicom.study import read_dicom
from tumorscope.io.label_values import LabelOptions
from tumorscope.io.options import FolderContents, ReadOptions


def read_scan(path: Path, options: ReadOptions) -> Scan:
    """A single file, or the study that a DICOMDIR lists; see :class:`tumorscope.io.formats.InputFormat`."""
    if not is_dicomdir(path):
        return with_note_on_siblings(read_study(path, [path], options), path)
    files, missing = files_of_dicomdir(path)
    scan = read_study(path, files, options)
    if not missing:
        return scan
    files_are = "files that the DICOMDIR names are" if missing > 1 else "file that the DICOMDIR names is"
    note = Note("files_missing", f"{missing} {files_are} missing")
    return replace(scan, notes=(*scan.notes, note))


def read_folder(folder: Path, contents: FolderContents, options: ReadOptions) -> Scan:
    """The study in a folder."""
    return read_study(folder, contents.files, options, contents.others)


def read_study(path: Path | StudyFiles, files: Sequence[Path], options: ReadOptions, skipped: int = 0) -> Scan:
    """The study that files belong to; see :func:`read_dicom`."""
    return read_dicom(path, files, skipped, options)


def read_segmentation(path: Path, options: LabelOptions) -> Segmentation:
    """A DICOM SEG or label map, or the contours of an RT Structure Set."""
    options.refuse_threshold(label(path))
    if is_structure_set(path):
        return read_structure_set(path, options.scan)
    return read_dicom_segmentation(path)
