"""Which studies a set of DICOM files holds."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tumorscope.reading.dicom.files import read_study
from tumorscope.reading.dicom.sorting import OnFiles, Study, counted, distinct_studies
from tumorscope.reading.quiet import quiet_libraries


@dataclass(frozen=True)
class StudyFiles:
    """The files of one study, where no folder holds them alone.

    Attributes:
        path: the folder or DICOMDIR below which they were found.
        files: sorted.
        name: ``study-1a2b3c4d``, which says nothing about the patient.
    """

    path: Path
    files: tuple[Path, ...]
    name: str

    def __str__(self) -> str:
        return f"{self.path} ({self.name})"


@quiet_libraries()
def studies_of(files: Sequence[Path], on_files: OnFiles | None = None) -> dict[Study, list[Path]]:
    """The files by study and patient, in the order given.

    A file that states no study, or cannot be read, belongs to the only study of its folder that
    it does not contradict.
    """
    stated: dict[Path, Study] = {}
    in_folder: dict[Path, dict[Study, None]] = {}
    for path in counted(files, on_files):
        try:
            stated[path] = read_study(path)
        except Exception:  # a damaged header makes pydicom raise many kinds; its reader says so later
            stated[path] = ("", "")
        in_folder.setdefault(path.parent, {})[stated[path]] = None
    belongs = {folder: distinct_studies(list(studies)) for folder, studies in in_folder.items()}
    studies: dict[Study, list[Path]] = {}
    for path, study in stated.items():
        studies.setdefault(belongs[path.parent][study], []).append(path)
    return studies


def study_code(study: Study) -> str:
    """A name for a study that says nothing about the patient.

    >>> study_code(("1.2.3", "PAT-1")) == study_code(("1.2.3", "PAT-1")) != study_code(("1.2.3", "PAT-2"))
    True
    """
    return f"study-{hashlib.sha256(' '.join(study).encode()).hexdigest()[-8:]}"
