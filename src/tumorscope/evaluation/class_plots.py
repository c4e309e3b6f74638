"""Plots of classification metrics, each as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tumorscope.evaluation import metrics
from tumorscope.evaluation.class_metrics import class_confusion
from tumorscope.evaluation.drawing import (
    BLUE,
    RED,
    color,
    draw_calibration,
    draw_matrix,
    new_figure,
    prepare_unit_square,
    with_grid,
)
from tumorscope.evaluation.rows import Evaluation, SliceRow

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLASS_PLOTS = ("class_confusion.png", "class_roc.png", "class_reliability.png", "class_coverage.png")
_MARKED = (0.5, 0.7, 0.9, 0.95, 0.99)
"""Confidences that are labeled on the coverage curve."""
_LABEL_GAP = 0.11
_LEAST_SPAN = 0.05
"""Of the axis of accuracies, so that a difference of one slice in a thousand does not fill it."""
_RIGHT_EDGE = 0.92
"""Labels of points further right would leave the axes."""


def draw_class_plots(evaluation: Evaluation) -> dict[str, Figure]:
    """The plots of an evaluation with classes, by file name; none without classes."""
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


def draw_class_confusion(evaluation: Evaluation) -> Figure:
    """True classes by row and predicted classes by column."""
    names = evaluation.classes
    truth = np.array([names.index(row.true_class or "") for row in evaluation.slices])
    predicted = np.array([names.index(row.predicted_class or "") for row in evaluation.slices])
    counts = class_confusion(truth, predicted, len(names))
    figure = new_figure(1.15 * len(names) + 1.6, 0.85 * int((counts.sum(axis=1) > 0).sum()) + 1.2)
    draw_matrix(figure.subplots(), counts, names)
    return figure


def draw_class_roc(evaluation: Evaluation) -> Figure:
    """One ROC curve per class against all others."""
    figure = new_figure(4.8, 4.8)
    axes = figure.subplots()
    for index, name in enumerate(evaluation.classes):
        positive, probability = of_class(evaluation.slices, name, index)
        if positive.any() and not positive.all():
            area = float(metrics.auroc(positive, probability))
            axes.plot(*roc(positive, probability), color=color(index), label=f"{name}, AUROC {area:.3f}")
    prepare_unit_square(axes, "false-positive rate", "true-positive rate")
    axes.legend(loc="lower right", fontsize=8)
    return with_grid(figure)


def draw_class_reliability(evaluation: Evaluation) -> Figure:
    """Accuracy of the predicted class against its probability."""
    right, confidence = predicted_and_right(evaluation.slices, evaluation.classes)
    return draw_calibration(right, confidence, "probability of the predicted class", "accuracy")


def draw_coverage(evaluation: Evaluation) -> Figure:
    """Accuracy against coverage, the fraction of slices above a confidence."""
    from matplotlib.ticker import MaxNLocator

    coverage, accuracy, limit = coverage_and_accuracy(*predicted_and_right(evaluation.slices, evaluation.classes))
    figure = new_figure(5.0, 4.0)
    axes = figure.subplots()
    axes.plot(coverage, accuracy, color=BLUE)
    span = max(1 - float(accuracy.min()), _LEAST_SPAN)
    last = 2.0
    for wanted in _MARKED:
        index = int((limit >= wanted).sum()) - 1
        if index < 0 or last - coverage[index] < _LABEL_GAP:  # the labels would overlap
            continue
        last = float(coverage[index])
        axes.plot(coverage[index], accuracy[index], "o", color=RED, markersize=5)
        sign, side = (-1, "right") if last > _RIGHT_EDGE else (1, "left")
        axes.annotate(
            f"≥ {wanted:g}", (last, accuracy[index]), (4 * sign, 5), textcoords="offset points", fontsize=8, ha=side
        )
    axes.set(
        xlabel="fraction of slices whose class is named",
        ylabel="accuracy of the named classes",
        xlim=(-0.03, 1.06),
        yticks=[tick for tick in MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(1 - span, 1) if tick <= 1],
        ylim=(1 - 1.08 * span, 1 + 0.14 * span),
    )
    axes.set_title("dots: lowest confidence of a named class", fontsize=9)
    return with_grid(figure)


def of_class(slices: tuple[SliceRow, ...], name: str, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Whether each slice is of a class, and its predicted probability of that class."""
    positive = np.array([row.true_class == name for row in slices])
    return positive, np.array([row.class_probabilities[index] for row in slices])


def predicted_and_right(slices: tuple[SliceRow, ...], classes: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Whether the predicted class is right, and its probability, each ``(slice,)``."""
    right = np.array([row.predicted_class == row.true_class for row in slices])
    return right, np.array([row.class_probabilities[classes.index(row.predicted_class or "")] for row in slices])


def coverage_and_accuracy(right: np.ndarray, confidence: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coverage, accuracy and confidence for every confidence that occurs, in decreasing order."""
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))  # slices of equal confidence have one point
    named = last + 1
    return named / len(right), np.cumsum(right[order])[last] / named, ranked[last]


def roc(positive: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False-positive and true-positive rates over all thresholds."""
    from sklearn.metrics import roc_curve

    false_positive_rate, true_positive_rate, _ = roc_curve(positive, probability)
    return false_positive_rate, true_positive_rate
