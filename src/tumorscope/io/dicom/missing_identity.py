"""The study and patient of a file that leaves one of them blank."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

Study = tuple[str, str]
"""StudyInstanceUID and PatientID, empty where not given."""


class Stated(NamedTuple):
    """The study, patient and series that a file states."""

    study: Study
    series: str


def with_patients(stated: Iterable[Stated]) -> dict[Stated, Study]:
    """The study of each file, with the PatientID that others state where a file leaves it blank.

    A blank one joins the only patient of its study; where a study names several, the only one of its series.
    """
    known = set(stated)
    in_study: dict[str, set[str]] = {}
    in_series: dict[tuple[str, str], set[str]] = {}
    for (study, patient), series in known:
        if study and patient:
            in_study.setdefault(study, set()).add(patient)
            in_series.setdefault((study, series), set()).add(patient)
    filled = {}
    for entry in known:
        study, patient = entry.study
        for patients in (in_study.get(study, set()), in_series.get((study, entry.series), set())):
            if not patient and len(patients) == 1:
                (patient,) = patients
        filled[entry] = (study, patient)
    return filled


def distinct_studies(studies: Iterable[Study]) -> dict[Study, Study]:
    """For each study that a file states, the study it belongs to.

    A file that lacks one of the two UIDs belongs to the only study that it does not contradict.
    """
    known = list(dict.fromkeys(studies))
    complete = [study for study in known if all(study)]
    belongs = {}
    for study in known:
        fits = [other for other in complete if all(a == b or not a for a, b in zip(study, other, strict=True))]
        belongs[study] = fits[0] if len(fits) == 1 else study
    return belongs


def several_patients(studies: Iterable[Study]) -> set[str]:
    """The StudyInstanceUIDs under which several patients are stated; a study has one patient."""
    patients: dict[str, set[str]] = {}
    for study, patient in studies:
        if study and patient:
            patients.setdefault(study, set()).add(patient)
    return {study for study, named in patients.items() if len(named) > 1}
