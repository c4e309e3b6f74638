"""What every data set provides: cases with the ground truth that its publisher gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from tumorscope.core.errors import BadDataset, BadSplit
from tumorscope.core.scan import Scan
from tumorscope.datasets.patients import patient_key
from tumorscope.datasets.split import Split


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """The annotations of one case; None if the publisher gives none.

    Attributes:
        present: boolean ``(slice,)``, whether each slice shows a tumor.
        mask: boolean ``(slice, row, column)``.
        tumor_class: the class of the whole case, such as ``glioma`` or ``notumor``.
        compartments: masks by name, boolean ``(slice, row, column)`` each inside ``mask``, where the data has several.
    """

    present: np.ndarray | None = None
    mask: np.ndarray | None = None
    tumor_class: str | None = None
    compartments: Mapping[str, np.ndarray] = field(default_factory=dict)

    def compartment(self, name: str) -> np.ndarray | None:
        """The mask of one compartment, empty in a case without tumor; None if the mask does not tell it."""
        empty = self.mask if self.mask is not None and not self.mask.any() else None
        return self.compartments.get(name, empty)


class LabeledCase(Protocol):
    """One scan or image with its ground truth; files are read on access only."""

    @property
    def case(self) -> str:
        """The name within its data set, for tables and file lists."""
        ...

    @property
    def patient(self) -> str:
        """The patient, which is the unit of a split; the case itself if the publisher does not identify patients."""
        ...

    def scan(self) -> Scan: ...

    def truth(self) -> GroundTruth: ...


@runtime_checkable
class ImageCase(LabeledCase, Protocol):
    """A case that is a single image file."""

    @property
    def path(self) -> Path:
        """The image file."""
        ...

    @property
    def label(self) -> str:
        """The class, known without reading the image; for images without one, whether there is a tumor."""
        ...

    @property
    def part(self) -> str:
        """The published part or fold; empty if there is none."""
        ...

    @property
    def plane(self) -> str:
        """``axial``, ``coronal`` or ``sagittal``; empty if the publisher does not state it."""
        ...

    @property
    def has_mask(self) -> bool:
        """Whether the publisher gives a mask file."""
        ...

    @property
    def caption(self) -> str:
        """A short name for previews."""
        ...

    @property
    def person(self) -> str | None:
        """The person, who may have several patient codes; None if the publisher does not identify patients."""
        ...


class VolumeCase(LabeledCase, Protocol):
    """A case that is one examination of several sequences with a mask."""

    @property
    def institution(self) -> str:
        """The site, to balance splits by."""
        ...

    def scan_and_mask(self) -> tuple[Scan, np.ndarray]:
        """The scan and its boolean mask ``(slice, row, column)``.

        Raises:
            TumorscopeError: damaged, or without a mask of the scan's shape.
        """
        ...

    def missing_sequences(self, scan: Scan) -> Sequence[str]:
        """The sequences that the case's scan lacks."""
        ...


class LabeledDataset(Protocol):
    """The cases of one source and their split for training and evaluation.

    Attributes:
        name: as in recipes and splits.
        root: its folder.
        classes: the classes of its cases in a fixed order; empty if the publisher names none.
        license: of images and annotations.
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
            BadDataset: its folds are published, and their number is another.
        """
        ...


class ImageDataset(LabeledDataset, Protocol):
    """A data set of single images."""

    @property
    def cases(self) -> Sequence[ImageCase]: ...


class VolumeDataset(LabeledDataset, Protocol):
    """A data set of examinations.

    Attributes:
        sequences: those that a complete examination has, in display order.
        optional_sequences: those that some examinations lack.
        absence: what such an examination has instead, for tables.
    """

    @property
    def cases(self) -> Sequence[VolumeCase]: ...

    @property
    def sequences(self) -> tuple[str, ...]: ...

    @property
    def optional_sequences(self) -> tuple[str, ...]: ...

    @property
    def absence(self) -> str: ...


def cases_of(dataset: LabeledDataset, names: Iterable[str]) -> list[LabeledCase]:
    """All cases of the patients, in the data set's order.

    Args:
        dataset: where they are.
        names: of patients, or of single cases, each of which selects all cases of its patient.

    Raises:
        BadDataset: a patient has no case in the data set.
    """
    wanted = _patients_of(dataset, names)
    selected = [case for case in dataset.cases if case.patient in wanted]
    missing = sorted(wanted.keys() - {case.patient for case in selected})
    if missing:
        raise BadDataset(f"{dataset.root}: no patient {wanted[missing[0]]}, which the split names")
    return selected


def check_split(dataset: LabeledDataset, split: Split) -> None:
    """Refuse a split with examinations of one patient in two parts, even under different names.

    Raises:
        BadSplit: naming the patient and both parts.
    """
    assigned: dict[str, tuple[str, str]] = {}
    for part, names in split.parts.items():
        for patient, name in _patients_of(dataset, names).items():
            other_part, other_name = assigned.setdefault(patient, (part, name))
            if other_part != part:
                raise BadSplit(f"patient {patient} is in both {other_part} (as {other_name}) and {part} (as {name})")


def _patients_of(dataset: LabeledDataset, names: Iterable[str]) -> dict[str, str]:
    """The patients of patient or case names, each with the first such name.

    Splits made by early versions name cases instead of patients. For a name that is not in the data set, the patient
    follows from the form of the name alone.
    """
    patient_of = {case.case: case.patient for case in dataset.cases}
    known = set(patient_of.values())
    patients: dict[str, str] = {}
    for name in names:
        patients.setdefault(name if name in known else patient_of.get(name) or patient_key(name), name)
    return patients
