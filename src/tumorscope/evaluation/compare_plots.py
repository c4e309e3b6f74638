"""Plots of several runs in one figure, each as the bytes of a PNG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tumorscope.evaluation import metrics
from tumorscope.evaluation.class_plots import of_class, predicted_and_right, roc
from tumorscope.evaluation.compare_runs import ComparedRun, Evaluated
from tumorscope.evaluation.drawing import (
    calibration_points,
    color,
    draw_matrix,
    new_figure,
    png,
    prepare_unit_square,
)
from tumorscope.evaluation.metric_list import list_metrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COMPARE_PLOTS = (
    "forest.png",
    "curves.png",
    "roc.png",
    "reliability.png",
    "confusion.png",
    "class_roc.png",
    "class_reliability.png",
    "class_confusion.png",
    "class_bars.png",
)
"""All plots, in the order of the report."""
_FOREST = (
    "patient_dice",
    "tumor_slice_dice",
    "empty_slice_false_positive_rate",
    "classes.accuracy",
    "classes.balanced_accuracy",
    "classes.macro_f1",
    "classes.ece",
    "presence.auroc",
    "presence.accuracy",
    "presence.balanced_accuracy",
    "presence.sensitivity",
    "presence.specificity",
    "presence.ece",
)
_VALIDATION = {
    "dice": "validation Dice",
    "macro_f1": "validation macro-F1",
    "accuracy": "validation accuracy",
    "auroc": "validation AUROC, presence",
    "score": "validation score",
}
_COLUMNS = 3
_Named = Sequence[tuple[int, str, Evaluated]]
"""The run's index, which sets its color, its name, and its evaluation."""


def draw_comparison(runs: Sequence[ComparedRun]) -> dict[str, bytes]:
    """All plots for which at least one run has data, by file name."""
    evaluated = [(index, run.name, run.evaluated) for index, run in enumerate(runs) if run.evaluated is not None]
    both = [item for item in evaluated if 0 < sum(row.present for row in item[2].slices) < len(item[2].slices)]
    classed = [item for item in evaluated if item[2].classes]
    plots: dict[str, bytes] = {}
    if evaluated and (forest := draw_forest(evaluated)):
        plots["forest.png"] = forest
    if any(run.trained is not None for run in runs):
        plots["curves.png"] = draw_curves(runs)
    if both:
        plots |= {
            "roc.png": draw_roc(both),
            "reliability.png": draw_reliability(both),
            "confusion.png": draw_confusion(both),
        }
    if classed:
        plots |= {
            "class_roc.png": draw_class_roc(classed),
            "class_reliability.png": draw_class_reliability(classed),
            "class_confusion.png": draw_class_confusion(classed),
            "class_bars.png": draw_class_bars(classed),
        }
    return {name: plots[name] for name in COMPARE_PLOTS if name in plots}


def draw_forest(evaluated: _Named) -> bytes | None:
    """The main metrics, one dot per run with its 95 % interval; metrics to maximize apart from those to minimize."""
    by_run = [{metric.name: metric for metric in list_metrics(run.content)} for _, _, run in evaluated]
    known = [next((own[name] for own in by_run if name in own), None) for name in _FOREST]
    panels = [[metric for metric in known if metric and metric.lower_is_better == low] for low in (False, True)]
    panels = [panel for panel in panels if panel]
    if not panels:
        return None
    rows = [len(panel) * (0.17 * len(evaluated) + 0.22) for panel in panels]
    figure = new_figure(7.2, sum(rows) + 0.75 * len(panels) + 0.3 * len(evaluated) / _COLUMNS + 0.3)
    several = figure.subplots(len(panels), 1, height_ratios=rows, squeeze=False)[:, 0]
    for axes, panel in zip(several, panels, strict=True):
        for number, ((index, _, _), own) in enumerate(zip(evaluated, by_run, strict=True)):
            values = np.array([own[metric.name].value if metric.name in own else np.nan for metric in panel])
            pairs = [own[metric.name].ci95 if metric.name in own else None for metric in panel]
            ends = np.array([pair or (np.nan, np.nan) for pair in pairs]).T
            axes.errorbar(
                values,
                np.arange(len(panel)) + _offset(number, len(evaluated)),
                xerr=np.clip(
                    np.stack([values - ends[0], ends[1] - values]), 0, None
                ),  # rounding may put the value outside
                fmt="o",
                color=color(index),
                markersize=5,
                elinewidth=1.5,
            )
        axes.set_yticks(range(len(panel)), [metric.title for metric in panel], fontsize=9)
        axes.set_ylim(len(panel) - 0.5, -0.5)
        for edge in range(1, len(panel)):
            axes.axhline(edge - 0.5, color="#d0d7de", linewidth=0.6)
        axes.set_title("lower is better" if panel[0].lower_is_better else "higher is better", fontsize=9, loc="left")
    several[-1].set_xlabel("value, 95 % interval by bootstrap over patients")
    _legend(figure, [(index, name) for index, name, _ in evaluated])
    return png(figure)


def draw_curves(runs: Sequence[ComparedRun]) -> bytes:
    """Loss and validation metrics of all trainings over their epochs."""
    from matplotlib.ticker import MaxNLocator

    trained = [(index, run.name, run.trained) for index, run in enumerate(runs) if run.trained is not None]
    longest = max((epoch for _, _, run in trained for points in run.curves.values() for epoch, _ in points), default=0)
    panels = {"train/loss": "training loss"}
    for name, title in _VALIDATION.items():
        if any(f"validation/{name}" in run.curves for _, _, run in trained):
            panels[f"validation/{name}"] = title
    columns = min(_COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    figure = new_figure(3.9 * columns, 2.9 * rows + 0.3 + 0.2 * len(trained) / _COLUMNS)
    several = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (name, title) in zip(several, panels.items(), strict=False):
        for index, _, run in trained:
            points = run.curves.get(name)
            if points:
                style = "o-" if len(points) < 12 else "-"
                axes.plot(*zip(*points, strict=True), style, markersize=3, color=color(index), linewidth=1.3)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("epoch", fontsize=9)
        axes.set_xlim(-0.02 * longest - 0.4, 1.02 * longest + 0.4)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    for axes in several[len(panels) :]:
        axes.remove()
    _legend(figure, [(index, name) for index, name, _ in trained])
    return png(figure)


def draw_roc(evaluated: _Named) -> bytes:
    """Presence: sensitivity against false alarms, and where each bundle operates."""
    figure = new_figure(5.2, 5.2)
    axes = figure.subplots()
    for index, name, run in evaluated:
        present, probability = _presence(run)
        area = float(metrics.auroc(present, probability))
        axes.plot(*roc(present, probability), color=color(index), label=f"{name}, AUROC {area:.3f}")
        counts = metrics.confusion(present, np.array([row.positive for row in run.slices]))
        axes.plot(1 - metrics.specificity(counts), metrics.sensitivity(counts), "o", color=color(index))
    prepare_unit_square(axes, "1 − specificity (slices)", "sensitivity (slices)")
    axes.legend(loc="lower right", fontsize=8, title="dots: operating points", title_fontsize=8)
    return png(figure)


def draw_class_roc(evaluated: _Named) -> bytes:
    """Classes: the mean over classes of each run's curve against all others."""
    grid = np.linspace(0, 1, 501)
    figure = new_figure(5.2, 5.2)
    axes = figure.subplots()
    for index, name, run in evaluated:
        curves, areas = [], []
        for number, kind in enumerate(run.classes):
            is_it, probability = of_class(run.slices, kind, number)
            if is_it.any() and not is_it.all():
                curves.append(np.interp(grid, *roc(is_it, probability)))
                areas.append(float(metrics.auroc(is_it, probability)))
        if curves:
            found = np.concatenate([[0.0], np.mean(curves, axis=0)])
            label = f"{name}, mean AUROC {np.mean(areas):.3f}"
            axes.plot(np.concatenate([[0.0], grid]), found, color=color(index), label=label)
    prepare_unit_square(axes, "share of the other classes' slices", "share of the class's slices")
    axes.legend(
        loc="lower right", fontsize=8, title="each class against the others, mean over classes", title_fontsize=8
    )
    return png(figure)


def draw_reliability(evaluated: _Named) -> bytes:
    """Presence: the observed frequency of tumors against their predicted probability."""
    points = [(index, name, *_presence(run)) for index, name, run in evaluated]
    return _draw_reliability(points, "tumor probability", "share of slices with tumor")


def draw_class_reliability(evaluated: _Named) -> bytes:
    """Classes: the accuracy of the predicted class against its probability."""
    points = [(index, name, *predicted_and_right(run.slices, run.classes)) for index, name, run in evaluated]
    return _draw_reliability(points, "probability of the predicted class", "accuracy")


def draw_confusion(evaluated: _Named) -> bytes:
    """Confusion matrix of presence, one per run."""
    found = [
        (name, np.array(run.content["presence"]["confusion"]), ("no tumor", "tumor")) for _, name, run in evaluated
    ]
    return _draw_matrices(found)


def draw_class_confusion(evaluated: _Named) -> bytes:
    """Confusion matrix of the classes, one per run."""
    return _draw_matrices(
        [(name, np.array(run.content["classes"]["confusion"]), run.classes) for _, name, run in evaluated]
    )


def draw_class_bars(evaluated: _Named) -> bytes:
    """Precision, recall and F1 of each class, one bar per run with its 95 % interval."""
    names = list(dict.fromkeys(name for _, _, run in evaluated for name in run.classes))
    width = 0.8 / len(evaluated)
    figure = new_figure(max(4.0, len(names) * (0.34 * len(evaluated) + 0.5) + 1.2), 7.6)
    several = figure.subplots(3, 1, sharex=True)
    for axes, (key, title) in zip(
        several, {"precision": "precision", "recall": "recall", "f1": "F1"}.items(), strict=True
    ):
        for number, (index, _, run) in enumerate(evaluated):
            metrics = [run.content["classes"]["of_class"].get(name, {}).get(key) or {} for name in names]
            values = np.array([figure_.get("value") for figure_ in metrics], float)
            ends = np.array([figure_.get("ci95") or (np.nan, np.nan) for figure_ in metrics], float)
            axes.bar(
                np.arange(len(names)) + (number - (len(evaluated) - 1) / 2) * width,
                values,
                0.9 * width,
                yerr=np.clip(np.stack([values - ends[:, 0], ends[:, 1] - values]), 0, None),
                color=color(index),
                error_kw={"elinewidth": 1, "ecolor": "#24292f"},
            )
        axes.set(ylabel=title, ylim=(0, 1.02))
        axes.set_xticks(range(len(names)), names)
    _legend(figure, [(index, name) for index, name, _ in evaluated])
    return png(figure)


def _draw_reliability(points: Sequence[tuple[int, str, np.ndarray, np.ndarray]], xlabel: str, ylabel: str) -> bytes:
    figure = new_figure(5.2, 5.2 + 0.2 * len(points) / _COLUMNS)
    axes = figure.subplots()
    labels: list[tuple[int, str]] = []
    for index, name, outcome, probability in points:
        predicted, observed, _ = calibration_points(outcome, probability)
        error = float(metrics.expected_calibration_error(outcome, probability))
        axes.plot(predicted, observed, "o-", color=color(index), markersize=4)
        labels.append((index, f"{name}, ECE {error:.3f}"))
    prepare_unit_square(axes, xlabel, ylabel)
    _legend(figure, labels)
    return png(figure)


def _draw_matrices(found: Sequence[tuple[str, np.ndarray, Sequence[str]]]) -> bytes:
    columns = min(_COLUMNS, len(found))
    rows = -(-len(found) // columns)
    most = max(len(names) for _, _, names in found)
    figure = new_figure((1.0 * most + 1.1) * columns + 0.4, (0.8 * most + 1.0) * rows)
    several = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (name, counts, names) in zip(several, found, strict=False):
        draw_matrix(axes, counts, names, name)
    for axes in several[len(found) :]:
        axes.remove()
    return png(figure, grid=False)


def _presence(run: Evaluated) -> tuple[np.ndarray, np.ndarray]:
    return np.array([row.present for row in run.slices]), np.array([row.tumor_probability for row in run.slices])


def _offset(number: int, of: int) -> float:
    """The vertical offset of one run's dot within a row."""
    return (number - (of - 1) / 2) * min(0.2, 0.7 / of)


def _legend(figure: Figure, runs: Sequence[tuple[int, str]]) -> None:
    """The legend of the runs, above the axes."""
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color=color(index), marker="o", markersize=4, label=name) for index, name in runs]
    figure.legend(handles=lines, loc="outside upper center", ncols=min(_COLUMNS, len(lines)), fontsize=8, frameon=False)
