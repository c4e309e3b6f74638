"""Statistics of copies within and between data sets, and splits without them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from tumorscope.datasets.duplicates.fingerprints import Fingerprints
from tumorscope.datasets.duplicates.matching import DuplicatePair, groups
from tumorscope.datasets.folders import TEST_FOLDER, TRAIN_FOLDER
from tumorscope.datasets.split import Split


@dataclass(frozen=True)
class Copied:
    """Number of images of one part and class that have a copy in another part.

    Attributes:
        where: the part of the images, for example ``kaggle4/Testing``.
        of: the part of the copies.
        label: the class, or ``all``.
        images, copies: numbers of images, and of those with a copy.
    """

    where: str
    of: str
    label: str
    images: int
    copies: int


@dataclass(frozen=True, eq=False)
class Overview:
    """Images and their copies.

    Copies of copies count as copies: all images of a group show one slice.

    Attributes:
        fingerprints: of all sets.
        pairs: from :func:`find_duplicates`.
        threshold: of :func:`find_duplicates`.
    """

    fingerprints: Fingerprints
    pairs: Sequence[DuplicatePair]
    threshold: float

    @cached_property
    def groups(self) -> list[tuple[int, ...]]:
        """Indices of images that show one slice, two or more per group."""
        return groups(self.pairs)

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The part of each image: its set, with the published part if there is one."""
        return tuple(
            f"{name}/{side}" if (side := part_of(image)) else name
            for name, image in zip(self.fingerprints.sets, self.fingerprints.names, strict=True)
        )

    @cached_property
    def sets(self) -> tuple[str, ...]:
        """The sets, in order."""
        return tuple(dict.fromkeys(self.fingerprints.sets))

    def pair_counts(self) -> Counter[tuple[str, str, str]]:
        """Number of pairs of each kind between two parts: ``(exact or near, part, part)``."""
        counts: Counter[tuple[str, str, str]] = Counter()
        for pair in self.pairs:
            one, other = sorted((self.parts[pair.first], self.parts[pair.second]))
            counts[pair.kind, one, other] += 1
        return counts

    def copied(self) -> list[Copied]:
        """For every part and class, the number of images with a copy in each part, including their own."""
        sides = sorted(set(self.parts))
        elsewhere: list[set[str]] = [set() for _ in self.parts]
        for group in self.groups:
            counts = Counter(self.parts[index] for index in group)
            for index in group:
                own = self.parts[index]
                elsewhere[index] = {part for part in counts if part != own or counts[own] > 1}
        images = Counter(zip(self.parts, self.fingerprints.labels, strict=True))
        found = []
        for side in sides:
            labels = sorted(label for where, label in images if where == side)
            for of in sides:
                hits = Counter(
                    label
                    for where, label, others in zip(self.parts, self.fingerprints.labels, elsewhere, strict=True)
                    if where == side and of in others
                )
                whole = sum(images[side, label] for label in labels)
                found += [Copied(side, of, label or "no class", images[side, label], hits[label]) for label in labels]
                if len(labels) > 1:
                    found.append(Copied(side, of, "all", whole, sum(hits.values())))
        return found

    def conflicts(self) -> Iterator[tuple[int, ...]]:
        """Groups whose images have different classes."""
        for group in self.groups:
            if len({self.fingerprints.labels[index] for index in group} - {""}) > 1:
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
        """For each set with a training and a test part, its split without copies in the test part.

        Parts ``train``, ``test`` and ``dropped``. Test images in a group
        with a training image are dropped, and all but the first of other groups.
        """
        splits = {}
        for name in self.sets:
            indices = [index for index, held in enumerate(self.fingerprints.sets) if held == name]
            sides = {index: part_of(self.fingerprints.names[index]) for index in indices}
            if not {TRAIN_FOLDER, TEST_FOLDER} <= set(sides.values()):
                continue
            dropped: set[int] = set()
            for group in self.groups:
                tested = [index for index in group if sides.get(index) == TEST_FOLDER]
                trained = any(sides.get(index) == TRAIN_FOLDER for index in group)
                dropped.update(tested if trained else tested[1:])
            parts: dict[str, list[str]] = {"train": [], "test": [], "dropped": []}
            for index, side in sides.items():
                if side:
                    part = "train" if side == TRAIN_FOLDER else "dropped" if index in dropped else "test"
                    parts[part].append(self.fingerprints.names[index])
            splits[name] = Split(name, {part: tuple(names) for part, names in parts.items()})
        return splits


def part_of(name: str) -> str:
    """The published part in an image's path, if any.

    >>> part_of("Training/glioma/x.jpg"), part_of("glioma/Training.jpg")
    ('Training', '')
    """
    first, *rest = PurePosixPath(name).parts
    return first if rest and first in (TRAIN_FOLDER, TEST_FOLDER) else ""
