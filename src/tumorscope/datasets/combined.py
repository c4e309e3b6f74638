"""Several data sets as one, for a network that learns from all of them."""

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
    """A case of one of the data sets; its name says which.

    Attributes:
        dataset: the data set's name.
        inner: the case there.
        channel: of several sequences, the only one that is shown; None shows all.
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
        """The case's scan, or the chosen sequence of it.

        Raises:
            UnreadableScan: damaged, or without that sequence.
        """
        scan = self.inner.scan()
        if self.channel is None:
            return scan
        if self.channel not in scan.sequences:
            raise UnreadableScan(f"{self.case}: the scan shows {', '.join(scan.sequences)} only")
        place = scan.sequences.index(self.channel)
        return dataclasses.replace(scan, voxels=scan.voxels[..., place : place + 1], sequences=(self.channel,))

    def truth(self) -> GroundTruth:
        """As its own data set says."""
        return self.inner.truth()


@dataclass(frozen=True)
class CombinedDataset:
    """Several data sets side by side.

    Attributes:
        datasets: by name; the first one's folds are those that are tested.
        cases: all cases, one data set after the other.
    """

    datasets: Mapping[str, LabeledDataset]
    cases: tuple[LabeledCase, ...]

    @classmethod
    def join(cls, datasets: Mapping[str, LabeledDataset], apart: Mapping[str, Sequence[str]]) -> CombinedDataset:
        """Put data sets side by side.

        Args:
            datasets: by name.
            apart: for a data set of several sequences, those that are shown one by one.
        """
        cases = (
            CombinedCase(name, case, channel)
            for name, dataset in datasets.items()
            for case in dataset.cases
            for channel in (apart.get(name) or (None,))
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
        """One after the other."""
        return "; ".join(dataset.license for dataset in self.datasets.values())

    def split(self, seed: int = 0) -> Split:
        """Every data set's own split, side by side."""
        return self._joined(lambda dataset: dataset.split(seed))

    def fold(self, test: int, seed: int = 0) -> Split:
        """A fold of the first data set; the others keep their own split, with their own test side."""
        first = next(iter(self.datasets.values()))
        return self._joined(lambda dataset: dataset.fold(test, seed) if dataset is first else dataset.split(seed))

    def _joined(self, split: Callable[[LabeledDataset], Split]) -> Split:
        dealt = {name: split(dataset) for name, dataset in self.datasets.items()}
        return Split(
            self.name,
            {
                part: tuple(f"{name}/{patient}" for name, own in dealt.items() for patient in own[part])
                for part in PARTS
            },
        )
