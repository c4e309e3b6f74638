"""The input check's numbers, and the score they give a slice."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from tumorscope.preprocessing.head import head_mask
from tumorscope.preprocessing.input_check.features import FEATURES, THUMBNAIL_PIXELS, measure, thumbnails
from tumorscope.preprocessing.input_check.views import head_views

MOST_SLICES = 16
"""A scan is assessed by so many of its slices at most, evenly spread."""

_FAR = 6.0
"""Measures are cut off so many standard deviations from the mean of the MRIs."""

Row = tuple[float, ...]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rate(_Part):
    """How many of how many images were assessed wrongly."""

    wrong: int = Field(ge=0)
    of: int = Field(ge=0)

    @property
    def share(self) -> float:
        """From 0 to 1; 0 of nothing."""
        return self.wrong / self.of if self.of else 0.0

    def __str__(self) -> str:
        return f"{self.wrong} of {self.of} ({100 * self.share:.1f} %)"


class Shape(_Part):
    """The commonest variations of a head's coarse image: mean and axes of a principal component analysis."""

    mean: Row
    axes: tuple[Row, ...]


class EnsembleMember(_Part):
    """One small logistic model with a layer of hinges: ``out · max(0, hinges · z + offset) + bias``."""

    hinges: tuple[Row, ...]
    offset: Row
    out: Row
    bias: float


class InputCheck(_Part):
    """What decides whether a slice looks like an MRI of a head.

    Attributes:
        threshold: an image passes from this score on.
        certainty: so far below the threshold, as log-odds, it is refused; between the two it is analyzed with a
            warning. Heads whose contrast somebody equalized, without a skull, or in rare planes are there.
        shape: coarse images are told by how far they lie along these axes, and how far off them.
        center, spread: mean and standard deviation of each measure over MRIs.
        members: their mean is the score, a log-odds.
        rejected_mri: MRI slices that got a warning or were refused, by data set; each assessed by an input check
            that was not fitted on its patient.
        refused_mri: those of them that were refused.
        rejected_scans: scans that got a warning or were refused, by data set, assessed alike.
        accepted: images that passed, by family; each assessed by an input check that was fitted
            without its whole family.
        accepted_known: the same, each assessed by an input check fitted on others of its family.
        refused, refused_known: images that were refused, assessed like ``accepted`` and ``accepted_known``.
        not_assessed: images without any head or of unsure kind, by data set.
        notes: how these rates were measured.
    """

    threshold: float
    certainty: float = Field(default=6.0, ge=0)
    shape: Shape
    center: Row
    spread: Row
    members: tuple[EnsembleMember, ...] = Field(min_length=1)
    rejected_mri: dict[str, Rate] = {}
    refused_mri: dict[str, Rate] = {}
    rejected_scans: dict[str, Rate] = {}
    accepted: dict[str, Rate] = {}
    accepted_known: dict[str, Rate] = {}
    refused: dict[str, Rate] = {}
    refused_known: dict[str, Rate] = {}
    not_assessed: dict[str, int] = {}
    notes: tuple[str, ...] = ()

    @property
    def refusal(self) -> float:
        """Below this score an image is refused."""
        return self.threshold - self.certainty

    @model_validator(mode="after")
    def _numbers_fit(self) -> InputCheck:
        pixels = {len(self.shape.mean), *map(len, self.shape.axes)}
        width = FEATURES + len(self.shape.axes) + 1
        rows = {len(self.center), len(self.spread)} | {len(row) for member in self.members for row in member.hinges}
        columns = all(len(member.hinges) == len(member.offset) == len(member.out) for member in self.members)
        if pixels != {THUMBNAIL_PIXELS} or rows != {width} or not columns:
            raise ValueError(
                "the input check's numbers do not fit this version; fit it again with `tumorscope fit-input-check`"
            )
        return self


@cache
def default_input_check() -> InputCheck:
    """The input check that ships."""
    return InputCheck.model_validate_json(Path(__file__).with_name("input_check.json").read_bytes())


def input_check_score(images: np.ndarray, input_check: InputCheck, pixel_aspect: float = 1.0) -> np.ndarray:
    """How much each slice looks like an MRI of a head; higher is more.

    Each slice is assessed by itself, by the channel that looks most like it. Scale and
    offset of the gray values do not matter.

    Args:
        images: ``(slice, row, column)`` or ``(slice, row, column, channel)``, any real type.
        input_check: from a card, or :func:`default_input_check`.
        pixel_aspect: height of a pixel divided by its width.

    Returns:
        float64 ``(slice,)``, finite; log-odds, to be compared with ``input_check.threshold``.
    """
    if images.ndim == 3:
        images = images[..., None]
    scores = []
    for channel in range(images.shape[3]):
        views, heads = head_views(images[..., channel], pixel_aspect)
        scores.append(
            score_measures(input_check, full_measures(input_check.shape, measure(views, heads), thumbnails(views)))
        )
    return np.max(scores, axis=0)


def is_brain_mri(voxels: np.ndarray, input_check: InputCheck, pixel_aspect: float = 1.0) -> bool:
    """Whether a scan passes without a doubt; see :func:`scan_score`."""
    return scan_score(voxels, input_check, pixel_aspect, enough=input_check.threshold) >= input_check.threshold


def scan_score(
    voxels: np.ndarray, input_check: InputCheck, pixel_aspect: float = 1.0, *, enough: float = np.inf
) -> float:
    """How much a scan looks like an MRI of a head: the median score of its slices with much head in them.

    The ends of a scan may show neck, the top of the scalp or only noise; they do not count.
    A single image has its own score. Below ``input_check.threshold`` a scan is doubtful, and below
    ``input_check.refusal`` it is refused.

    Args:
        voxels: ``(slice, row, column, channel)``.
        input_check, pixel_aspect: see :func:`input_check_score`.
        enough: slices and channels are assessed only until the score is certain to be at least this; what is returned
            is then a lower bound. For most scans that takes every other slice of one channel.
    """
    spread = np.unique(np.linspace(0, len(voxels) - 1, 2 * MOST_SLICES).round().astype(int))
    if len(spread) < len(voxels):  # else it would be copied
        voxels = voxels[spread]
    chosen = slices_with_much_head(head_mask(voxels).mean(axis=(1, 2)))
    few = chosen[np.unique(np.linspace(0, len(chosen) - 1, MOST_SLICES).round().astype(int))]
    scores = np.full(len(few), -np.inf)
    for channel in range(voxels.shape[3]):
        for part in _majority_first(len(few)):
            own = input_check_score(voxels[few[part], ..., channel], input_check, pixel_aspect)
            scores[part] = np.maximum(scores[part], own)
            bound = float(np.median(scores))  # further channels and slices only raise it
            if bound >= enough:
                return bound
    return float(np.median(scores))


def _majority_first(count: int) -> list[np.ndarray]:
    """Indices in two groups, the first of more than half, evenly spread."""
    majority = np.unique(np.linspace(0, count - 1, count // 2 + 1).round().astype(int))
    rest = np.setdiff1d(np.arange(count), majority)
    return [majority, rest] if len(rest) else [majority]


def slices_with_much_head(head_share: np.ndarray) -> np.ndarray:
    """The slices of a scan that show at least half as much head as the one that shows most."""
    return np.flatnonzero(head_share >= 0.5 * head_share.max())


def full_measures(shape: Shape, features: np.ndarray, small: np.ndarray) -> np.ndarray:
    """Features, the thumbnails' coordinates along the axes, and how far they are off them: ``(slice, measure)``."""
    away = small - np.asarray(shape.mean)
    along = away @ np.asarray(shape.axes).T
    off = np.sqrt(np.maximum((away * away).sum(axis=1) - (along * along).sum(axis=1), 0))
    return np.concatenate([features, along, off[:, None]], axis=1)


def score_measures(input_check: InputCheck, measures: np.ndarray) -> np.ndarray:
    """The members' mean for each row of :func:`full_measures`."""
    scaled = np.clip((measures - np.asarray(input_check.center)) / np.asarray(input_check.spread), -_FAR, _FAR)
    votes = [
        np.maximum(scaled @ np.asarray(member.hinges).T + np.asarray(member.offset), 0) @ np.asarray(member.out)
        + member.bias
        for member in input_check.members
    ]
    return np.mean(votes, axis=0)
