"""Common parts of the evaluation's plots: colors, figures, PNG output, shared panels."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tumorscope.evaluation import metrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, RED, GRAY = "#1f6feb", "#d1242f", "#8c959f"
COLORS = (BLUE, RED, "#1a7f37", "#bf8700", "#8250df", "#0a7ea4", "#bc4c00", "#57606a")
"""Of classes or runs, in order."""


def color(index: int) -> str:
    """The color of the class or run of an index, cyclic."""
    return COLORS[index % len(COLORS)]


def new_figure(width: float, height: float) -> Figure:
    """A figure with constrained layout; sizes in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def with_grid(figure: Figure) -> Figure:
    """The figure with faint grid lines below its data."""
    for axes in figure.axes:
        axes.grid(alpha=0.3)
        axes.set_axisbelow(True)
    return figure


def png(figure: Figure, grid: bool = True) -> bytes:
    """The figure as PNG; the same metrics give the same bytes."""
    if grid:
        with_grid(figure)
    image = io.BytesIO()
    # The version of Matplotlib would change the bytes.
    figure.savefig(image, format="png", dpi=120, metadata={"Software": None})
    return image.getvalue()


def prepare_unit_square(axes: Axes, xlabel: str, ylabel: str) -> None:
    """Set both axes from zero to one, with the diagonal."""
    axes.plot([0, 1], [0, 1], color=GRAY, linewidth=0.8, linestyle="--")
    axes.set(xlabel=xlabel, ylabel=ylabel, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))


def calibration_points(outcome: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean probability and observed frequency of each non-empty bin, and the number of slices in every bin."""
    bins = metrics.CALIBRATION_BINS
    bin_of = metrics.calibration_bin(probability, bins)
    counts = np.bincount(bin_of, minlength=bins)
    filled = np.flatnonzero(counts)
    predicted = np.bincount(bin_of, probability, bins)[filled] / counts[filled]
    return predicted, np.bincount(bin_of, outcome, bins)[filled] / counts[filled], counts


def draw_calibration(outcome: np.ndarray, probability: np.ndarray, xlabel: str, ylabel: str) -> Figure:
    """A reliability diagram (DeGroot and Fienberg 1983) above a histogram of the slices."""
    predicted, observed, counts = calibration_points(outcome, probability)
    bins = len(counts)
    figure = new_figure(4.6, 5.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    error = float(metrics.expected_calibration_error(outcome, probability))
    upper.plot(predicted, observed, "o-", color=BLUE, markersize=4)
    prepare_unit_square(upper, "", ylabel)
    upper.set_title(f"calibration error (ECE) {error:.3f}, {bins} bins", fontsize=9)
    lower.bar((np.arange(bins) + 0.5) / bins, np.maximum(counts, 0.5), width=0.9 / bins, color=GRAY)
    lower.set(xlabel=xlabel, ylabel="slices", yscale="log", ylim=(0.5, None))
    return with_grid(figure)


def draw_matrix(axes: Axes, counts: np.ndarray, names: Sequence[str], title: str | None = None) -> None:
    """Draw a confusion matrix ``(truth, predicted)``: slices and their fraction of the row, which sets the color.

    Classes that do not occur have no row.
    """
    rows = np.flatnonzero(counts.sum(axis=1)).tolist()
    shown = counts[rows]
    share = shown / shown.sum(axis=1, keepdims=True)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(shown):
        ink = "white" if share[row, column] > 0.55 else "black"
        text = f"{int(value):,}\n{share[row, column]:.1%}"
        axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=9)
    axes.set_xticks(range(len(names)), names, fontsize=9)
    axes.set_yticks(range(len(rows)), [names[row] for row in rows], fontsize=9)
    axes.set(xlabel="predicted", ylabel="true")
    if title:
        axes.set_title(title, fontsize=10)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
