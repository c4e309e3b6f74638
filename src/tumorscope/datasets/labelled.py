"""What every data set gives: cases whose truth is known, as far as its publisher says it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from tumorscope.datasets.split import Split
from tumorscope.errors import BadDataset
from tumorscope.scan import Scan


@dataclass(frozen=True, eq=False)
class Truth:
    """What a data set says about one case; None where it says nothing.

    Attributes:
        present: boolean ``(slice,)``, whether each slice shows a tumour.
        mask: boolean ``(slice, row, column)``.
        tumor_class: the class of the whole case, such as ``glioma`` or ``notumor``.
    """

    present: np.ndarray | None = None
    mask: np.ndarray | None = None
    tumor_class: str | None = None


class LabelledCase(Protocol):
    """One scan or picture with its truth; read only when asked for."""

    @property
    def case(self) -> str:
        """The name within its data set, for tables and file lists."""
        ...

    @property
    def patient(self) -> str:
        """Who it was taken from: what splits deal out. The case itself where nobody says."""
        ...

    def scan(self) -> Scan: ...

    def truth(self) -> Truth: ...


class LabelledDataset(Protocol):
    """Cases of one source, and how they are dealt out for training and judging.

    Attributes:
        name: as recipes and splits call it.
        root: its folder.
        classes: the classes its cases may have, in a fixed order; empty where it names none.
        licence: of pictures and truth.
    """

    @property
    def name(self) -> str: ...

    @property
    def root(self) -> Path: ...

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def licence(self) -> str: ...

    @property
    def cases(self) -> Sequence[LabelledCase]: ...

    def split(self, seed: int = 0) -> Split:
        """Train, validation and test."""
        ...

    def fold(self, test: int, seed: int = 0) -> Split:
        """One of five folds to test on, the others to train and validate."""
        ...


def cases_of(dataset: LabelledDataset, patients: Iterable[str]) -> list[LabelledCase]:
    """All cases of the patients, in the data set's order.

    Raises:
        BadDataset: a patient has no case there.
    """
    wanted = set(patients)
    found = [case for case in dataset.cases if case.patient in wanted]
    missing = sorted(wanted.difference(case.patient for case in found))
    if missing:
        raise BadDataset(f"{dataset.root}: no patient {missing[0]}, which the split names")
    return found
