"""Compartments: the named parts of a tumor that one network segments, each a channel of its mask output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from tumorscope.core.errors import TumorscopeError

WHOLE = "whole tumor"
"""The name of the union of all compartments where none of them contains the others (BraTS's name of it)."""


@dataclass(frozen=True)
class Compartment:
    """One compartment of several.

    Attributes:
        name: as the user named it.
        labels: of the masks that it was trained on, as numbers or names.
        inside: the smallest compartment that contains it; None for the whole, which contains all of them.
    """

    name: str
    labels: tuple[str, ...]
    inside: str | None = None


def compartments_of(groups: Mapping[str, Sequence[str]]) -> tuple[Compartment, ...]:
    """Groups of labels as compartments, the whole first and each after what contains it.

    Two groups are nested, as in BraTS's regions, or exclusive. Where no group contains all others, their union comes
    first as :data:`WHOLE`.

    >>> [(each.name, each.inside) for each in compartments_of({"core": ("1", "4"), "edema": ("2",)})]
    [('whole tumor', None), ('core', 'whole tumor'), ('edema', 'whole tumor')]
    >>> [(each.name, each.inside) for each in compartments_of({"b": ("4",), "all": ("1", "2", "4"), "a": ("1", "4")})]
    [('all', None), ('a', 'all'), ('b', 'a')]

    Args:
        groups: labels by name.

    Raises:
        TumorscopeError: two groups share labels and neither contains the other, or one has the name of their union.
    """
    require_nested_or_exclusive(groups)
    every = tuple(dict.fromkeys(label for labels in groups.values() for label in labels))
    ordered = sorted(groups.items(), key=lambda item: -len(set(item[1])))
    if set(ordered[0][1]) != set(every):
        if WHOLE in groups:
            raise TumorscopeError(
                f"{WHOLE} names {'+'.join(groups[WHOLE])} but is all labels together: {'+'.join(every)}"
            )
        ordered.insert(0, (WHOLE, every))
    found: list[Compartment] = []
    for name, labels in ordered:
        around = [each for each in found if set(labels) < set(each.labels)]
        found.append(Compartment(name, tuple(labels), around[-1].name if around else None))
    return tuple(found)


def require_nested_or_exclusive(groups: Mapping[str, Sequence[str]]) -> None:
    """Check that groups of labels are nested or share none.

    Raises:
        TumorscopeError: two share labels and neither contains the other, or both are the same.
    """
    named = [(name, set(labels)) for name, labels in groups.items()]
    for number, (name, labels) in enumerate(named):
        for other, others in named[:number]:
            if labels & others and not (labels < others or others < labels):
                shared = sorted(labels & others)[0]
                raise TumorscopeError(
                    f"label {shared} is in {other} and in {name}; groups are nested, as 1+2+4=whole,1+4=core, or share none"
                )


THRESHOLD = 0.5
"""The probability from which a voxel belongs to a compartment where none was chosen."""


def separate(
    whole: np.ndarray,
    probabilities: np.ndarray,
    compartments: Sequence[Compartment],
    thresholds: Mapping[str, float] = MappingProxyType({}),
) -> np.ndarray:
    """Masks of the compartments inside the whole: each within what contains it, and exclusive ones apart.

    Compartments that together are all of what contains them share its voxels by the larger probability, so that none
    is left over. Others begin at their thresholds; where several do, the likeliest has the voxel.

    Args:
        whole: boolean, of any shape.
        probabilities: of the compartments after the first, ``(compartment, …)``.
        compartments: from :func:`compartments_of`.
        thresholds: by name, else :data:`THRESHOLD`.

    Returns:
        Boolean ``(compartment, …)``, without the whole.
    """
    masks = {compartments[0].name: whole}
    for around in compartments:
        within = [index for index, each in enumerate(compartments) if each.inside == around.name]
        if not within:
            continue
        values = probabilities[[index - 1 for index in within]]
        possible = np.ones(values.shape, bool)
        if not fill(around, [compartments[index] for index in within]):
            for number, index in enumerate(within):
                possible[number] = values[number] >= thresholds.get(compartments[index].name, THRESHOLD)
        likeliest = np.where(possible, values, -1).argmax(axis=0)
        for number, index in enumerate(within):
            masks[compartments[index].name] = masks[around.name] & possible[number] & (likeliest == number)
    return np.stack([masks[each.name] for each in compartments[1:]])


def with_thresholds(compartments: Sequence[Compartment]) -> tuple[str, ...]:
    """The names of the compartments that begin at a threshold: those that leave a rest of what contains them."""
    names = set()
    for around in compartments:
        within = [each for each in compartments if each.inside == around.name]
        if not fill(around, within):
            names |= {each.name for each in within}
    return tuple(each.name for each in compartments if each.name in names)


def fill(around: Compartment, within: Sequence[Compartment]) -> bool:
    """Whether the compartments within another are together all of it."""
    return {label for each in within for label in each.labels} == set(around.labels)
