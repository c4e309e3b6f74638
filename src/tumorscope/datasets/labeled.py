"""What every data set gives: cases whose truth is known, as far as its publisher says it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from tumorscope.core.errors import BadDataset, BadSplit
from tumorscope.core.scan import Scan
from tumorscope.datasets.patients import patient_key
from tumorscope.datasets.split import Split


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """What a data set says about one case; None where it says nothing.

    Attributes:
        present: boolean ``(slice,)``, whether each slice shows a tumor.
        mask: boolean ``(slice, row, column)``.
        tumor_class: the class of the whole case, such as ``glioma`` or ``notumor``.
    """

    present: np.ndarray | None = None
    mask: np.ndarray | None = None
    tumor_class: str | None = None


class LabeledCase(Protocol):
    """One scan or image with its truth; read only when asked for."""

    @property
    def case(self) -> str:
        """The name within its data set, for tables and file lists."""
        ...

    @property
    def patient(self) -> str:
        """Who it was taken from: what splits deal out. The case itself where nobody says."""
        ...

    def scan(self) -> Scan: ...

    def truth(self) -> GroundTruth: ...


class LabeledDataset(Protocol):
    """Cases of one source, and how they are dealt out for training and evaluating.

    Attributes:
        name: as recipes and splits call it.
        root: its folder.
        classes: the classes its cases may have, in a fixed order; empty where it names none.
        license: of images and truth.
    """

    @property
    def name(self) -> str: ...

    @property
    def root(self) -> Path: ...

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def license(self) -> str: ...

    @property
    def cases(self) -> Sequence[LabeledCase]: ...

    def split(self, seed: int = 0) -> Split:
        """Train, validation and test."""
        ...

    def fold(self, test: int, seed: int = 0) -> Split:
        """One of five folds to test on, the others to train and validate."""
        ...


class FoldedDataset(LabeledDataset, Protocol):
    """A data set that can be divided into any number of folds, or into those that are published."""

    def folds(self, count: int = 5, seed: int = 0) -> Split:
        """``fold0 …``.

        Raises:
            BadDataset: its folds are published, and of another number.
        """
        ...


def cases_of(dataset: LabeledDataset, names: Iterable[str]) -> list[LabeledCase]:
    """All cases of the patients, in the data set's order.

    Args:
        dataset: where they are.
        names: of patients, or of single cases for whose patient they stand.

    Raises:
        BadDataset: a patient has no case there.
    """
    wanted = _patients_of(dataset, names)
    found = [case for case in dataset.cases if case.patient in wanted]
    missing = sorted(wanted.keys() - {case.patient for case in found})
    if missing:
        raise BadDataset(f"{dataset.root}: no patient {wanted[missing[0]]}, which the split names")
    return found


def check_split(dataset: LabeledDataset, split: Split) -> None:
    """Refuse a split that puts examinations of one patient on both sides, under whatever names.

    Raises:
        BadSplit: naming the patient and both parts.
    """
    seen: dict[str, tuple[str, str]] = {}
    for part, names in split.parts.items():
        for patient, name in _patients_of(dataset, names).items():
            before, other = seen.setdefault(patient, (part, name))
            if before != part:
                raise BadSplit(f"patient {patient} is in both {before} (as {other}) and {part} (as {name})")


def _patients_of(dataset: LabeledDataset, names: Iterable[str]) -> dict[str, str]:
    """The patients whom names stand for, each with the first such name.

    Names may be patients', or cases' as splits had them before patients were told from their
    examinations. A patient who is not in the data set is known by the form of the name alone.
    """
    patient_of = {case.case: case.patient for case in dataset.cases}
    patients = set(patient_of.values())
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(name if name in patients else patient_of.get(name) or patient_key(name), name)
    return found
