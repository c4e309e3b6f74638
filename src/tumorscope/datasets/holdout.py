"""A test part of a stated fraction of the patients, of any data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tumorscope.core.errors import BadSplit
from tumorscope.datasets.combined import PARTS, CombinedDataset
from tumorscope.datasets.labeled import ImageCase, LabeledCase, LabeledDataset
from tumorscope.datasets.split import Split, fill_empty_parts, stratified_parts
from tumorscope.datasets.stratified import StratifiedDataset

_VALIDATION = 0.15
"""Fraction of the patients outside the test part."""


def holdout_split(dataset: LabeledDataset, fraction: float, seed: int = 0) -> Split:
    """A split whose test part is a fraction of the patients, instead of the data set's own.

    Persons with several patient codes stay together. Of the other patients 15 % validate.

    Args:
        dataset: one, or several as one, each of which is divided.
        fraction: of the patients to test on.
        seed: makes the split reproducible.

    Raises:
        BadSplit: there are fewer than three patients.
    """
    if isinstance(dataset, CombinedDataset):
        splits = {name: holdout_split(each, fraction, seed) for name, each in dataset.datasets.items()}
        parts = {part: tuple(f"{name}/{one}" for name, own in splits.items() for one in own[part]) for part in PARTS}
        return Split(dataset.name, parts, "; ".join(f"{name}: {own.method}" for name, own in splits.items()))
    patients: dict[str, dict[str, None]] = {}
    for case in dataset.cases:
        patients.setdefault(_person(case), {})[case.patient] = None
    require_patients(dataset.root, len(patients), getattr(dataset, "grouping", ""))
    strata = dataset.strata() if isinstance(dataset, StratifiedDataset) else _classes(dataset)
    fractions = {"train": (1 - fraction) * (1 - _VALIDATION), "validation": (1 - fraction) * _VALIDATION}
    values = {person: strata[next(iter(codes))] for person, codes in patients.items()}
    drawn = fill_empty_parts(stratified_parts(values, {**fractions, "test": fraction}, seed))
    parts = {
        part: tuple(sorted(one for person in people for one in patients[person])) for part, people in drawn.items()
    }
    grouping = getattr(dataset, "grouping", "") or "by patient"
    return Split(dataset.name, parts, f"{grouping}; {100 * fraction:g} % to test; {part_sizes(parts)}")


def require_patients(root: Path, patients: int, grouping: str = "") -> None:
    """Check that there is a patient for each part.

    Args:
        root: of the data set.
        patients: their number.
        grouping: how they are known, in words; empty for published data.

    Raises:
        BadSplit: there are fewer.
    """
    if patients < len(PARTS):
        known = f" ({grouping})" if grouping else ""
        advice = ", or state them with --patients FILE" if grouping else ""
        raise BadSplit(
            f"{root}: {patients} patient{'' if patients == 1 else 's'}{known}, and training, validation and test need "
            f"one each; add patients{advice}"
        )


def part_sizes(parts: Mapping[str, Sequence[str]]) -> str:
    """``train 8, validation 1, test 3``."""
    return ", ".join(f"{part} {len(names):,}" for part, names in parts.items())


def _person(case: LabeledCase) -> str:
    return getattr(case, "person", None) or case.patient  # not by protocol, which would read each label


def _classes(dataset: LabeledDataset) -> dict[str, tuple[str, ...]]:
    classes: dict[str, set[str]] = {}
    for case in dataset.cases:
        classes.setdefault(case.patient, set()).add(case.label if isinstance(case, ImageCase) else "")
    return {patient: tuple(sorted(names)) for patient, names in classes.items()}
