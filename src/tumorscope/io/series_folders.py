"""Volumes of one case in folders of their own, as BraTS 2015 (``VSD.Brain.XX.O.MR_T1.54513/``) and XNAT keep them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tumorscope.io.case_grouping import DATE, patient_words, stated_case
from tumorscope.io.dicom.studies import StudyFiles
from tumorscope.io.file_sequences import file_sequence
from tumorscope.io.formats import VOLUME_SUFFIXES, stem
from tumorscope.io.mask_names import is_mask_name
from tumorscope.io.sequences import names_other, recognize_sequence


def join_series_folders(top: Path, folders: Sequence[Path]) -> list[Path | StudyFiles]:
    """The cases, those whose sequences are in folders of their own as one each.

    Folders are one case where each holds a single volume and is named after what this shows, no sequence is there
    twice, at least two are, and the names speak of one patient and one date. The case is named after the widest folder
    that holds no other.

    Args:
        top: below which they were found.
        folders: with scans, none within another.
    """
    if len(folders) < 2:
        return list(folders)
    volumes = {folder: _only_volume(folder) for folder in folders}
    held: dict[Path, list[Path]] = {}
    for folder in folders:
        holder = _nearest_holder(top, folder, folders)
        if holder is not None:
            held.setdefault(holder, []).append(folder)
    joined: dict[Path, StudyFiles] = {}
    for holder, inner in held.items():
        files = [file for folder in inner if (file := volumes[folder])]
        below = [folder for folder in folders if folder.is_relative_to(holder)]
        if len(files) == len(below) and _are_one_case(files) and _are_series(holder, files):
            place = _widest(top, holder, folders)
            case = StudyFiles(place, tuple(sorted(files)), stated_case(files[0]) or place.resolve().name)
            joined |= dict.fromkeys(inner, case)
    return list(dict.fromkeys(joined.get(folder, folder) for folder in folders))


def _only_volume(folder: Path) -> Path | None:
    """The folder's volume, if it holds one alone; masks do not count."""
    try:
        names = [path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    except OSError:  # a file, or it cannot be entered: its reader reports that later
        return None
    scans = [name for name in names if name.lower().endswith(VOLUME_SUFFIXES) and not is_mask_name(name)]
    return folder / scans[0] if len(scans) == 1 else None


def _nearest_holder(top: Path, folder: Path, folders: Sequence[Path]) -> Path | None:
    """The nearest folder above, up to ``top``, that holds another one with a scan."""
    above = [parent for parent in folder.parents if parent == top or parent.is_relative_to(top)]
    return next((parent for parent in above if sum(each.is_relative_to(parent) for each in folders) > 1), None)


def _are_one_case(files: Sequence[Path]) -> bool:
    """Whether most of the files name a sequence, each another one, of one patient."""
    known = {path: sequence for path in files if (sequence := file_sequence(path)) != "unknown"}
    patients = {stated_case(path) or patient_words(path) for path in known}
    repeats = len(set(known.values())) < len(known)
    return len(known) > max(1, len(files) - len(known)) and not repeats and len(patients) == 1


def _are_series(holder: Path, files: Sequence[Path]) -> bool:
    """Whether the folders right below ``holder`` are named after series, not after visits, and state one date at most."""
    dates: set[str] = set()
    for path in files:
        parts = path.parent.relative_to(holder).parts
        series = parts[0]
        speaks = recognize_sequence(series) != "unknown" or names_other(series) or series == stem(path)
        if not speaks and stated_case(path) is None:
            return False
        dates |= {found for part in parts for found in DATE.findall(part)}
    return len(dates) < 2


def _widest(top: Path, holder: Path, folders: Sequence[Path]) -> Path:
    """The widest folder up to ``top`` that holds no other folder with scans than ``holder`` does."""
    count = sum(folder.is_relative_to(holder) for folder in folders)
    while holder != top and sum(folder.is_relative_to(holder.parent) for folder in folders) == count:
        holder = holder.parent
    return holder
