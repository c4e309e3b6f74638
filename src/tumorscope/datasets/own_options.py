"""What the owner of own data states about it: patients, and which labels are the tumor or its compartments."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tumorscope.core.compartments import Compartment, compartments_of
from tumorscope.core.errors import BadDataset, TumorscopeError
from tumorscope.core.files import save_whole
from tumorscope.io.checks import printable
from tumorscope.io.label_names import parse_labels

PATIENTS_FILE = "patients.csv"
"""In a folder of own data, in a run and in a bundle: the patient of each case, columns ``case`` and ``patient``."""

_CASE_COLUMNS = ("case", "image", "file", "name")


@dataclass(frozen=True)
class OwnDataOptions:
    """What the files do not tell.

    Attributes:
        patients: the patient of each case, by the case's name or its file's.
        patients_from: where that is stated, for messages.
        labels: the labels of a mask that are the tumor, such as ``1+2+4=tumor``, or its compartments, such as
            ``1+4=core,2=edema``; None where masks have one label.
    """

    patients: Mapping[str, str] | None = None
    patients_from: str = ""
    labels: str | None = None

    @property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Numbers or names of the labels in each group; empty where masks have one label.

        Raises:
            TumorscopeError: not of the form ``1+4=core,2=edema``.
        """
        return {} if self.labels is None else parse_labels(self.labels)

    @property
    def compartments(self) -> tuple[Compartment, ...]:
        """The whole tumor and the compartments inside it; the tumor alone for one group, nothing without labels.

        Raises:
            TumorscopeError: see :func:`tumorscope.core.compartments.compartments_of`.
        """
        try:
            return compartments_of(self.groups) if self.groups else ()
        except TumorscopeError as error:
            raise BadDataset(f"--labels {self.labels}: {error}") from error


NOTHING_STATED = OwnDataOptions()
"""Of data whose files tell everything."""


def read_patients(file: Path) -> dict[str, str]:
    """The patient of each case, from a table with the columns ``case`` and ``patient``.

    Args:
        file: CSV, separated by commas, semicolons or tabs. The first column may also be named ``image`` or ``file``.

    Raises:
        BadDataset: not such a table, or a case with two patients.
    """
    patients: dict[str, str] = {}
    for number, row in enumerate(read_table(file), start=2):
        case = next((row[name] for name in _CASE_COLUMNS if row.get(name)), "")
        patient = row.get("patient", "")
        if not case or not patient:
            raise BadDataset(f"{file}: line {number} lacks a case or a patient; give the columns case and patient")
        if patients.setdefault(case, patient) != patient:
            raise BadDataset(f"{file}: {printable(case)} has the patients {patients[case]} and {patient}; give one")
    if not patients:
        raise BadDataset(f"{file}: has no lines; give the columns case and patient")
    return patients


def save_patients(patients: Mapping[str, str], file: Path) -> None:
    """Write what :func:`read_patients` reads."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("case", "patient"))
    writer.writerows(sorted(patients.items()))
    save_whole(file, text.getvalue().encode())


def read_table(file: Path) -> list[dict[str, str]]:
    """The rows of a CSV file by column, names of columns in lower case and all cells stripped.

    Separators are commas, semicolons or tabs, whichever the first line has most of.

    Raises:
        BadDataset: not a text file with a header, a column twice, or a line with more cells than columns.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadDataset(f"{file}: cannot be read ({(error.strerror or '').lower()})") from error
    except UnicodeDecodeError as error:
        raise BadDataset(f"{file}: not text in UTF-8; save the table as CSV (UTF-8)") from error
    first = text.splitlines()[0] if text.strip() else ""
    separator = max(",;\t", key=first.count)
    try:
        lines = [
            line for line in csv.reader(io.StringIO(text), delimiter=separator) if any(cell.strip() for cell in line)
        ]
    except csv.Error as error:
        raise BadDataset(f"{file}: not a CSV table ({error})") from error
    if not lines:
        raise BadDataset(f"{file}: is empty; give a line with the names of the columns and one line per case")
    header = [name.strip().lower() for name in lines[0]]
    twice = next((name for name in header if name and header.count(name) > 1), None)
    if twice is not None:
        raise BadDataset(f"{file}: has the column {printable(twice)} twice")
    long = next((number for number, line in enumerate(lines[1:], start=2) if len(line) > len(header)), None)
    if long is not None:
        raise BadDataset(f"{file}: line {long} has more cells than there are columns ({len(header)})")
    return [
        {name: cell.strip() for name, cell in zip(header, [*line, *[""] * len(header)], strict=False) if name}
        for line in lines[1:]
    ]
