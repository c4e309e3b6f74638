"""Splits into training, validation and test parts by patient, never by slice."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tumorscope.core.errors import BadSplit


@dataclass(frozen=True)
class Split:
    """Named parts of a data set, each a set of patients without overlap.

    Attributes:
        dataset: the data set's name.
        parts: the patients of each part.
        method: how the patients are known and divided, in words; empty if the data set's documentation tells.

    >>> split = Split("lgg", {"train": ("a", "b"), "test": ("c",)})
    >>> split.hash[:8]
    '500b5112'
    >>> Split("lgg", {"train": ("a", "b"), "test": ("b",)})
    Traceback (most recent call last):
        ...
    tumorscope.core.errors.BadSplit: patient b is in both train and test
    """

    dataset: str
    parts: Mapping[str, tuple[str, ...]]
    method: str = ""

    def __post_init__(self) -> None:
        seen: dict[str, str] = {}
        for part, patients in self.parts.items():
            for patient in patients:
                if patient in seen:
                    where = f"both {seen[patient]} and {part}" if seen[patient] != part else f"{part} twice"
                    raise BadSplit(f"patient {patient} is in {where}")
                seen[patient] = part

    def __getitem__(self, part: str) -> tuple[str, ...]:
        try:
            return self.parts[part]
        except KeyError:
            raise BadSplit(f"the split has no part {part!r}; it has {', '.join(self.parts)}") from None

    @property
    def hash(self) -> str:
        """SHA-256 of the parts, independent of the order of the patients."""
        canonical = {"dataset": self.dataset, "parts": {part: sorted(names) for part, names in self.parts.items()}}
        return hashlib.sha256(json.dumps(canonical, sort_keys=True).encode()).hexdigest()

    def fold(self, test: int) -> Split:
        """The split with fold ``test`` of ``fold0 … foldK`` to test, the next to validate, the others to train."""
        folds = [part for part in self.parts if part.startswith("fold")]
        if not 0 <= test < len(folds) or len(folds) < 3:
            raise BadSplit(f"fold {test} is not one of the {len(folds)} folds (at least 3 are needed)")
        validation = (test + 1) % len(folds)
        train = [patient for k, part in enumerate(folds) if k not in (test, validation) for patient in self.parts[part]]
        return Split(
            self.dataset,
            {
                "train": tuple(sorted(train)),
                "validation": self.parts[f"fold{validation}"],
                "test": self.parts[f"fold{test}"],
            },
            self.method,
        )

    def to_json(self) -> str:
        """The JSON that :meth:`load` reads, with the hash."""
        parts = {part: sorted(names) for part, names in self.parts.items()}
        method = {"method": self.method} if self.method else {}
        return json.dumps({"dataset": self.dataset, "hash": self.hash, **method, "parts": parts}, indent=1) + "\n"

    def save(self, path: Path) -> None:
        """Write :meth:`to_json` to a file."""
        path.write_text(self.to_json())

    @classmethod
    def load(cls, path: Path) -> Split:
        """Read what :meth:`save` wrote.

        Raises:
            BadSplit: the file is not a split, or its parts do not match its hash.
        """
        try:
            content = json.loads(path.read_text())
            parts = {part: tuple(names) for part, names in content["parts"].items()}
            split = cls(content["dataset"], parts, str(content.get("method", "")))
            stated = content["hash"]
        except OSError as error:
            raise BadSplit(f"{path}: cannot be read ({error.strerror})") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadSplit(f"{path}: not a split (JSON with dataset, hash and parts)") from error
        if stated != split.hash:
            raise BadSplit(f"{path}: the patients do not match its hash")
        return split


def stratified_parts(
    strata: Mapping[str, Sequence[object]], fractions: Mapping[str, float], seed: int
) -> dict[str, tuple[str, ...]]:
    """A stratified split of patients.

    Patients are sorted by their strata (shuffled within equal ones) and assigned one by one to
    the part that is furthest below its fraction.

    Args:
        strata: for each patient, the values to balance, the most important first.
        fractions: for each part its fraction of the patients; they add up to one.
        seed: makes the split reproducible.
    """
    chance = random.Random(seed)
    patients = sorted(strata)
    chance.shuffle(patients)
    patients.sort(key=lambda patient: tuple(str(value) for value in strata[patient]))
    assigned: dict[str, list[str]] = {part: [] for part in fractions}
    order = list(fractions)
    for count, patient in enumerate(patients, start=1):
        if len(set(fractions.values())) == 1 and (count - 1) % len(order) == 0:
            chance.shuffle(order)  # equal folds are filled in a new order each round
        part = max(order, key=lambda part: fractions[part] * count - len(assigned[part]))
        assigned[part].append(patient)
    return {part: tuple(sorted(names)) for part, names in assigned.items()}


def fill_empty_parts(parts: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The parts, each empty one with a patient of the largest, so that three patients suffice for three parts.

    >>> fill_empty_parts({"train": ("a", "b"), "validation": ("c",), "test": ()})
    {'train': ('a',), 'validation': ('c',), 'test': ('b',)}
    """
    filled = dict(parts)
    for part in parts:
        largest = max(filled, key=lambda name: len(filled[name]))
        if not filled[part] and len(filled[largest]) > 1:
            filled[part], filled[largest] = filled[largest][-1:], filled[largest][:-1]
    return filled


def equal_folds(strata: Mapping[str, Sequence[object]], count: int, seed: int) -> dict[str, tuple[str, ...]]:
    """``fold0 …``, ``count`` equal parts; see :func:`stratified_parts`."""
    return stratified_parts(strata, {f"fold{k}": 1 / count for k in range(count)}, seed)
