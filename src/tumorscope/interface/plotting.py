"""One figure of an analysis, a training or an evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.extras import extras_named
from tumorscope.inference.analysis import Analysis
from tumorscope.reporting.panel import draw_panel

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from PIL.Image import Image

    from tumorscope.evaluation.rows import Evaluation
    from tumorscope.training.feature_model import FeatureRun
    from tumorscope.training.loading import LoadedRun


@overload
def plot(what: Analysis, kind: str | None = None, *, truth: np.ndarray | None = None) -> Image: ...
@overload
def plot(what: FeatureRun, kind: str | None = None) -> Image: ...
@overload
def plot(what: LoadedRun | Evaluation, kind: str | None = None) -> Figure: ...
def plot(
    what: Analysis | LoadedRun | FeatureRun | Evaluation, kind: str | None = None, *, truth: np.ndarray | None = None
) -> Image | Figure:
    """Draw an analysis's image panel, a training's curves, or one of an evaluation's plots.

    Args:
        what: from :func:`tumorscope.analyze`, :func:`tumorscope.train` or :func:`tumorscope.evaluate`.
        kind: which plot of an evaluation: ``dice``, ``roc``, ``class_confusion`` and others, by default the first for
            which it has data; or of a run of features: ``models``, ``confusion`` or ``importance``.
        truth: of an analysis, the true mask to draw, too: boolean ``(slice, row, column)`` on the scan's grid.

    Returns:
        A Pillow image of an analysis, which has the case's name in it, or of a run of features; otherwise a Matplotlib
        figure.

    Raises:
        TumorscopeError: there is no such plot, it is something else, such as a scan, or Matplotlib, which the extra ``train`` brings, is not installed.
    """
    if isinstance(what, Analysis):
        return draw_panel(what, truth)
    with extras_named():
        from tumorscope.evaluation.rows import Evaluation
        from tumorscope.training.feature_model import FeatureRun
        from tumorscope.training.loading import LoadedRun

        if isinstance(what, Evaluation):
            return _evaluation_figure(what, kind)
        if isinstance(what, FeatureRun):
            return _features_image(what, kind or "models")
        if isinstance(what, LoadedRun):
            return _curves(what)
    raise TumorscopeError(f"plot: give an analysis, a run or an evaluation, not a {type(what).__name__}")


def _evaluation_figure(evaluation: Evaluation, kind: str | None) -> Figure:
    from tumorscope.evaluation.plots import draw_figures

    figures = {name.removesuffix(".png"): figure for name, figure in draw_figures(evaluation).items()}
    wanted = next(iter(figures), None) if kind is None else kind
    if wanted not in figures:
        raise TumorscopeError(f"no plot {kind!r} of this evaluation; there are {', '.join(figures) or 'none'}")
    return figures[wanted]


def _curves(run: LoadedRun) -> Figure:
    from tumorscope.training.curves import curves_figure, read_curves

    return curves_figure(read_curves(run.folder))


def _features_image(run: FeatureRun, kind: str) -> Image:
    from PIL import Image

    plots = {path.stem: path for path in sorted(run.folder.glob("*.png"))}
    if kind not in plots:
        raise TumorscopeError(f"no plot {kind!r} of this run; there are {', '.join(plots) or 'none'}")
    with Image.open(plots[kind]) as image:
        return image.convert("RGB")
