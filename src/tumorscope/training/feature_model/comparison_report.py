"""The comparison as a Markdown report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tumorscope.core.notice import NOTICE
from tumorscope.measurement.radiomics import title_of
from tumorscope.recipes.radiomics import FeaturesRecipe
from tumorscope.training.feature_model.classifiers import TITLES


def markdown(
    recipe: FeaturesRecipe,
    compared: Sequence[Mapping[str, Any]],
    best: Mapping[str, Any],
    types: Sequence[str],
    importance: Mapping[str, Mapping[str, Sequence[float]]],
    images: Sequence[str],
    without_fold: int | None = None,
) -> str:
    """Metrics of every model, those of the best by type, and its feature importance."""
    one = compared[0]
    lines = [
        f"# {recipe.title}",
        "",
        f"{one['slices']:,} slices of {one['patients']} patients ({recipe.dataset}), {recipe.masks} masks, the "
        f"publisher's {_folds(one)}: every slice is evaluated by a model that never saw its patient. 95 % intervals by "
        "bootstrap over patients. A patient is right if the mean over all its slices is."
        + (
            " The segmentations are the publisher's: with a network's own, expect less."
            if recipe.masks == "true"
            else ""
        )
        + (
            f" {one['without_segmentation']} slices without a segmentation count as wrong."
            if one["without_segmentation"]
            else ""
        ),
        "",
        "| model | accuracy | balanced accuracy | macro-F1 | patients right |",
        "|---|---|---|---|---|",
    ]
    for model in compared:
        metrics = [_figure(model["metrics"][name]) for name in ("accuracy", "balanced_accuracy", "macro_f1")]
        lines.append(f"| {TITLES[model['model']]} | {' | '.join(metrics)} | {model['patient_accuracy']:.3f} |")
    lines += [
        "",
        f"The best by balanced accuracy, {TITLES[best['model']]}, is exported, fitted to "
        + ("all slices" if without_fold is None else f"the slices outside the publisher's fold {without_fold}")
        + "."
        + (
            " It was chosen with these same folds, so its metrics are slightly optimistic." if len(compared) > 1 else ""
        ),
        "",
        "| type | precision | recall | F1 |",
        "|---|---|---|---|",
    ]
    for name in types:
        metrics = [_figure(best["metrics"][f"{what}_{name}"]) for what in ("precision", "recall", "f1")]
        lines.append(f"| {name} | {' | '.join(metrics)} |")
    lines += ["", "| shuffled family | loss of balanced accuracy, points |", "|---|---|"]
    lines += [f"| {name} | {100 * float(np.mean(values)):.1f} |" for name, values in _ranked(importance["families"])]
    lines += ["", "| shuffled feature | loss, points |", "|---|---|"]
    lines += [
        f"| {title_of(name)} (`{name}`) | {100 * float(np.mean(values)):.1f} |"
        for name, values in _ranked(importance["features"])[:10]
    ]
    lines += ["", *(f"![{name.partition('.')[0].replace('_', ' ')}]({name})" for name in images), "", NOTICE, ""]
    return "\n".join(lines)


def _ranked(losses: Mapping[str, Sequence[float]]) -> list[tuple[str, Sequence[float]]]:
    return sorted(losses.items(), key=lambda item: -float(np.mean(item[1])))


def _figure(figure: Mapping[str, Any]) -> str:
    low, high = figure["ci95"] or (float("nan"), float("nan"))
    return f"{figure['value']:.3f} ({low:.3f} to {high:.3f})"


def _folds(metrics: Mapping[str, Any]) -> str:
    """The publisher's folds of the metrics."""
    folds = list(metrics["fold_accuracy"])
    return "folds" if len(folds) > 1 else f"fold {folds[0]}"
