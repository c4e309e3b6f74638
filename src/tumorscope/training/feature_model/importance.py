"""Permutation importance of features and their families (Breiman 2001)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from sklearn.metrics import balanced_accuracy_score

from tumorscope.training.feature_model.crossvalidation import Evaluated
from tumorscope.training.feature_model.feature_table import FeatureTable

FAMILIES = {
    "shape2d": "shape",
    "stat": "intensity",
    "ih": "histogram",
    "cm": "GLCM",
    "rlm": "GLRLM",
    "szm": "GLSZM",
    "dzm": "GLDZM",
    "ngt": "NGTDM",
    "ngl": "NGLDM",
    "place": "place in the head",
    "head": "the head's form",
    "ring": "ring around",
}


def families(names: Sequence[str]) -> dict[str, list[str]]:
    """The features of each family, by its title; a feature without a family is its own."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        found[FAMILIES.get(name.partition("_")[0], name)].append(name)
    return dict(found)


def permutation_importance(
    evaluated: Evaluated,
    table: FeatureTable,
    groups: Mapping[str, Sequence[str]],
    repeats: int,
    seed: int = 0,
    progress: Callable[[str], object] = lambda group: None,
) -> dict[str, list[float]]:
    """Loss of balanced accuracy when a group of features is shuffled among the slices of a held-out fold.

    Features of one group are shuffled together, because redundant features hide each
    other's importance when one is shuffled alone.

    Args:
        evaluated: has the model of every fold.
        table: what it evaluated.
        groups: names of features by the group's title.
        repeats: shuffles per fold.
        seed: makes them repeatable.
        progress: called with each group that is done.

    Returns:
        By group, one mean loss per fold.
    """
    values, truth, names = table.values(), table.truth, table.names
    folds = {}
    for fold, model in evaluated.fitted.items():
        held = table.measured & (table.folds == fold)
        if held.any():
            folds[fold] = (model, held, balanced_accuracy_score(truth[held], model.predict(values[held])))
    losses: dict[str, list[float]] = {}
    for group, members in groups.items():
        columns = [names.index(member) for member in members]
        losses[group] = []
        for model, held, whole in folds.values():
            chance = np.random.default_rng(seed)
            # All shuffles of a fold go through the model at once; one by one they would take much longer.
            shuffled = np.tile(values[held], (repeats, 1, 1))
            for copy in shuffled:
                copy[:, columns] = copy[chance.permutation(len(copy))][:, columns]
            predictions = model.predict(shuffled.reshape(-1, len(names))).reshape(repeats, -1)
            scores = [balanced_accuracy_score(truth[held], one) for one in predictions]
            losses[group].append(float(whole - np.mean(scores)))
        progress(group)
    return losses
