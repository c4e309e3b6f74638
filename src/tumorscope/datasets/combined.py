"""Several data sets combined for training on all of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.scan import Scan
from tumorscope.datasets.labeled import GroundTruth, LabeledCase, LabeledDataset
from tumorscope.datasets.split import Split

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class CombinedCase:
    """A case of one of the data sets, whose name it has as a prefix.

    Attributes:
        dataset: the data set's name.
        inner: the case of that data set.
        channel: the only sequence to show; None for all.
    """

    dataset: str
    inner: LabeledCase
    channel: str | None = None

    @property
    def case(self) -> str:
        """``figshare/17``, or ``lgg/TCGA…#flair`` for one sequence of several."""
        return f"{self.dataset}/{self.inner.case}" + (f"#{self.channel}" if self.channel else "")

    @property
    def patient(self) -> str:
        """``figshare/100360``."""
        return f"{self.dataset}/{self.inner.patient}"

    def scan(self) -> Scan:
        """The case's scan, or one sequence of it.

        Raises:
            UnreadableScan: damaged, or without that sequence.
        """
        scan = self.inner.scan()
        if self.channel is None:
            return scan
        if self.channel not in scan.sequences:
            raise UnreadableScan(f"{self.case}: the scan shows {', '.join(scan.sequences)} only")
        index = scan.sequences.index(self.channel)
        return dataclasses.replace(scan, voxels=scan.voxels[..., index : index + 1], sequences=(self.channel,))

    def truth(self) -> GroundTruth:
        """The ground truth of the inner case."""
        return self.inner.truth()


@dataclass(frozen=True)
class CombinedDataset:
    """Several data sets combined.

    Attributes:
        datasets: by name; folds are those of the first.
        cases: all cases, ordered by data set.
    """

    datasets: Mapping[str, LabeledDataset]
    cases: tuple[LabeledCase, ...]

    @classmethod
    def join(
        cls, datasets: Mapping[str, LabeledDataset], channels_as_images: Mapping[str, Sequence[str]]
    ) -> CombinedDataset:
        """Combine data sets.

        Args:
            datasets: by name.
            channels_as_images: for a data set of several sequences, those to use as images of their own.
        """
        cases = (
            CombinedCase(name, case, channel)
            for name, dataset in datasets.items()
            for case in dataset.cases
            for channel in (channels_as_images.get(name) or (None,))
        )
        return cls(datasets, tuple(cases))

    @property
    def name(self) -> str:
        """``figshare+lgg``."""
        return "+".join(self.datasets)

    @property
    def root(self) -> Path:
        """The first data set's folder."""
        return next(iter(self.datasets.values())).root

    @property
    def classes(self) -> tuple[str, ...]:
        """All classes of all data sets."""
        return tuple(sorted({name for dataset in self.datasets.values() for name in dataset.classes}))

    @property
    def license(self) -> str:
        """The licenses of all data sets."""
        return "; ".join(dataset.license for dataset in self.datasets.values())

    def split(self, seed: int = 0) -> Split:
        """The splits of all data sets."""
        return self._combine(lambda dataset: dataset.split(seed))

    def fold(self, test: int, seed: int = 0) -> Split:
        """A fold of the first data set, and the splits of the others."""
        first = next(iter(self.datasets.values()))
        return self._combine(lambda dataset: dataset.fold(test, seed) if dataset is first else dataset.split(seed))

    def _combine(self, split: Callable[[LabeledDataset], Split]) -> Split:
        splits = {name: split(dataset) for name, dataset in self.datasets.items()}
        return Split(
            self.name,
            {
                part: tuple(f"{name}/{patient}" for name, own in splits.items() for patient in own[part])
                for part in PARTS
            },
            "; ".join(f"{name}: {own.method}" for name, own in splits.items() if own.method),
        )


def notes_of(dataset: LabeledDataset) -> tuple[str, ...]:
    """What a user should know about what a data set, or each of several, found."""
    if not isinstance(dataset, CombinedDataset):
        return tuple(getattr(dataset, "notes", ()))
    return tuple(f"{name}: {note}" for name, own in dataset.datasets.items() for note in notes_of(own))


def by_dataset(
    dataset: LabeledDataset, cases: Sequence[LabeledCase]
) -> dict[str, tuple[LabeledDataset, Sequence[LabeledCase]]]:
    """Each data set with those of the cases that are its own, by name; without those that have none.

    Args:
        dataset: one, or several as one.
        cases: of it.
    """
    if not isinstance(dataset, CombinedDataset):
        return {dataset.name: (dataset, cases)}
    own = {name: [case for case in cases if case.case.startswith(f"{name}/")] for name in dataset.datasets}
    return {name: (dataset.datasets[name], part) for name, part in own.items() if part}
