"""Which studies a set of DICOM files holds."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import Note
from tumorscope.io.dicom.file_reader import read_study_and_series
from tumorscope.io.dicom.grouping import with_progress
from tumorscope.io.dicom.missing_identity import Stated, Study, distinct_studies, with_patients
from tumorscope.io.library_warnings import quiet_libraries
from tumorscope.io.options import OnFiles


@dataclass(frozen=True)
class StudyFiles:
    """The files of one study, where no folder holds them alone.

    Attributes:
        path: the folder or DICOMDIR below which they were found.
        files: sorted.
        name: ``study-1a2b3c4d``, which does not identify the patient.
        notes: what is odd about the study.
    """

    path: Path
    files: tuple[Path, ...]
    name: str
    notes: tuple[Note, ...] = ()

    def __str__(self) -> str:
        return f"{self.path} ({self.name})"


@quiet_libraries()
def studies_of(files: Sequence[Path], on_files: OnFiles | None = None) -> dict[Study, list[Path]]:
    """The files by study and patient, in the order given.

    A file that leaves the patient blank belongs to the one whom the others of its study, or of its
    series, state. A file that states no study, or cannot be read, belongs to the only study of its
    folder that it does not contradict.
    """
    stated: dict[Path, Stated] = {}
    for path in with_progress(files, on_files):
        try:
            stated[path] = Stated(*read_study_and_series(path))
        except (UnreadableScan, OSError):  # its reader reports that later
            stated[path] = Stated(("", ""), "")
    filled = with_patients(stated.values())
    in_folder: dict[Path, dict[Study, None]] = {}
    for path, entry in stated.items():
        in_folder.setdefault(path.parent, {})[filled[entry]] = None
    belongs = {folder: distinct_studies(studies) for folder, studies in in_folder.items()}
    studies: dict[Study, list[Path]] = {}
    for path, entry in stated.items():
        studies.setdefault(belongs[path.parent][filled[entry]], []).append(path)
    return studies


def notes_on(study: Study, doubtful: Container[str], together: Iterable[Study] = ()) -> tuple[Note, ...]:
    """What a user should know of a study's patient.

    Args:
        study: of one patient.
        doubtful: StudyInstanceUIDs that several patients share.
        together: the studies in the same folder or on the same disc.
    """
    if study[0] in doubtful:
        what = "another PatientID is stated under the same StudyInstanceUID; check whose images these are"
        return (Note("conflicting_patients", what),)
    patients = {patient for _uid, patient in together if patient}
    if len(patients) > 1:
        what = f"the folder holds images of {len(patients)} patients; each study is a case of its own"
        return (Note("several_patients", what),)
    return ()


def study_code(study: Study) -> str:
    """A name for a study that does not identify the patient.

    >>> study_code(("1.2.3", "PAT-1")) == study_code(("1.2.3", "PAT-1")) != study_code(("1.2.3", "PAT-2"))
    True
    """
    return f"study-{hashlib.sha256(' '.join(study).encode()).hexdigest()[-8:]}"
