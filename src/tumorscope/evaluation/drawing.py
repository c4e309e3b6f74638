"""What the evaluation's images share: colors, a figure, its bytes, and panels that several of them hold."""

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
"""Of classes or runs, in their order."""


def color(place: int) -> str:
    """The color of the class or run at a place; after the last the first again."""
    return COLORS[place % len(COLORS)]


def new_figure(width: float, height: float) -> Figure:
    """A figure of so many inches whose parts keep out of each other's way."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def png(figure: Figure, grid: bool = True) -> bytes:
    """The figure's bytes, the same ones for the same metrics."""
    if grid:
        for axes in figure.axes:
            axes.grid(alpha=0.3)
            axes.set_axisbelow(True)
    image = io.BytesIO()
    # Without the software's version the same metrics give the same bytes.
    figure.savefig(image, format="png", dpi=120, metadata={"Software": None})
    return image.getvalue()


def prepare_unit_square(axes: Axes, xlabel: str, ylabel: str) -> None:
    """Both axes from zero to one, with the diagonal."""
    axes.plot([0, 1], [0, 1], color=GRAY, linewidth=0.8, linestyle="--")
    axes.set(xlabel=xlabel, ylabel=ylabel, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))


def calibration_points(happened: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean probability and share that happened of each filled bin, and how many slices every bin holds."""
    bins = metrics.CALIBRATION_BINS
    held = metrics.calibration_bin(probability, bins)
    counts = np.bincount(held, minlength=bins)
    filled = np.flatnonzero(counts)
    said = np.bincount(held, probability, bins)[filled] / counts[filled]
    return said, np.bincount(held, happened, bins)[filled] / counts[filled], counts


def draw_calibration(happened: np.ndarray, probability: np.ndarray, xlabel: str, ylabel: str) -> bytes:
    """A reliability diagram (DeGroot and Fienberg 1983) above how many slices lie where."""
    said, true, counts = calibration_points(happened, probability)
    bins = len(counts)
    figure = new_figure(4.6, 5.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    error = float(metrics.expected_calibration_error(happened, probability))
    upper.plot(said, true, "o-", color=BLUE, markersize=4)
    prepare_unit_square(upper, "", ylabel)
    upper.set_title(f"calibration error (ECE) {error:.3f}, {bins} bins", fontsize=9)
    lower.bar((np.arange(bins) + 0.5) / bins, np.maximum(counts, 0.5), width=0.9 / bins, color=GRAY)
    lower.set(xlabel=xlabel, ylabel="slices", yscale="log", ylim=(0.5, None))
    return png(figure)


def draw_matrix(axes: Axes, counts: np.ndarray, names: Sequence[str], title: str | None = None) -> None:
    """A confusion matrix ``(truth, said)``: slices, and their share of the row, which is also the color.

    Classes that never occur have no row.
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
    axes.set(xlabel="said", ylabel="truth")
    if title:
        axes.set_title(title, fontsize=10)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
