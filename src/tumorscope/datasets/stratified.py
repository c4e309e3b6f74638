"""Data sets whose splits are stratified by what is known of each patient."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from tumorscope.core.errors import BadDataset
from tumorscope.datasets.labeled import LabeledCase
from tumorscope.datasets.split import Split, equal_folds, stratified_parts
from tumorscope.io.formats import IMAGE_SUFFIXES

Case = TypeVar("Case", bound=LabeledCase, covariant=True)


@dataclass(frozen=True)
class StratifiedDataset(ABC, Generic[Case]):
    """All cases below a folder.

    Attributes:
        name, license: of the data set; every subclass sets them.
        classes: the classes of its cases in a fixed order; empty if the publisher names none.
        root: the data set's folder.
        cases: in the order of their paths.
        grouping: how patients are known, in words; empty where the data set's documentation tells.
        notes: what a user should know about what was found, one line each.
        fractions: of the patients, for each part of a split without a published test part.
        validation_fraction: of the patients outside a published test part.
    """

    root: Path
    cases: tuple[Case, ...]
    grouping: str = ""
    notes: tuple[str, ...] = ()
    fractions: ClassVar[Mapping[str, float]] = {"train": 0.7, "validation": 0.15, "test": 0.15}
    validation_fraction: ClassVar[float] = 0.1
    name: ClassVar[str]
    license: ClassVar[str]

    @property
    def classes(self) -> tuple[str, ...]:
        """None, unless a subclass names them."""
        return ()

    @abstractmethod
    def strata(self) -> Mapping[str, tuple[object, ...]]:
        """For each patient the values to balance between the parts, the most important first."""

    def published_test(self) -> Collection[str]:
        """The patients of the published test part; none unless a subclass names them."""
        return ()

    def split(self, seed: int = 0, fractions: Mapping[str, float] | None = None) -> Split:
        """Test on the published test part, or on a fraction of the patients if there is none.

        Args:
            seed: makes the split reproducible.
            fractions: instead of the published test part and the default fractions.
        """
        strata, test = self.strata(), sorted(self.published_test())
        if fractions or not test:
            return Split(self.name, stratified_parts(strata, fractions or self.fractions, seed), self.grouping)
        others = {patient: values for patient, values in strata.items() if patient not in set(test)}
        fraction = self.validation_fraction
        parts = stratified_parts(others, {"train": 1 - fraction, "validation": fraction}, seed)
        return Split(self.name, {**parts, "test": tuple(test)}, self.grouping)

    def fold(self, test: int, seed: int = 0) -> Split:
        """One of five folds to test, the next to validate, the others to train."""
        return self.folds(5, seed).fold(test)

    def folds(self, count: int = 5, seed: int = 0) -> Split:
        """``count`` equal parts ``fold0 …`` of all patients, including those of a published test part."""
        return Split(self.name, equal_folds(self.strata(), count, seed), self.grouping)


def require_folder(path: Path) -> Path:
    """The folder itself.

    Raises:
        BadDataset: it does not exist.
    """
    if not path.is_dir():
        raise BadDataset(f"{path}: no such folder")
    return path


def image_files(folder: Path) -> list[Path]:
    """The image files directly in a folder, sorted; hidden files are not images, whatever their suffix."""
    files = folder.iterdir() if folder.is_dir() else ()
    return sorted(file for file in files if is_image_file(file))


def is_image_file(file: Path) -> bool:
    """Whether a file is an image by its name."""
    return not file.name.startswith(".") and file.suffix.lower() in IMAGE_SUFFIXES and file.is_file()
