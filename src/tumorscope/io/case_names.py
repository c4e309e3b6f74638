"""The name of a case before it has been read: its path, or a code that does not identify the patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tumorscope.io.checks import label
from tumorscope.io.dicom.file_reader import read_header
from tumorscope.io.dicom.header import series_key
from tumorscope.io.dicom.privacy import contains_patient_name, hide_names, name_tokens, series_code
from tumorscope.io.dicom.studies import StudyFiles
from tumorscope.io.discovery import dicom_files, dicom_files_below, is_dicom
from tumorscope.io.formats import stem
from tumorscope.io.library_warnings import quiet_libraries

_LONGEST = 40


@dataclass(frozen=True)
class PublicNames:
    """Names of a case that are safe to show.

    Attributes:
        label: the name of its file or folder, or a code where that names the patient.
        code: replaces the patient's name.
        quoted: names of files and folders that a message about the case may hold.
        words: parts of the patients' names.
    """

    label: str
    code: str
    quoted: frozenset[str]
    words: frozenset[str]

    def hide(self, text: str) -> str:
        """A message with the code in place of each file or folder that names the patient."""
        return hide_names(text, self.quoted, self.words, self.code)


def public_names(path: Path | StudyFiles | None, sequences: Mapping[str, Path] | None = None) -> PublicNames:
    """Look into the headers of a case's DICOM files for the patient's name; never raises.

    Args:
        path: what is opened; None where ``sequences`` is.
        sequences: one file or folder for each sequence.
    """
    if isinstance(path, StudyFiles):
        name, files = path.name, path.files
        locations = [path.path, *files]
    else:
        locations = [path] if path is not None else [Path(location) for location in (sequences or {}).values()]
        name = ", ".join(label(location) for location in locations)
        files = tuple(file for location in locations for file in _dicom_files(location))
    words, series = _read_headers(files)
    code = series_code(series) if series else "case"
    parts = {part for location in (*locations, *files) for part in (*location.parts, *_resolved(location).parts)}
    hidden = PublicNames(name, code, frozenset(parts | {label(part) for part in parts}), words)
    return PublicNames(code if contains_patient_name(name, words) else name, code, hidden.quoted, words)


def _dicom_files(location: Path) -> Sequence[Path]:
    if location.is_dir():
        return [*dicom_files(location), *dicom_files_below(location)]
    return [location] if is_dicom(location) else []


@quiet_libraries()
def _read_headers(files: Sequence[Path]) -> tuple[frozenset[str], str]:
    """Parts of the patients' names, and the first series."""
    words: set[str] = set()
    series = ""
    for file in files:
        try:
            dataset, _has_pixels = read_header(file)
            words |= name_tokens(dataset)
            series = series or series_key(dataset)
        except Exception:  # a damaged header makes pydicom raise many kinds, and does not identify a patient
            continue
    return frozenset(words), series


def _resolved(location: Path) -> Path:
    try:
        return location.resolve()
    except (OSError, RuntimeError):  # a symbolic link loop
        return location


def told_apart(cases: Sequence[Path | StudyFiles]) -> list[str]:
    """For each case the names of the folders above it that tell it from others of its name; empty where it is alone.

    ``Patient-001/week-044`` and ``Patient-002/week-044`` are told apart by the patients, ``a/x/1.png`` and ``b/x/1.png``
    by ``a_x`` and ``b_x``. DICOM is named by codes or by folders that tell patients apart, and folders above may name them.
    """
    alike: dict[str, list[int]] = {}
    for index, case in enumerate(cases):
        alike.setdefault(_name_of(case).lower(), []).append(index)
    above = [""] * len(cases)
    for indices in alike.values():
        if len(indices) < 2 or any(_is_dicom_case(cases[index]) for index in indices):
            continue
        parents = [_parents(cases[index]) for index in indices]
        for depth in range(1, max(map(len, parents), default=0) + 1):
            tails = ["_".join(map(_short, own[-depth:])) for own in parents]
            if len({tail.lower() for tail in tails}) == len(tails):
                for index, tail in zip(indices, tails, strict=True):
                    above[index] = tail
                break
    return above


def _short(folder: str) -> str:
    """A folder's name, its middle left out where it would leave no room for the case's own."""
    return folder if len(folder) <= _LONGEST else f"{folder[:24]}-{folder[-15:]}"


def _name_of(case: Path | StudyFiles) -> str:
    return case.name if isinstance(case, StudyFiles) or case.is_dir() else stem(case)


def _parents(case: Path | StudyFiles) -> tuple[str, ...]:
    """The folders above a case; of files that are one of several cases in their folder, with the folder itself."""
    path = _resolved(case.path if isinstance(case, StudyFiles) else case)
    return path.parts[1:] if isinstance(case, StudyFiles) and path.name != case.name else path.parts[1:-1]


def _is_dicom_case(case: Path | StudyFiles) -> bool:
    return bool(_dicom_files(case.files[0] if isinstance(case, StudyFiles) else case))
