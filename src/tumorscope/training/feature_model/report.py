"""The comparison as a table for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tumorscope.features_recipe import FeaturesRecipe
from tumorscope.measuring.features import title_of
from tumorscope.notice import NOTICE
from tumorscope.training.feature_model.models import TITLES


def markdown(
    recipe: FeaturesRecipe,
    compared: Sequence[Mapping[str, Any]],
    best: Mapping[str, Any],
    types: Sequence[str],
    importance: Mapping[str, Mapping[str, Sequence[float]]],
    pictures: Sequence[str],
    without_fold: int | None = None,
) -> str:
    """Figures of every model, the best one's by type, and what it rests on."""
    one = compared[0]
    lines = [
        f"# {recipe.title}",
        "",
        f"{one['slices']:,} slices of {one['patients']} patients ({recipe.dataset}), {recipe.masks} masks, the "
        f"publisher's {_folds(one)}: every slice is judged by a model that never saw its patient. 95 % intervals by "
        "bootstrap over patients. A patient is right if the mean over all its slices is."
        + (" The outlines are the publisher's: with a network's own, expect less." if recipe.masks == "true" else "")
        + (f" {one['without_outline']} slices without an outline count as wrong." if one["without_outline"] else ""),
        "",
        "| model | accuracy | balanced accuracy | macro-F1 | patients right |",
        "|---|---|---|---|---|",
    ]
    for model in compared:
        figures = [_figure(model["figures"][name]) for name in ("accuracy", "balanced_accuracy", "macro_f1")]
        lines.append(f"| {TITLES[model['model']]} | {' | '.join(figures)} | {model['patient_accuracy']:.3f} |")
    lines += [
        "",
        f"The best by balanced accuracy, {TITLES[best['model']]}, is exported, fitted to "
        + ("all slices" if without_fold is None else f"the slices outside the publisher's fold {without_fold}")
        + "."
        + (" It was chosen with these same folds, so its figures flatter it a little." if len(compared) > 1 else ""),
        "",
        "| type | precision | recall | F1 |",
        "|---|---|---|---|",
    ]
    for name in types:
        figures = [_figure(best["figures"][f"{what}_{name}"]) for what in ("precision", "recall", "f1")]
        lines.append(f"| {name} | {' | '.join(figures)} |")
    lines += ["", "| shuffled family | loss of balanced accuracy, points |", "|---|---|"]
    lines += [f"| {name} | {100 * float(np.mean(values)):.1f} |" for name, values in _ranked(importance["families"])]
    lines += ["", "| shuffled feature | loss, points |", "|---|---|"]
    lines += [
        f"| {title_of(name)} (`{name}`) | {100 * float(np.mean(values)):.1f} |"
        for name, values in _ranked(importance["features"])[:10]
    ]
    lines += ["", *(f"![{name.partition('.')[0].replace('_', ' ')}]({name})" for name in pictures), "", NOTICE, ""]
    return "\n".join(lines)


def _ranked(losses: Mapping[str, Sequence[float]]) -> list[tuple[str, Sequence[float]]]:
    return sorted(losses.items(), key=lambda item: -float(np.mean(item[1])))


def _figure(figure: Mapping[str, Any]) -> str:
    low, high = figure["ci95"] or (float("nan"), float("nan"))
    return f"{figure['value']:.3f} ({low:.3f} to {high:.3f})"


def _folds(figures: Mapping[str, Any]) -> str:
    """Which of the publisher's folds the figures are of."""
    folds = list(figures["fold_accuracy"])
    return "folds" if len(folds) > 1 else f"fold {folds[0]}"
