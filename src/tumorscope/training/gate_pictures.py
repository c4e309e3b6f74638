"""The gate's fit in pictures: scores by data set and family, and what was judged wrongly."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tumorscope.preparing.gate import Gate
from tumorscope.training.gate import Judged
from tumorscope.training.gate_samples import ALTERED

_BLUE, _RED, _GREY = "#1f6feb", "#d1242f", "#8c959f"
_FARTHEST = 15.0
"""Scores beyond are drawn at the plot's edge."""

_TILE, _COLUMNS, _TOP, _MOST = 112, 10, 18, 20
_BACKGROUND, _TEXT = (16, 18, 22), (222, 226, 232)


def draw_scores(gate: Gate, judged: Sequence[Judged]) -> bytes:
    """A histogram of held-out scores for each data set and family, as a PNG.

    Families have two: filled by gates fitted on others of the family, outlined by gates
    fitted without the family.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 0.42 * len(judged) + 1.2), layout="constrained")
    axes = figure.subplots()
    edges = np.linspace(-_FARTHEST, _FARTHEST, 61)
    for row, one in enumerate(reversed(judged)):
        colour = _BLUE if one.samples.mri else _RED
        scores = one.known[one.samples.has_head] if one.samples.mri else one.known
        axes.fill_between(edges[:-1], row, row + _heights(scores, edges), step="post", color=colour, alpha=0.75, lw=0)
        if not one.samples.mri:
            axes.step(edges[:-1], row + _heights(one.unknown, edges), where="post", color="black", lw=0.8)
    axes.axvline(gate.threshold, color=_GREY, linestyle="--", lw=1.2)
    axes.set_yticks(range(len(judged)), [one.samples.source for one in reversed(judged)], fontsize=8)
    axes.set(xlim=(-_FARTHEST, _FARTHEST), ylim=(-0.1, len(judged) + 0.1))
    axes.set_xlabel(
        "score of pictures not fitted on; dashed: the threshold\nblack outline: fitted without the whole family",
        fontsize=8,
    )
    axes.grid(axis="x", alpha=0.3)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=130, metadata={"Software": None})
    return picture.getvalue()


def draw_wrong(gate: Gate, judged: Sequence[Judged]) -> bytes:
    """The pictures judged worst of each data set and family, as a PNG for those who fit a gate.

    It shows real patients' slices where data sets hold them: it is not for the repository.
    """
    tiles = [tile for one in judged if not one.samples.source.endswith(ALTERED) for tile in _wrong_tiles(gate, one)]
    rows = max(1, -(-len(tiles) // _COLUMNS))
    sheet = Image.new("RGB", (_COLUMNS * _TILE, rows * (_TILE + _TOP)), _BACKGROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for place, (view, text) in enumerate(tiles):
        left, top = place % _COLUMNS * _TILE, place // _COLUMNS * (_TILE + _TOP)
        draw.text((left + 2, top + 3), text, _TEXT, font)
        sheet.paste(Image.fromarray(view).resize((_TILE - 4, _TILE - 4)), (left + 2, top + _TOP))
    if not tiles:
        draw.text((8, 8), "nothing was judged wrongly", _TEXT, font)
    picture = io.BytesIO()
    sheet.save(picture, "PNG")
    return picture.getvalue()


def _wrong_tiles(gate: Gate, judged: Judged) -> list[tuple[np.ndarray, str]]:
    samples = judged.samples
    scores = np.where(samples.has_head, judged.known, np.inf) if samples.mri else -judged.unknown
    limit = gate.threshold if samples.mri else -gate.threshold
    wrong = [index for index in np.argsort(scores)[:_MOST] if scores[index] < limit]
    shown = judged.known if samples.mri else judged.unknown
    return [(samples.views[index], f"{samples.source[:12]} {shown[index]:+.1f}") for index in wrong]


def _heights(scores: np.ndarray, edges: np.ndarray) -> np.ndarray:
    counts = np.histogram(np.clip(scores, edges[0], edges[-1] - 1e-6), edges)[0].astype(float)
    return 0.9 * counts / max(counts.max(), 1)
