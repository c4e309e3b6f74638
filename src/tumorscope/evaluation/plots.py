"""Plots of an evaluation, each as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tumorscope.evaluation import metrics
from tumorscope.evaluation.class_plots import CLASS_PLOTS, draw_class_plots, roc
from tumorscope.evaluation.drawing import (
    BLUE,
    GRAY,
    RED,
    draw_calibration,
    new_figure,
    png,
    prepare_unit_square,
    with_grid,
)
from tumorscope.evaluation.rows import CaseRow, Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLOTS = (
    "dice.png",
    *CLASS_PLOTS,
    "roc.png",
    "reliability.png",
    "area.png",
    "bland_altman.png",
    "activation.png",
)
"""All plots, in the order of the report."""
_MOST_BARS = 60
"""With more cases, their names would not be legible."""


def draw_plots(evaluation: Evaluation) -> dict[str, bytes]:
    """All plots for which the evaluation has data, as PNG by file name."""
    return {name: png(figure, grid=False) for name, figure in draw_figures(evaluation).items()}


def draw_figures(evaluation: Evaluation) -> dict[str, Figure]:
    """All plots for which the evaluation has data, by file name."""
    plots = draw_class_plots(evaluation)
    present = _presence(evaluation)[0]
    if present.any() and not present.all():
        plots |= {"roc.png": draw_roc(evaluation), "reliability.png": draw_reliability(evaluation)}
    if any(case.dice is not None for case in evaluation.cases):
        plots["dice.png"] = draw_dice(evaluation)
    if len(_sizes(evaluation)[0]):
        plots["area.png"] = draw_area(evaluation)
        plots["bland_altman.png"] = draw_bland_altman(evaluation)
    if any(row.saliency_inside_mask is not None for row in evaluation.slices):
        plots["activation.png"] = draw_activation(evaluation)
    return {name: plots[name] for name in PLOTS if name in plots}


def draw_dice(evaluation: Evaluation) -> Figure:
    """Dice and tumor size of every case: bars by name for few cases, otherwise a histogram and a scatter plot."""
    cases = sorted((row for row in evaluation.cases if row.dice is not None), key=lambda row: row.dice or 0)
    return _draw_dice_bars(cases) if len(cases) <= _MOST_BARS else _draw_dice_scatter(cases)


def _draw_dice_bars(cases: list[CaseRow]) -> Figure:
    figure = new_figure(max(5.0, 0.28 * len(cases) + 1.5), 5.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    positions = np.arange(len(cases))
    dices = np.array([row.dice for row in cases], float)
    upper.bar(positions, dices, color=BLUE, width=0.8)
    upper.axhline(dices.mean(), color=RED, linewidth=1, label=f"mean {dices.mean():.3f}")
    upper.axhline(
        float(np.median(dices)), color=GRAY, linewidth=1, linestyle="--", label=f"median {np.median(dices):.3f}"
    )
    upper.set(ylabel="Dice of the whole case", ylim=(0, 1))
    figure.legend(loc="outside upper center", ncols=2, fontsize=8, frameon=False)
    true = np.array([max(row.true_px or 0, 1) for row in cases])
    lower.bar(positions, true, color=GRAY, width=0.8)
    decades = 10.0 ** np.floor(np.log10(true.min())), 10.0 ** np.ceil(np.log10(true.max() + 1))
    lower.set(ylabel="tumor, px", yscale="log", ylim=decades)
    lower.yaxis.minorticks_off()  # their labels would overlap
    lower.set_xticks(positions, [row.case for row in cases], rotation=90, fontsize=6)
    return with_grid(figure)


def _draw_dice_scatter(cases: list[CaseRow]) -> Figure:
    dices = np.array([row.dice for row in cases], float)
    true = np.array([max(row.true_px or 0, 1) for row in cases])
    figure = new_figure(8.4, 3.9)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1, 2))
    left.hist(dices, bins=np.linspace(0, 1, 26).tolist(), orientation="horizontal", color=BLUE)
    left.axhline(dices.mean(), color=RED, linewidth=1, label=f"mean {dices.mean():.3f}")
    left.axhline(
        float(np.median(dices)), color=GRAY, linewidth=1.2, linestyle="--", label=f"median {np.median(dices):.3f}"
    )
    left.set(xlabel="cases", ylabel="Dice of the case", ylim=(-0.02, 1.02))
    left.legend(loc="lower right", fontsize=8)
    right.plot(true, dices, "o", color=BLUE, markersize=3, alpha=0.5, markeredgewidth=0)
    right.set(xlabel="true tumor, px", xscale="log")
    return with_grid(figure)


def draw_roc(evaluation: Evaluation) -> Figure:
    """ROC curve of presence, with the bundle's operating point."""
    present, probability = _presence(evaluation)
    figure = new_figure(4.6, 4.6)
    axes = figure.subplots()
    area = float(metrics.auroc(present, probability))
    axes.plot(*roc(present, probability), color=BLUE, label=f"AUROC {area:.3f}")
    counts = metrics.confusion(present, np.array([row.positive for row in evaluation.slices]))
    axes.plot(1 - metrics.specificity(counts), metrics.sensitivity(counts), "o", color=RED, label="operating point")
    prepare_unit_square(axes, "1 − specificity (slices)", "sensitivity (slices)")
    axes.legend(loc="lower right", fontsize=8)
    return with_grid(figure)


def draw_reliability(evaluation: Evaluation) -> Figure:
    """Reliability diagram of presence, with a histogram of the slices."""
    return draw_calibration(*_presence(evaluation), "tumor probability", "fraction of slices with tumor")


def draw_area(evaluation: Evaluation) -> Figure:
    """Predicted against true tumor size, one dot per case."""
    true, predicted = _sizes(evaluation)
    figure = new_figure(4.6, 4.6)
    axes = figure.subplots()
    top = 1.05 * max(1.0, true.max(), predicted.max())
    axes.plot([0, top], [0, top], color=GRAY, linewidth=0.8, linestyle="--")
    _dots(axes, true, predicted)
    axes.set(xlabel="true tumor, px (all slices)", ylabel="predicted, px", xlim=(0, top), ylim=(0, top))
    axes.locator_params(nbins=5)
    return with_grid(figure)


def draw_bland_altman(evaluation: Evaluation) -> Figure:
    """Difference against mean of predicted and true tumor (Bland and Altman 1986), one dot a case."""
    true, predicted = _sizes(evaluation)
    difference, mean = predicted - true, (predicted + true) / 2
    figure = new_figure(5.4, 4.2)
    axes = figure.subplots()
    _dots(axes, mean, difference)
    axes.axhline(difference.mean(), color=RED, linewidth=1, label=f"mean {difference.mean():+,.0f} px")
    if len(difference) > 1:
        spread = 1.96 * difference.std(ddof=1)
        for edge, name in ((difference.mean() - spread, None), (difference.mean() + spread, "±1.96 SD")):
            axes.axhline(edge, color=GRAY, linewidth=1, linestyle="--", label=name)
    axes.set(xlabel="mean of predicted and true, px (all slices)", ylabel="predicted − true, px")
    axes.legend(fontsize=8)
    return with_grid(figure)


def draw_activation(evaluation: Evaluation) -> Figure:
    """Fraction of each slice's activation map inside the mask against the fraction of the image that it covers."""
    known = [row for row in evaluation.slices if row.saliency_inside_mask is not None and row.mask_share is not None]
    share = np.array([row.mask_share for row in known], float)
    inside = np.array([row.saliency_inside_mask for row in known], float)
    figure = new_figure(5.0, 4.4)
    axes = figure.subplots()
    top = 1.08 * max(float(share.max()), 1e-3)
    _dots(axes, share, inside)
    axes.plot([0, top], [0, top], color=GRAY, linewidth=1, linestyle="--", label="a uniform map")
    axes.axhline(inside.mean(), color=RED, linewidth=1, label=f"mean {inside.mean():.3f}")
    axes.set(
        xlabel="fraction of the image covered by the true mask",
        ylabel="fraction of the map inside the true mask",
        xlim=(0, top),
        ylim=(-0.02, 1.02),
    )
    axes.legend(loc="upper right", fontsize=8)
    return with_grid(figure)


def _dots(axes: Axes, x: np.ndarray, y: np.ndarray) -> None:
    crowd = len(x) > _MOST_BARS
    axes.plot(x, y, "o", color=BLUE, markersize=3 if crowd else 4, alpha=0.5 if crowd else 1.0, markeredgewidth=0)


def _presence(evaluation: Evaluation) -> tuple[np.ndarray, np.ndarray]:
    present = np.array([row.present for row in evaluation.slices])
    return present, np.array([row.tumor_probability for row in evaluation.slices])


def _sizes(evaluation: Evaluation) -> tuple[np.ndarray, np.ndarray]:
    known = [row for row in evaluation.cases if row.predicted_px is not None and row.true_px is not None]
    return np.array([row.true_px for row in known], float), np.array([row.predicted_px for row in known], float)
