"""How well classes are told apart, in images, each as the bytes of a PNG."""

from __future__ import annotations

import numpy as np

from tumorscope.evaluation import metrics
from tumorscope.evaluation.classes import class_confusion
from tumorscope.evaluation.drawing import (
    BLUE,
    RED,
    color,
    draw_calibration,
    draw_matrix,
    new_figure,
    png,
    prepare_unit_square,
)
from tumorscope.evaluation.rows import Evaluation, SliceRow

CLASS_PLOTS = ("class_confusion.png", "class_roc.png", "class_reliability.png", "class_coverage.png")
_MARKED = (0.5, 0.7, 0.9, 0.95, 0.99)
"""Confidences that the coverage curve names."""
_APART = 0.11


def draw_class_plots(evaluation: Evaluation) -> dict[str, bytes]:
    """The plots of an evaluation that evaluates classes, by file name; none of another."""
    if not evaluation.classes:
        return {}
    plots = {
        "class_confusion.png": draw_class_confusion(evaluation),
        "class_reliability.png": draw_class_reliability(evaluation),
        "class_coverage.png": draw_coverage(evaluation),
    }
    if len({row.true_class for row in evaluation.slices}) > 1:
        plots["class_roc.png"] = draw_class_roc(evaluation)
    return plots


def draw_class_confusion(evaluation: Evaluation) -> bytes:
    """True classes by row and what was said by column."""
    names = evaluation.classes
    truth = np.array([names.index(row.true_class or "") for row in evaluation.slices])
    said = np.array([names.index(row.predicted_class or "") for row in evaluation.slices])
    counts = class_confusion(truth, said, len(names))
    figure = new_figure(1.15 * len(names) + 1.6, 0.85 * int((counts.sum(axis=1) > 0).sum()) + 1.2)
    draw_matrix(figure.subplots(), counts, names)
    return png(figure, grid=False)


def draw_class_roc(evaluation: Evaluation) -> bytes:
    """One curve a class: its probability against all others."""
    figure = new_figure(4.8, 4.8)
    axes = figure.subplots()
    for place, name in enumerate(evaluation.classes):
        is_it, probability = of_class(evaluation.slices, name, place)
        if is_it.any() and not is_it.all():
            area = float(metrics.auroc(is_it, probability))
            axes.plot(*roc(is_it, probability), color=color(place), label=f"{name}, AUROC {area:.3f}")
    prepare_unit_square(axes, "share of the other classes' slices", "share of the class's slices")
    axes.legend(loc="lower right", fontsize=8)
    return png(figure)


def draw_class_reliability(evaluation: Evaluation) -> bytes:
    """How often the class that was said is right against how probable it was said to be."""
    right, confidence = predicted_and_right(evaluation.slices, evaluation.classes)
    return draw_calibration(
        right, confidence, "probability of the class that was said", "share of slices named rightly"
    )


def draw_coverage(evaluation: Evaluation) -> bytes:
    """How often the named slices are right when the least sure ones are left open."""
    coverage, accuracy, limit = coverage_and_accuracy(*predicted_and_right(evaluation.slices, evaluation.classes))
    figure = new_figure(5.0, 4.0)
    axes = figure.subplots()
    axes.plot(coverage, accuracy, color=BLUE)
    low = float(accuracy.min())
    last = 2.0
    for wanted in _MARKED:
        place = int((limit >= wanted).sum()) - 1
        if place < 0 or last - coverage[place] < _APART:  # its name would lie on the one before
            continue
        last = float(coverage[place])
        axes.plot(coverage[place], accuracy[place], "o", color=RED, markersize=5)
        axes.annotate(
            f"≥ {wanted:g}", (coverage[place], accuracy[place]), (4, 5), textcoords="offset points", fontsize=8
        )
    axes.set(
        xlabel="share of slices that are named",
        ylabel="share of those named rightly",
        xlim=(-0.03, 1.06),
        ylim=(low - 0.08 * (1 - low) - 0.002, 1 + 0.12 * (1 - low) + 0.003),
    )
    axes.set_title("dots: a slice is named from this confidence on", fontsize=9)
    return png(figure)


def of_class(slices: tuple[SliceRow, ...], name: str, place: int) -> tuple[np.ndarray, np.ndarray]:
    """Whether each slice is of a class, and the probability that it was given of being so."""
    is_it = np.array([row.true_class == name for row in slices])
    return is_it, np.array([row.class_probabilities[place] for row in slices])


def predicted_and_right(slices: tuple[SliceRow, ...], classes: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Whether the class that was said is right, and its probability, each ``(slice,)``."""
    right = np.array([row.predicted_class == row.true_class for row in slices])
    return right, np.array([row.class_probabilities[classes.index(row.predicted_class or "")] for row in slices])


def coverage_and_accuracy(right: np.ndarray, confidence: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For every confidence that occurs, from the highest: share of slices that reach it, how many of them are right, and it."""
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))  # equal confidences are named together
    named = last + 1
    return named / len(right), np.cumsum(right[order])[last] / named, ranked[last]


def roc(positive: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False alarms and finds over all thresholds."""
    from sklearn.metrics import roc_curve

    false_alarms, found, _ = roc_curve(positive, probability)
    return false_alarms, found
