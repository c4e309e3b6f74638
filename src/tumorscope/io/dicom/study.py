"""DICOM files as a scan: the study they belong to, its sequences, all on one grid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import Note
from tumorscope.core.scan import Scan, SeriesIdentity, SourceImage
from tumorscope.io.checks import label
from tumorscope.io.dicom.file_reader import study_of
from tumorscope.io.dicom.grouping import VolumeCandidate, sort_files
from tumorscope.io.dicom.header import public_text
from tumorscope.io.dicom.image_kind import MOSAIC
from tumorscope.io.dicom.missing_identity import Study, distinct_studies
from tumorscope.io.dicom.patient_key import study_identity
from tumorscope.io.dicom.privacy import contains_patient_name, series_code
from tumorscope.io.dicom.series import read_series
from tumorscope.io.dicom.series_choice import Choice, choose_series
from tumorscope.io.dicom.studies import StudyFiles
from tumorscope.io.formats import DICOM_SUFFIXES
from tumorscope.io.library_warnings import quiet_libraries
from tumorscope.io.options import ReadOptions
from tumorscope.preprocessing.series_resampling import join_series

if TYPE_CHECKING:
    from pydicom import Dataset

_PATIENT = ("PatientName", "PatientBirthDate", "PatientSex", "IssuerOfPatientID")


@quiet_libraries()
def read_dicom(
    path: Path | StudyFiles,
    files: Sequence[Path],
    skipped: int = 0,
    options: ReadOptions | None = None,
) -> Scan:
    """The sequences of one study, each a channel, on the grid of FLAIR.

    Where FLAIR is missing the grid is that of the first of T1c, T1, T2. Of several series of
    one sequence the best is taken (see :func:`choose_series`); where no series says plainly
    what it shows, the one with the most images is taken alone.

    Args:
        path: what the user named, a file, a folder or a study.
        files: the DICOM files there.
        skipped: other files there, for the note.
        options: whether to register the series, which allows frames of reference to differ; which series show what;
            which sequences must not be left out; and a callback for how many headers are read.

    Raises:
        UnreadableScan: no MR image among the files, several studies, or a series that cannot be
            decoded or laid onto the grid.
    """
    options = options or ReadOptions()
    found = sort_files(files, options.on_files)
    name, case = _public_names(path, found.words, found.groups)
    if not found.groups:
        reason, count = found.refused.most_common(1)[0]
        shown = f"{name}: " if len(files) == 1 else f"{name}: no MR images; {count} of {len(files)} files: "
        raise UnreadableScan(f"{shown}{reason}")
    _study, patient = _the_study(found.groups, name)
    choice = choose_series(found.groups, found.words, options.stated)
    source = path.path if isinstance(path, StudyFiles) else path
    scans, unread = _read_chosen(choice, case, source, name, found.words, options)
    grid = next(iter(scans))
    scan = scans[grid]
    if len(scans) > 1:
        scan = join_series(scans, grid, case, source, name, options.register, options.requires)
    blank = _fill_in_patient(scan.source_images, patient)
    identity, unkeyed = study_identity(patient, scan.source_images[0].header)
    images, doubts = _referable(scan.source_images)
    odd = path.notes if isinstance(path, StudyFiles) else ()
    notes = (*choice.reasons.values(), *choice.notes, *unread, *scan.notes, *odd, *blank, *doubts, *unkeyed)
    return replace(
        scan,
        notes=(*notes, *_skipped(skipped, found.refused)),
        source_images=images,
        study=replace(
            identity,
            description=public_text(_study_description(scan.source_images[0].header), found.words),
            series=_series(choice, scan, found.words),
        ),
        rejection_reason=choice.rejection_reason,
    )


def _study_description(header: Dataset) -> str:
    try:
        return str(header.get("StudyDescription") or "").strip()
    except Exception:  # an element that pydicom cannot decode
        return ""


def _series(choice: Choice, scan: Scan, words: frozenset[str]) -> tuple[SeriesIdentity, ...]:
    """The series that the scan's channels show, in their order."""
    return tuple(
        SeriesIdentity(sequence, group.header.number or None, public_text(group.header.description, words))
        for sequence in scan.sequences
        if (group := choice.series.get(sequence)) is not None
    )


def _read_chosen(
    choice: Choice, case: str, source: Path, name: str, words: frozenset[str], options: ReadOptions
) -> tuple[dict[str, Scan], list[Note]]:
    """The chosen series, without those that cannot be read and are not needed, and notes on these.

    Raises:
        UnreadableScan: a needed one cannot be read.
    """
    several = len(choice.series) > 1
    scans: dict[str, Scan] = {}
    unread: list[Note] = []
    for sequence, group in choice.series.items():
        try:
            _refuse_mosaic(group, name)
            scans[sequence] = read_series(
                group, sequence, case, source, f"{name}: {sequence}" if several else name, words
            )
        except UnreadableScan as error:
            if not several or options.requires(sequence):
                raise
            unread.append(Note("series_left_out", f"{sequence} left out: {error}"))
    if not scans:
        raise UnreadableScan(unread[0].text)
    return scans, unread


def _refuse_mosaic(group: VolumeCandidate, name: str) -> None:
    """Refuse mosaics: tiles of slices whose position is not the one in the header."""
    if group.header.kind.name == MOSAIC:
        raise UnreadableScan(
            f"{name}: is a Siemens mosaic (ImageType MOSAIC), all slices of a functional or diffusion volume in one "
            "image; give a structural series"
        )


def _the_study(groups: Sequence[VolumeCandidate], name: str) -> Study:
    """The study that all belong to.

    Raises:
        UnreadableScan: there are several.
    """
    studies = set(distinct_studies(group.study for group in groups).values())
    if len(studies) == 1:
        return studies.pop()
    patients = {patient for _study, patient in studies}
    if len({study for study, _patient in studies}) == 1:
        raise UnreadableScan(
            f"{name}: {len(patients)} patients are stated under one StudyInstanceUID; give a folder with one patient"
        )
    of = f" of {len(patients)} patients" if len(patients) > 1 else ""
    raise UnreadableScan(f"{name}: holds {len(studies)} studies{of}; give a folder with one study")


def _fill_in_patient(images: Sequence[SourceImage], patient: str) -> list[Note]:
    """Give headers that leave the patient blank the patient of the others, so that results are filed under them."""
    headers = list({id(image.header): image.header for image in images}.values())
    blank = [header for header in headers if not study_of(header)[1]]
    if not blank or not patient:
        return []
    stated = next((header for header in headers if study_of(header)[1]), blank[0])
    for header in blank:
        for keyword in _PATIENT:
            if not header.get(keyword) and stated.get(keyword):
                setattr(header, keyword, stated.get(keyword))
        header.PatientID = patient
    what = "image states" if len(blank) == 1 else "images state"
    text = f"{len(blank)} {what} no PatientID; taken as of the patient whom the others of the study state"
    return [Note("patient_assumed", text)]


def _referable(images: tuple[SourceImage, ...]) -> tuple[tuple[SourceImage, ...], list[Note]]:
    """The images, or none where files share a SOPInstanceUID or lack one: nothing may refer to the wrong one."""
    headers = {id(image.header): image.header for image in images}.values()
    uids = Counter(str(header.get("SOPInstanceUID") or "") for header in headers)
    shared = sum(count for uid, count in uids.items() if count > 1 or not uid)
    if not shared:
        return images, []
    what = "image has" if shared == 1 else "images have"
    text = f"{shared} {what} no SOPInstanceUID of their own, so no DICOM results can refer to them"
    return (), [Note("no_references", text)]


def _public_names(path: Path | StudyFiles, words: frozenset[str], groups: Sequence[VolumeCandidate]) -> tuple[str, str]:
    """The path's name for messages and for the case; a code if it contains a part of a patient's name."""
    if isinstance(path, StudyFiles):
        return path.name, path.name
    resolved = path.resolve()
    if not resolved.name or contains_patient_name(resolved.name, words):
        code = series_code(groups[0].series) if groups else "series"
        return code, code
    has_suffix = path.is_file() and path.suffix.lower() in DICOM_SUFFIXES
    return label(resolved), resolved.stem if has_suffix else resolved.name


def _skipped(other_files: int, refused: Counter[str]) -> list[Note]:
    notes = []
    if other_files:
        notes.append(Note("files_skipped", f"{other_files} file{'s' if other_files > 1 else ''} skipped: not DICOM"))
    for reason, count in refused.most_common():
        what = f"{count} DICOM file{'s' if count > 1 else ''} skipped: {reason.split(';')[0]}"
        notes.append(Note("files_skipped", what))
    return notes
