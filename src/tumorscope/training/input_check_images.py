"""Figures of the input check's fit: scores by data set and family, and the images with the worst ones."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tumorscope.preprocessing.input_check import InputCheck
from tumorscope.training.input_check import ScoredSamples
from tumorscope.training.input_check_samples import RESTYLED

_BLUE, _RED, _GRAY = "#1f6feb", "#d1242f", "#8c959f"
_FARTHEST = 15.0
"""Scores beyond are drawn at the plot's edge."""

_TILE, _COLUMNS, _TOP, _MOST = 112, 10, 18, 20
_BACKGROUND, _TEXT = (16, 18, 22), (222, 226, 232)


def draw_scores(input_check: InputCheck, evaluated: Sequence[ScoredSamples]) -> bytes:
    """A histogram of held-out scores for each data set and family, as a PNG.

    Families have two: filled by input checks fitted on others of the family, drawn as a line by input checks
    fitted without the family.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 0.42 * len(evaluated) + 1.2), layout="constrained")
    axes = figure.subplots()
    edges = np.linspace(-_FARTHEST, _FARTHEST, 61)
    for row, one in enumerate(reversed(evaluated)):
        color = _BLUE if one.samples.mri else _RED
        scores = one.known[one.samples.has_head] if one.samples.mri else one.known
        axes.fill_between(edges[:-1], row, row + _heights(scores, edges), step="post", color=color, alpha=0.75, lw=0)
        if not one.samples.mri:
            axes.step(edges[:-1], row + _heights(one.unknown, edges), where="post", color="black", lw=0.8)
    axes.axvline(input_check.threshold, color=_GRAY, linestyle="--", lw=1.2)
    axes.set_yticks(range(len(evaluated)), [one.samples.source for one in reversed(evaluated)], fontsize=8)
    axes.set(xlim=(-_FARTHEST, _FARTHEST), ylim=(-0.1, len(evaluated) + 0.1))
    axes.set_xlabel(
        "score of images not fitted on; dashed: the threshold\nblack line: fitted without the whole family",
        fontsize=8,
    )
    axes.grid(axis="x", alpha=0.3)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=130, metadata={"Software": None})
    return image.getvalue()


def draw_wrong(input_check: InputCheck, evaluated: Sequence[ScoredSamples]) -> bytes:
    """The images with the worst scores of each data set and family, as a PNG for the user who fits an input check.

    It shows real patients' slices where data sets hold them: it is not for the repository.
    """
    tiles = [
        tile
        for one in evaluated
        if not one.samples.source.endswith(RESTYLED)
        for tile in _wrong_tiles(input_check, one)
    ]
    rows = max(1, -(-len(tiles) // _COLUMNS))
    sheet = Image.new("RGB", (_COLUMNS * _TILE, rows * (_TILE + _TOP)), _BACKGROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for place, (view, text) in enumerate(tiles):
        left, top = place % _COLUMNS * _TILE, place // _COLUMNS * (_TILE + _TOP)
        draw.text((left + 2, top + 3), text, _TEXT, font)
        sheet.paste(Image.fromarray(view).resize((_TILE - 4, _TILE - 4)), (left + 2, top + _TOP))
    if not tiles:
        draw.text((8, 8), "nothing was evaluated wrongly", _TEXT, font)
    image = io.BytesIO()
    sheet.save(image, "PNG")
    return image.getvalue()


def _wrong_tiles(input_check: InputCheck, evaluated: ScoredSamples) -> list[tuple[np.ndarray, str]]:
    samples = evaluated.samples
    scores = np.where(samples.has_head, evaluated.known, np.inf) if samples.mri else -evaluated.unknown
    limit = input_check.threshold if samples.mri else -input_check.threshold
    wrong = [index for index in np.argsort(scores)[:_MOST] if scores[index] < limit]
    shown = evaluated.known if samples.mri else evaluated.unknown
    return [(samples.views[index], f"{samples.source[:12]} {shown[index]:+.1f}") for index in wrong]


def _heights(scores: np.ndarray, edges: np.ndarray) -> np.ndarray:
    counts = np.histogram(np.clip(scores, edges[0], edges[-1] - 1e-6), edges)[0].astype(float)
    return 0.9 * counts / max(counts.max(), 1)
