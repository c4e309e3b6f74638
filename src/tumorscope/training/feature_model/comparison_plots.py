"""Plots of the comparison, each as the bytes of a PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tumorscope.evaluation.drawing import new_figure, png
from tumorscope.measurement.radiomics import title_of
from tumorscope.training.feature_model.classifiers import TITLES

_BLUE, _GRAY, _DARK = "#1f6feb", "#8c959f", "#0a3069"
_SHOWN = 20


def draw_comparison(compared: Sequence[Mapping[str, Any]], types: Sequence[str]) -> bytes:
    """Accuracy, balanced accuracy, macro-F1 and each type's F1 of every model, with their intervals."""
    rows = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "macro_f1": "macro-F1"}
    rows |= {f"f1_{name}": f"F1, {name}" for name in types}
    colors = (_BLUE, "#bf8700", "#1a7f37", "#cf222e")
    figure = new_figure(6.4, 0.62 * len(rows) + 1.0)
    axes = figure.subplots()
    for number, one in enumerate(compared):
        values = np.array([one["metrics"][name]["value"] for name in rows])
        ends = np.array([one["metrics"][name]["ci95"] or (np.nan, np.nan) for name in rows]).T
        places = np.arange(len(rows)) + (number - (len(compared) - 1) / 2) * 0.17
        axes.errorbar(
            values,
            places,
            xerr=np.abs(ends - values),
            fmt="o",
            color=colors[number % 4],
            markersize=5,
            elinewidth=1.4,
            label=TITLES[one["model"]],
        )
    axes.set_yticks(range(len(rows)), list(rows.values()))
    axes.invert_yaxis()
    axes.set(xlabel="value, 95 % interval by bootstrap over patients")
    # Outside, where no interval can run under it.
    figure.legend(loc="outside upper center", ncols=len(compared), fontsize=8, frameon=False)
    return png(figure)


def draw_confusion(one: Mapping[str, Any], types: Sequence[str]) -> bytes:
    """True types by row and predictions by column: slices, with their fraction of the row as color."""
    counts = np.array(one["confusion"])
    if not counts[:, -1].any():
        counts = counts[:, :-1]
    predictions = [*types, "no segmentation"][: counts.shape[1]]
    share = counts / counts.sum(axis=1, keepdims=True)
    figure = new_figure(1.25 * len(predictions) + 1.6, 1.0 * len(types) + 1.5)
    axes = figure.subplots()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(counts):
        color = "white" if share[row, column] > 0.55 else "black"
        axes.text(
            column, row, f"{value:,}\n{share[row, column]:.1%}", ha="center", va="center", color=color, fontsize=10
        )
    axes.set_xticks(range(len(predictions)), predictions)
    axes.set_yticks(range(len(types)), types)
    axes.set(xlabel="prediction", ylabel="truth", title=f"{TITLES[one['model']]}, five folds by patient")
    axes.title.set_fontsize(10)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return png(figure, grid=False)


def draw_importance(
    of_families: Mapping[str, Sequence[float]], of_features: Mapping[str, Sequence[float]], model: str
) -> bytes:
    """Loss of balanced accuracy by shuffling, of families and of the twenty most important features; one dot per fold."""
    figure = new_figure(11.0, 5.4)
    left, right = figure.subplots(1, 2)
    for axes, losses, title in (
        (left, of_families, "whole families shuffled"),
        (right, {title_of(name): values for name, values in of_features.items()}, "single features shuffled"),
    ):
        shown = sorted(losses.items(), key=lambda item: -float(np.mean(item[1])))[:_SHOWN]
        places = np.arange(len(shown))
        axes.barh(places, [100 * float(np.mean(values)) for _, values in shown], color=_BLUE, alpha=0.55)
        for place, (_, values) in enumerate(shown):
            axes.plot(100 * np.array(values), np.full(len(values), place), ".", color=_DARK, markersize=4)
        axes.axvline(0, color=_GRAY, linewidth=0.8)
        axes.set_yticks(places, [name for name, _ in shown], fontsize=8)
        axes.invert_yaxis()
        axes.set(title=title, xlabel="loss of balanced accuracy, points")
        axes.title.set_fontsize(10)
    figure.suptitle(f"{TITLES[model]}: bars are means, dots the held-out folds", fontsize=10)
    return png(figure)
