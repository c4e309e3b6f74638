"""What copies mean for data sets: how many, on which sides, and the split without them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from tumorscope.datasets.duplicates.comparison import DuplicatePair, groups
from tumorscope.datasets.duplicates.fingerprints import Fingerprints
from tumorscope.datasets.folders import TEST_FOLDER, TRAIN_FOLDER
from tumorscope.datasets.split import Split


@dataclass(frozen=True)
class Copied:
    """Of some images, how many have a copy in some other place.

    Attributes:
        where: whose images, for example ``kaggle4/Testing``.
        of: where copies are looked for.
        label: the class, or ``all``.
        images, copies: how many there are, and how many of them are copies.
    """

    where: str
    of: str
    label: str
    images: int
    copies: int


@dataclass(frozen=True, eq=False)
class Overview:
    """Images and their copies.

    Copies of copies count as copies: what belongs to one group shows one slice.

    Attributes:
        fingerprints: of all sets.
        pairs: what :func:`find_duplicates` found among them.
        threshold: what it was told.
    """

    fingerprints: Fingerprints
    pairs: Sequence[DuplicatePair]
    threshold: float

    @cached_property
    def groups(self) -> list[tuple[int, ...]]:
        """Places of images that show one slice, two or more each."""
        return groups(self.pairs)

    @cached_property
    def sides(self) -> tuple[str, ...]:
        """Of each image its set, and the set's side where it has two."""
        return tuple(
            f"{name}/{side}" if (side := side_of(image)) else name
            for name, image in zip(self.fingerprints.sets, self.fingerprints.names, strict=True)
        )

    @cached_property
    def sets(self) -> tuple[str, ...]:
        """The sets, in order."""
        return tuple(dict.fromkeys(self.fingerprints.sets))

    def pair_counts(self) -> Counter[tuple[str, str, str]]:
        """How many pairs of each kind between two sides: ``(exact or near, side, side)``."""
        counts: Counter[tuple[str, str, str]] = Counter()
        for pair in self.pairs:
            one, other = sorted((self.sides[pair.first], self.sides[pair.second]))
            counts[pair.kind, one, other] += 1
        return counts

    def copied(self) -> list[Copied]:
        """For every side and class, how many images have a copy on each side, their own included."""
        sides = sorted(set(self.sides))
        elsewhere: list[set[str]] = [set() for _ in self.sides]
        for group in self.groups:
            held = Counter(self.sides[place] for place in group)
            for place in group:
                own = self.sides[place]
                elsewhere[place] = {side for side in held if side != own or held[own] > 1}
        images = Counter(zip(self.sides, self.fingerprints.labels, strict=True))
        found = []
        for side in sides:
            labels = sorted(label for where, label in images if where == side)
            for of in sides:
                hits = Counter(
                    label
                    for where, label, others in zip(self.sides, self.fingerprints.labels, elsewhere, strict=True)
                    if where == side and of in others
                )
                whole = sum(images[side, label] for label in labels)
                found += [Copied(side, of, label or "no class", images[side, label], hits[label]) for label in labels]
                if len(labels) > 1:
                    found.append(Copied(side, of, "all", whole, sum(hits.values())))
        return found

    def conflicts(self) -> Iterator[tuple[int, ...]]:
        """Groups whose images are filed under different classes."""
        for group in self.groups:
            if len({self.fingerprints.labels[place] for place in group} - {""}) > 1:
                yield group

    def patient_counts(self) -> Counter[str]:
        """Pairs of two known patients: ``same`` or ``different``."""
        patients = self.fingerprints.patients
        return Counter(
            "same" if patients[pair.first] == patients[pair.second] else "different"
            for pair in self.pairs
            if patients[pair.first] and patients[pair.second]
        )

    def clean_splits(self) -> dict[str, Split]:
        """For each set with a training and a testing side, its split without copies in the test.

        Parts ``train``, ``test`` and ``dropped``. Of the test side those are dropped that
        belong to a group with a training image, and all but the first of the others.
        """
        splits = {}
        for name in self.sets:
            places = [place for place, held in enumerate(self.fingerprints.sets) if held == name]
            sides = {place: side_of(self.fingerprints.names[place]) for place in places}
            if not {TRAIN_FOLDER, TEST_FOLDER} <= set(sides.values()):
                continue
            dropped: set[int] = set()
            for group in self.groups:
                tested = [place for place in group if sides.get(place) == TEST_FOLDER]
                trained = any(sides.get(place) == TRAIN_FOLDER for place in group)
                dropped.update(tested if trained else tested[1:])
            parts: dict[str, list[str]] = {"train": [], "test": [], "dropped": []}
            for place, side in sides.items():
                if side:
                    part = "train" if side == TRAIN_FOLDER else "dropped" if place in dropped else "test"
                    parts[part].append(self.fingerprints.names[place])
            splits[name] = Split(name, {part: tuple(names) for part, names in parts.items()})
        return splits


def side_of(name: str) -> str:
    """The published side that a image's path begins with, if any.

    >>> side_of("Training/glioma/x.jpg"), side_of("glioma/Training.jpg")
    ('Training', '')
    """
    first, *rest = PurePosixPath(name).parts
    return first if rest and first in (TRAIN_FOLDER, TEST_FOLDER) else ""
