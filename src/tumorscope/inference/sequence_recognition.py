"""Which sequence an image shows, by its pixels alone, where no name tells it.

A small network looks at each slice twice: at its gray values, and at their ranks within the head, which no monotone
change of contrast alters. `tumorscope fit-sequences` makes it; docs/sequences.md states how often it errs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tumorscope.core.errors import BadBundle
from tumorscope.core.scan import SEQUENCES
from tumorscope.inference.logits import softmax
from tumorscope.inference.runtimes import open_session
from tumorscope.preprocessing.head import head_mask
from tumorscope.preprocessing.input_check.model import slices_with_much_head
from tumorscope.preprocessing.input_check.views import head_views

SIDE = 96
"""Of a slice's view, framed to its own head."""

MODEL_FILE, CARD_FILE = "sequence_model.onnx", "sequence_model.json"
MOST_SLICES = 8
"""A volume is recognized by so many of its slices at most, evenly spread."""

_SHIPPED = Path(__file__).with_name("sequence_model")
_LEVELS = 256


class SequenceCard(BaseModel):
    """What belongs to the network that recognizes sequences.

    Attributes:
        sha256: of the network's file.
        temperature: logits are divided by it.
        confidence: a sequence is named from this probability on.
        contradiction: a name is doubted where its sequence has a lower probability than this.
        metrics: of validation slices, by data set and sequence.
        notes: how it was made.
    """

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    temperature: float = Field(gt=0)
    confidence: float = Field(ge=0, le=1)
    contradiction: float = Field(ge=0, le=1)
    metrics: dict[str, Any] = {}
    notes: tuple[str, ...] = ()

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, eq=False)
class SequenceModel:
    """A loaded network and its card.

    Attributes:
        card: with its limits.
        run: from :func:`network_input` to logits ``(slice, sequence)`` in the order of
            :data:`tumorscope.core.scan.SEQUENCES`, before the temperature.
    """

    card: SequenceCard
    run: Callable[[np.ndarray], np.ndarray]

    def logits(self, inputs: np.ndarray) -> np.ndarray:
        """Calibrated logits ``(slice, sequence)``."""
        return np.asarray(self.run(inputs), np.float64) / self.card.temperature


@dataclass(frozen=True)
class SequenceGuess:
    """The sequence that pixels show.

    Attributes:
        name: one of :data:`tumorscope.core.scan.SEQUENCES`; ``"unknown"`` where the pixels leave it open.
        likeliest: the likeliest sequence, however unsure.
        probability: of the likeliest.
        probabilities: of every sequence; they add up to one.
    """

    name: str
    likeliest: str
    probability: float
    probabilities: dict[str, float]


def load_sequence_model(folder: Path) -> SequenceModel:
    """Read a network and its card.

    Raises:
        BadBundle: a file is missing or damaged, or they do not belong together.
    """
    try:
        content, card = (
            (folder / MODEL_FILE).read_bytes(),
            SequenceCard.model_validate_json((folder / CARD_FILE).read_bytes()),
        )
    except (OSError, ValidationError) as error:
        raise BadBundle(f"{folder}: {MODEL_FILE} or {CARD_FILE} is missing or damaged; fit them again") from error
    if hashlib.sha256(content).hexdigest() != card.sha256:
        raise BadBundle(f"{folder}: {MODEL_FILE} does not belong to {CARD_FILE} (checksums differ)")
    return open_network(content, card)


def open_network(content: bytes, card: SequenceCard) -> SequenceModel:
    """A network's ONNX file, loaded."""
    session = open_session(content, threads=1)
    feed = session.get_inputs()[0].name

    def run(inputs: np.ndarray) -> np.ndarray:
        return np.asarray(session.run(None, {feed: inputs})[0])

    return SequenceModel(card, run)


@cache
def default_sequence_model() -> SequenceModel:
    """The one that ships, loaded once."""
    return load_sequence_model(_SHIPPED)


def guess_sequence(voxels: np.ndarray, pixel_aspect: float = 1.0, model: SequenceModel | None = None) -> SequenceGuess:
    """Which of T1, T1c, T2 and FLAIR an image or a volume shows, by its pixels alone.

    Scale and offset of the gray values do not matter, nor black exchanged with white; gamma and windows matter little.
    Slices of a volume are recognized one by one and their logits averaged; its ends, where little of the head is seen,
    do not count. What is none of the four sequences is recognized as one of them all the same.

    Args:
        voxels: ``(slice, row, column)``, one sequence, any real type.
        pixel_aspect: height of a pixel divided by its width.
        model: another one than that which ships.
    """
    model = model or default_sequence_model()
    views, heads = head_views(voxels[_informative(voxels)], pixel_aspect, SIDE)
    logits = model.logits(np.stack([network_input(*pair) for pair in zip(views, heads, strict=True)]))
    return guess(model.card, softmax(logits.mean(axis=0)))


def guess(card: SequenceCard, probabilities: np.ndarray) -> SequenceGuess:
    """The name that probabilities ``(sequence,)`` lead to."""
    named = {name: float(value) for name, value in zip(SEQUENCES, probabilities, strict=True)}
    likeliest = max(named, key=lambda name: named[name])
    name = likeliest if named[likeliest] >= card.confidence else "unknown"
    return SequenceGuess(name, likeliest, named[likeliest], named)


def network_input(view: np.ndarray, head: np.ndarray) -> np.ndarray:
    """A slice as the network receives it: ranks, then gray values, float32 ``(2, SIDE, SIDE)``, mostly -1 to 1.

    Args:
        view: gray values from 0 to 1, ``(SIDE, SIDE)``.
        head: boolean of the same shape.
    """
    return np.stack([2 * rank_in_head(view, head) - head, 2 * view - 1]).astype(np.float32)


def rank_in_head(view: np.ndarray, head: np.ndarray) -> np.ndarray:
    """Each pixel's share of the head's pixels that are darker, half of its equals counted in; 0 in air.

    >>> rank_in_head(np.array([[0.0, 0.2, 0.4, 0.9]]), np.array([[False, True, True, True]])).round(2).tolist()
    [[0.0, 0.17, 0.5, 0.83]]
    """
    levels = np.minimum((view * _LEVELS).astype(np.intp), _LEVELS - 1)
    count = np.bincount(levels[head], minlength=_LEVELS)
    darker = (np.cumsum(count) - count / 2) / max(int(count.sum()), 1)
    return np.where(head, darker[levels], 0)


def _informative(voxels: np.ndarray) -> np.ndarray:
    """Indices of evenly spread slices that show much of the head."""
    spread = np.unique(np.linspace(0, len(voxels) - 1, 3 * MOST_SLICES).round().astype(int))
    if len(spread) == 1:
        return spread
    chosen = spread[slices_with_much_head(head_mask(voxels[spread][..., None]).mean(axis=(1, 2)))]
    return chosen[np.unique(np.linspace(0, len(chosen) - 1, MOST_SLICES).round().astype(int))]
