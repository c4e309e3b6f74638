"""The evaluation in pictures, each as the bytes of a PNG."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from tumorscope.evaluation import metrics
from tumorscope.evaluation.evaluate import Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BLUE, _RED, _GREY = "#1f6feb", "#d1242f", "#8c959f"


def draw_plots(evaluation: Evaluation) -> dict[str, bytes]:
    """All plots that the evaluation has the figures for, by file name."""
    plots = {"roc.png": draw_roc(evaluation), "reliability.png": draw_reliability(evaluation)}
    if any(patient.dice is not None for patient in evaluation.patients):
        plots["dice.png"] = draw_dice(evaluation)
    if any(patient.predicted_px is not None for patient in evaluation.patients):
        plots["area.png"] = draw_area(evaluation)
        plots["bland_altman.png"] = draw_bland_altman(evaluation)
    return plots


def draw_dice(evaluation: Evaluation) -> bytes:
    """Dice of every patient, the worst first, above how much tumour each has."""
    patients = sorted((row for row in evaluation.patients if row.dice is not None), key=lambda row: row.dice or 0)
    figure = _figure(max(5.0, 0.28 * len(patients) + 1.5), 5.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    places = np.arange(len(patients))
    dices = np.array([row.dice for row in patients], float)
    upper.bar(places, dices, color=_BLUE, width=0.8)
    upper.axhline(dices.mean(), color=_RED, linewidth=1, label=f"mean {dices.mean():.3f}")
    upper.axhline(
        float(np.median(dices)), color=_GREY, linewidth=1, linestyle="--", label=f"median {np.median(dices):.3f}"
    )
    upper.set(ylabel="Dice of the whole patient", ylim=(0, 1))
    upper.legend(loc="upper left", fontsize=8)
    lower.bar(places, [max(row.true_px, 1) for row in patients], color=_GREY, width=0.8)
    lower.set(ylabel="tumour, px", yscale="log")
    lower.yaxis.minorticks_off()  # their labels would lie on each other
    lower.set_xticks(places, [row.case for row in patients], rotation=90, fontsize=6)
    return _png(figure)


def draw_roc(evaluation: Evaluation) -> bytes:
    """Sensitivity against false alarms over all presence thresholds, and where the bundle operates."""
    from sklearn.metrics import roc_curve

    present, probability = _presence(evaluation)
    figure = _figure(4.6, 4.6)
    axes = figure.subplots()
    if present.any() and not present.all():
        false_alarms, found, _ = roc_curve(present, probability)
        area = float(metrics.auroc(present, probability))
        axes.plot(false_alarms, found, color=_BLUE, label=f"AUROC {area:.3f}")
        counts = metrics.confusion(present, np.array([row.called for row in evaluation.slices]))
        axes.plot(
            1 - metrics.specificity(counts), metrics.sensitivity(counts), "o", color=_RED, label="operating point"
        )
        axes.legend(loc="lower right", fontsize=8)
    else:
        _say(axes, "slices of only one kind: no curve")
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=0.8, linestyle="--")
    axes.set(xlabel="1 − specificity (slices)", ylabel="sensitivity (slices)", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    return _png(figure)


def draw_reliability(evaluation: Evaluation) -> bytes:
    """How often there is a tumour against how probable it was said to be, and how many slices lie where."""
    present, probability = _presence(evaluation)
    bins = metrics.CALIBRATION_BINS
    held = metrics.calibration_bin(probability)
    counts = np.bincount(held, minlength=bins)
    filled = np.flatnonzero(counts)
    said = np.bincount(held, probability, bins)[filled] / counts[filled]
    true = np.bincount(held, present, bins)[filled] / counts[filled]
    figure = _figure(4.6, 5.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.plot([0, 1], [0, 1], color=_GREY, linewidth=0.8, linestyle="--")
    error = float(metrics.expected_calibration_error(present, probability))
    upper.plot(said, true, "o-", color=_BLUE, markersize=4, label=f"ECE {error:.3f}, {bins} bins")
    upper.set(ylabel="share of slices with tumour", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    upper.legend(loc="upper left", fontsize=8)
    lower.bar((np.arange(bins) + 0.5) / bins, np.maximum(counts, 0.5), width=0.9 / bins, color=_GREY)
    lower.set(xlabel="tumour probability", ylabel="slices", yscale="log", ylim=(0.5, None))
    return _png(figure)


def draw_area(evaluation: Evaluation) -> bytes:
    """Predicted against true tumour, one dot a patient."""
    true, predicted = _sizes(evaluation)
    figure = _figure(4.6, 4.6)
    axes = figure.subplots()
    top = 1.05 * max(1.0, true.max(), predicted.max())
    axes.plot([0, top], [0, top], color=_GREY, linewidth=0.8, linestyle="--")
    axes.plot(true, predicted, "o", color=_BLUE, markersize=4)
    axes.set(xlabel="true tumour, px (all slices)", ylabel="predicted, px", xlim=(0, top), ylim=(0, top))
    axes.locator_params(nbins=5)
    return _png(figure)


def draw_bland_altman(evaluation: Evaluation) -> bytes:
    """Difference against mean of predicted and true tumour (Bland and Altman 1986), one dot a patient."""
    true, predicted = _sizes(evaluation)
    difference, mean = predicted - true, (predicted + true) / 2
    figure = _figure(5.4, 4.2)
    axes = figure.subplots()
    axes.plot(mean, difference, "o", color=_BLUE, markersize=4)
    axes.axhline(difference.mean(), color=_RED, linewidth=1, label=f"mean {difference.mean():+,.0f} px")
    if len(difference) > 1:
        spread = 1.96 * difference.std(ddof=1)
        for edge, name in ((difference.mean() - spread, None), (difference.mean() + spread, "±1.96 SD")):
            axes.axhline(edge, color=_GREY, linewidth=1, linestyle="--", label=name)
    axes.set(xlabel="mean of predicted and true, px (all slices)", ylabel="predicted − true, px")
    axes.legend(fontsize=8)
    return _png(figure)


def _presence(evaluation: Evaluation) -> tuple[np.ndarray, np.ndarray]:
    present = np.array([row.present for row in evaluation.slices])
    return present, np.array([row.tumor_probability for row in evaluation.slices])


def _sizes(evaluation: Evaluation) -> tuple[np.ndarray, np.ndarray]:
    known = [row for row in evaluation.patients if row.predicted_px is not None]
    return np.array([row.true_px for row in known], float), np.array([row.predicted_px for row in known], float)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _say(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.6, text, ha="center", fontsize=9)


def _png(figure: Figure) -> bytes:
    for axes in figure.axes:
        axes.grid(alpha=0.3)
        axes.set_axisbelow(True)
    picture = io.BytesIO()
    # Without the software's version the same figures give the same bytes.
    figure.savefig(picture, format="png", dpi=120, metadata={"Software": None})
    return picture.getvalue()
