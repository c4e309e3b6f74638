"""The patients of a user's own cases: stated by the user or by a table, or taken from names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tumorscope.core.errors import BadDataset
from tumorscope.datasets.own_options import PATIENTS_FILE, OwnDataOptions, read_patients
from tumorscope.datasets.patients import patients_by_name
from tumorscope.io.checks import printable

_SHOWN = 3
"""How many cases a message names."""


@dataclass(frozen=True)
class CaseNames:
    """What a case is called.

    Attributes:
        case: its name within the data set.
        name: from which the patient may be taken.
        file: the image's name.
        patient: as a table of the data set states it; empty if none does.
    """

    case: str
    name: str
    file: str
    patient: str = ""


def known_patients(path: Path, cases: Sequence[CaseNames], options: OwnDataOptions) -> tuple[dict[str, str], str]:
    """The patient of each case, and how it is known, in words.

    What the user states comes before what the data set's table states, that before ``patients.csv`` beside the data,
    and that before names.

    Args:
        path: the folder or table of the data set.
        cases: all of them.
        options: what the user states.

    Raises:
        BadDataset: some cases have a patient and others have none.
    """
    beside = (path if path.is_dir() else path.parent) / PATIENTS_FILE
    if options.patients is not None:
        return _listed(path, cases, options.patients, options.patients_from)
    if any(case.patient for case in cases):
        without = [case.case for case in cases if not case.patient]
        if without:
            raise BadDataset(f"{path}: {some(without)} without a patient, which the others have")
        return {case.case: case.patient for case in cases}, "by patient, from the column patient"
    if beside.is_file():
        return _listed(path, cases, read_patients(beside), PATIENTS_FILE)
    found = patients_by_name([case.name for case in cases])
    told = {case.case: found.patients[case.name] for case in cases}
    if found.example is None:
        return {case.case: case.case for case in cases}, (
            "by case, as no name identifies a patient: cases of one patient may be in several parts; "
            "--patients FILE or a column patient states them"
        )
    patients = {case.case: told[case.case] if told[case.case] != case.name else case.case for case in cases}
    shown = f"{printable(found.example)} is of {printable(found.patients[found.example])}"
    count = len(set(patients.values()))
    return patients, f"by patient, taken from names ({shown}; {len(cases):,} cases, {count:,} patients)"


def _listed(
    path: Path, cases: Sequence[CaseNames], patients: Mapping[str, str], source: str
) -> tuple[dict[str, str], str]:
    found = {}
    for case in cases:
        keys = (case.case, case.name, case.file)
        found[case.case] = next((patients[key] for key in keys if key in patients), "")
    without = [name for name, patient in found.items() if not patient]
    if without:
        raise BadDataset(f"{path}: {some(without)} not in {source}, which states the patients")
    return found, f"by patient, from {source}"


def some(names: Sequence[str]) -> str:
    """``3 cases (a, b, c)``, with a limit on how many are named."""
    shown = ", ".join(printable(name) for name in names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return f"{len(names):,} case{'s' if len(names) > 1 else ''} ({shown})"
