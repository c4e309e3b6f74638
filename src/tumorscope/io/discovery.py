"""Finding the scans below a folder that holds many."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.folder_contents import FolderKey, folder_key, links_last, walk
from tumorscope.core.note import Note
from tumorscope.io.bids_names import parse_bids_name
from tumorscope.io.case_grouping import FileGroup, group_images, group_volumes
from tumorscope.io.dicom.dicomdir import files_of_dicomdir, is_dicomdir
from tumorscope.io.dicom.missing_identity import Study, several_patients
from tumorscope.io.dicom.studies import StudyFiles, notes_on, studies_of, study_code
from tumorscope.io.formats import DICOM, FORMATS, IMAGE, MATLAB, SUFFIXES
from tumorscope.io.images import natural
from tumorscope.io.mask_names import is_mask_folder, is_mask_name
from tumorscope.io.options import OnFiles
from tumorscope.io.recognition import apparent_format, known_format
from tumorscope.io.result_folders import is_results
from tumorscope.io.series_folders import join_series_folders
from tumorscope.io.volumes import voxels_beside

_NOT_RAW = frozenset(
    {"derivatives", "sourcedata", "code", "stimuli"}
    | {"func", "dwi", "fmap", "perf", "eeg", "ieeg", "meg", "beh", "pet", "micr", "nirs", "motion", "mrs", "phenotype"}
)
"""Folders of a BIDS data set that hold no raw anatomical images."""


def find_cases(
    path: Path, on_files: OnFiles | None = None, stated: Mapping[str, str] | None = None
) -> list[Path | StudyFiles]:
    """The cases to open: the path itself, or those below it.

    A folder that holds a scan's files is one case, whatever folders are in it; where the names of its files speak of
    several, it is these cases (:mod:`tumorscope.io.case_grouping`). A folder
    of folders means the cases in them, such as the patients of a data set. Where
    nothing is found the path itself is returned; its reader then says what is wrong.

    DICOM files make one case per study: series in folders beside each other are one
    case, and a folder or DICOMDIR with several studies or patients is one case for each. A
    study that has a folder to itself is given as that folder. Results of earlier analyses are
    not cases, and neither are the derivatives of a BIDS data set and what it holds beside anatomical images, nor
    masks: files and folders that are named so are left out where there is anything else.

    Args:
        path: a file or a folder.
        on_files: called now and then with how many DICOM headers are read, and of how many.
        stated: sequence by file name, where the user says so.
    """
    found = find_scan_folders(path, on_files)
    return [case for each in found for case in (_by_names(each, stated) if isinstance(each, Path) else [each])]


def find_scan_folders(path: Path, on_files: OnFiles | None = None) -> list[Path | StudyFiles]:
    """As :func:`find_cases`, but a folder of volumes or images stays one, whatever the names of its files say."""
    if _is_contents(path):
        try:
            files, _missing = files_of_dicomdir(path)
        except UnreadableScan:  # its reader reports that later
            return [path]
        return _studies(path, files, on_files)
    found = _below_folder(path, set()) or _below_folder(path, set(), masks=True)
    dicom = {folder: files for folder in found if (files := dicom_files(folder))}
    rest = join_series_folders(path, [folder for folder in found if folder not in dicom])
    if not dicom:
        return rest or [path]
    if list(dicom) == found == [path]:
        return _studies(path, dicom[path], on_files)
    others = [(case.path if isinstance(case, StudyFiles) else case, case) for case in rest]
    cases = _by_folder(path, found, dicom, on_files)
    return [case for _place, case in sorted([*others, *cases], key=lambda placed: placed[0])]


def _by_names(folder: Path, stated: Mapping[str, str] | None) -> list[Path | StudyFiles]:
    """The cases in a folder by the names of its files; the path itself where it is one."""
    try:
        files = files_in(folder) if folder.is_dir() else []
        known = {entry for path in files if (entry := known_format(path))}
    except OSError:
        return [folder]
    first = next((entry for entry in FORMATS if entry in known), None)
    formats = {path: entry for path in files if (entry := apparent_format(path))}
    scans = [path for path in formats if not is_mask_name(path.name)]
    if first is not None and first.volumes:
        groups = group_volumes([path for path in scans if formats[path].volumes], stated)
    elif first is IMAGE:
        groups = group_images([path for path in scans if formats[path] is IMAGE])
    elif first is MATLAB and len(scans) > 1:
        holds_sample = MATLAB.reader().holds_sample
        samples = [path for path in scans if formats[path] is MATLAB and holds_sample(path)]
        return [*sorted(samples, key=lambda path: natural(path.name))] or [folder]
    else:
        return [folder]
    return [folder] if len(groups) < 2 else [as_case(folder, group) for group in groups]


def as_case(folder: Path, group: FileGroup) -> Path | StudyFiles:
    """A group of a folder's files as a case: the file itself where it is one and no study of BIDS."""
    if len(group.files) == 1 and parse_bids_name(group.name) is None:
        return group.files[0]
    return StudyFiles(folder, (*group.files, *_voxel_files(group.files)), group.name)


def _voxel_files(files: Sequence[Path]) -> Iterator[Path]:
    """The files that hold the voxels of those whose header is a file of its own."""
    for path in files:
        with suppress(UnreadableScan):  # its reader reports that later
            beside = voxels_beside(path)
            if beside is not None:
                yield beside


def find_cases_among(
    paths: Sequence[Path], on_files: OnFiles | None = None, stated: Mapping[str, str] | None = None
) -> list[Path | StudyFiles]:
    """The cases in several files and folders, as a command line names them.

    DICOM files of one study are one case, as they would be in a folder: ``series/*.dcm`` is what
    ``series`` is. All else is found by :func:`find_cases`, one path after the other.

    Args:
        paths: files and folders, in any order.
        on_files: called now and then with how many DICOM headers are read, and of how many.
        stated: sequence by file name, where the user says so.
    """
    files = [path for path in dict.fromkeys(paths) if is_dicom(path)]
    if len(files) < 2:
        return [case for path in paths for case in find_cases(path, on_files, stated)]
    studies = _named_studies(files, on_files)
    given: set[Path | StudyFiles] = set()
    cases: list[Path | StudyFiles] = []
    for path in paths:
        if path not in studies:
            cases += find_cases(path, on_files, stated)
        elif (study := studies[path]) not in given:
            given.add(study)
            cases.append(study)
    return cases


def _named_studies(files: Sequence[Path], on_files: OnFiles | None) -> dict[Path, Path | StudyFiles]:
    """For each DICOM file that was named, the case it belongs to."""
    cases: dict[Path, Path | StudyFiles] = {}
    studies = studies_of(files, on_files)
    doubtful = several_patients(studies)
    for study, own in studies.items():
        folders = {file.parent for file in own}
        if not any(study) and len(folders) > 1:  # nothing says that these folders belong together
            parts = [(study, [file for file in own if file.parent == folder]) for folder in sorted(folders)]
        else:
            parts = [(study, own)]
        for code, part in parts:
            cases |= dict.fromkeys(part, _one_study(code, part, notes_on(code, doubtful)))
    return cases


def _one_study(study: Study, files: Sequence[Path], notes: tuple[Note, ...]) -> Path | StudyFiles:
    """A study's files as a case: a single file, the folder that they fill, or just these files."""
    if len(files) == 1 and not notes:
        return files[0]
    folder = Path(os.path.commonpath([file.parent for file in files]))
    below = [*dicom_files(folder), *dicom_files_below(folder)]
    alone = not notes and set(below) == set(files)
    return folder if alone else StudyFiles(folder, tuple(files), study_code(study), notes)


def is_dicom(path: Path) -> bool:
    """Whether this is a DICOM file that can be opened."""
    try:
        return path.is_file() and _is_dicom(path) and not is_dicomdir(path)
    except OSError:
        return False


def dicom_files(folder: Path) -> list[Path]:
    """The DICOM files in a folder itself, sorted by name; none where it is not a folder that can be entered."""
    try:
        return [path for path in files_in(folder) if _is_dicom(path)]
    except OSError:
        return []


def files_in(folder: Path) -> list[Path]:
    """The files in a folder itself that may belong to a scan, sorted by name."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if not entry.name.startswith(".") and entry.is_file()]
    return [path for name in sorted(names) if not _is_contents(path := folder / name)]


def dicom_files_below(folder: Path) -> list[Path]:
    """The DICOM files in the folders below one, by folder and name."""
    return [file for inner in _folders_below(folder) for file in dicom_files(inner)]


def _folders_below(folder: Path) -> Iterator[Path]:
    for place, folders, _files in walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and not is_results(place / name)]
        if place != folder:
            yield place


def _studies(path: Path, files: Sequence[Path], on_files: OnFiles | None) -> list[Path | StudyFiles]:
    """One case for each study among the files; the path itself where there is one."""
    studies = studies_of(files, on_files)
    if len(studies) < 2:
        return [path]
    doubtful = several_patients(studies)
    return [
        StudyFiles(path, tuple(own), study_code(study), notes_on(study, doubtful, studies))
        for study, own in studies.items()
    ]


def _by_folder(
    path: Path, cases: Sequence[Path], dicom: dict[Path, list[Path]], on_files: OnFiles | None
) -> list[tuple[Path, Path | StudyFiles]]:
    """The studies in several folders, each with the path by which it is sorted."""
    studies = studies_of([file for files in dicom.values() for file in files], on_files)
    doubtful = several_patients(studies)
    holders: dict[Path, list[Study]] = {}
    for study, files in studies.items():
        for folder in {file.parent for file in files}:
            holders.setdefault(folder, []).append(study)
    held = Counter(folder for case in cases for folder in (case, *case.parents))
    placed: list[tuple[Path, Path | StudyFiles]] = []
    for study, files in studies.items():
        folders = {file.parent for file in files}
        if not study[0] and len(folders) > 1:  # nothing says that these folders belong together
            placed += [(folder, folder) for folder in folders]
            continue
        common = Path(os.path.commonpath(folders))
        others = any(case not in folders and case.is_relative_to(common) for case in cases)
        notes = notes_on(study, doubtful, [other for folder in folders for other in holders[folder]])
        alone = not others and not notes and all(len(holders[folder]) == 1 for folder in folders)
        own = _widest(common, path, held) if alone else None
        placed.append((files[0], own or StudyFiles(path, tuple(files), study_code(study), notes)))
    return placed


def _widest(folder: Path, top: Path, held: Mapping[Path, int]) -> Path:
    """The widest folder up to ``top`` that holds no other case: patients' folders tell cases apart, series' seldom do.

    Args:
        folder: of a study.
        top: what the user named.
        held: how many of the folders found are in each folder. A BIDS data set holds what was not looked into, too.
    """
    while (
        folder != top
        and held[folder.parent] == held[folder]
        and not _is_bids(folder.parent, [*folder.parent.iterdir()])
    ):
        folder = folder.parent
    return folder


def _below(path: Path, seen: set[FolderKey], masks: bool) -> list[Path]:
    """The cases in a folder, found through links as well.

    Args:
        path: of the folder.
        seen: folders that are left out; it is added to them.
        masks: whether a folder that holds masks alone is a case, too: its reader says that it is none.
    """
    if not path.is_dir():
        return [path]
    if (key := folder_key(path)) in seen:
        return []
    seen.add(key)
    entries = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    if any(_is_scan(entry) and (masks or not _is_mask(entry)) for entry in entries if entry.is_file()):
        return [path]
    inner = [entry for entry in entries if entry.is_dir() and not is_results(entry)]
    inner = [entry for entry in inner if not (_is_bids(path, entries) and entry.name.lower() in _NOT_RAW)]
    found = {entry: _below_folder(entry, seen, masks) for entry in sorted(inner, key=links_last)}
    of_masks = {entry for entry in inner if is_mask_folder(entry) and not any(map(dicom_files, found[entry]))}
    scans = [case for entry in inner if entry not in of_masks for case in found[entry]]
    return scans or [case for entry in inner for case in found[entry]]


def _is_bids(folder: Path, entries: Sequence[Path]) -> bool:
    """Whether a folder is a BIDS data set, or a subject's or a session's folder of one."""
    return bool(re.match(r"(sub|ses)-", folder.name)) or any(
        entry.name == "dataset_description.json" or (entry.name.startswith("sub-") and entry.is_dir())
        for entry in entries
    )


def _below_folder(folder: Path, seen: set[FolderKey], masks: bool = False) -> list[Path]:
    """The cases below a folder; the folder itself where it cannot be entered."""
    try:
        return _below(folder, seen, masks)
    except OSError:  # cannot be entered: its reader reports that later
        return [folder]


def _is_scan(path: Path) -> bool:
    if _is_contents(path):
        return False
    if path.name.lower().endswith(SUFFIXES):  # also where it is damaged: left out silently, it would be missed
        return True
    return known_format(path) is not None


def _is_mask(path: Path) -> bool:
    """Whether a file is a mask by its name, which says nothing of DICOM."""
    return is_mask_name(path.name) and not _is_dicom(path)


def _is_dicom(path: Path) -> bool:
    return known_format(path) is DICOM


def _is_contents(path: Path) -> bool:
    """Whether a file lists the files of a disc instead of being one, by its name or its content."""
    try:
        return path.is_file() and is_dicomdir(path)
    except (OSError, ValueError):  # its reader reports that later
        return False
