"""Whether a tumor resembles those that its type was learned from, or may be of a type that the network does not know.

A network distributes all probability over the types it knows: a vestibular schwannoma becomes a pituitary tumor with
0.95. So the features that its type is read from, and where and how large the mask is, are compared with those of
training tumors of the likeliest type, by the Mahalanobis distance to the nearest of a few centers (Lee et al. 2018,
"A simple unified framework for detecting out-of-distribution samples").
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from tumorscope.core.errors import BadBundle
from tumorscope.inference.bundle import TYPE_CHECK_FILE

GEOMETRY = ("size", "row", "column from the middle")
"""What is measured of a mask: the root of its share of the image, and its center as shares of the image."""

Row = tuple[float, ...]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Resemblance(_Part):
    """The centers of the types among some measures.

    Attributes:
        mean, spread: of each measure.
        centers: of each type, in standard deviations.
        precision: of each type, inverse of the covariance about the nearest center.
        limit: a tumor farther from the centers of its type is unlike it.
    """

    mean: Row
    spread: Row
    centers: dict[str, tuple[Row, ...]]
    precision: dict[str, tuple[Row, ...]]
    limit: float

    @model_validator(mode="after")
    def _numbers_fit(self) -> Resemblance:
        matrices = [*self.centers.values(), *self.precision.values()]
        widths = {len(self.spread), *(len(row) for matrix in matrices for row in matrix)}
        squares = {len(matrix) for matrix in self.precision.values()}
        if widths | squares != {len(self.mean)} or self.centers.keys() != self.precision.keys():
            raise ValueError("the numbers do not fit each other; fit them again with `tumorscope fit-type-check`")
        return self

    def distance(self, type_name: str, measures: np.ndarray) -> np.ndarray:
        """How far tumors with these measures ``(tumor, measure)`` are from a type's nearest center, ``(tumor,)``."""
        scaled = (measures - np.asarray(self.mean)) / np.asarray(self.spread)
        return nearest_center(scaled, np.asarray(self.centers[type_name]), np.asarray(self.precision[type_name]))[0]


class TypeCheck(_Part):
    """What tells tumors of other types.

    Attributes:
        feature_mean, axes: principal axes of the network's features.
        appearance: of the features' coordinates along the axes.
        place: of :data:`GEOMETRY`. A pituitary tumor is on the midline, whatever its features resemble.
        metrics: how often known types are doubted on validation patients.
        notes: how it was fitted.
    """

    feature_mean: Row
    axes: tuple[Row, ...]
    appearance: Resemblance
    place: Resemblance
    metrics: dict[str, Any] = {}
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _numbers_fit(self) -> TypeCheck:
        widths = (len(self.axes), len(GEOMETRY))
        fits = (len(self.appearance.mean), len(self.place.mean)) == widths
        if not fits or {len(axis) for axis in self.axes} != {len(self.feature_mean)}:
            raise ValueError("the numbers do not fit each other; fit them again with `tumorscope fit-type-check`")
        return self

    def coordinates(self, features: np.ndarray) -> np.ndarray:
        """Features ``(tumor, feature)`` along the axes, ``(tumor, axis)``."""
        return (np.asarray(features, np.float64) - np.asarray(self.feature_mean)) @ np.asarray(self.axes).T

    def is_unlike(self, type_name: str, features: np.ndarray, geometry: np.ndarray) -> np.ndarray:
        """Whether tumors are unlike those that a type was learned from, boolean ``(tumor,)``.

        Args:
            type_name: one of the types.
            features: of the network, ``(tumor, feature)``.
            geometry: ``(tumor, measure)``, see :func:`mask_geometry`.
        """
        by_appearance = self.appearance.distance(type_name, self.coordinates(features)) > self.appearance.limit
        return by_appearance | (self.place.distance(type_name, geometry) > self.place.limit)


def nearest_center(scaled: np.ndarray, centers: np.ndarray, precision: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mahalanobis distance to the nearest of several centers and that center's index, each ``(tumor,)``."""
    away = scaled[:, None] - centers[None]
    square = np.einsum("tcm,mn,tcn->tc", away, precision, away)
    return np.sqrt(np.maximum(square.min(axis=1), 0)), square.argmin(axis=1)


def mask_geometry(probability: np.ndarray, threshold: float) -> np.ndarray:
    """:data:`GEOMETRY` of the mask in one slice; zeros where nothing is segmented.

    Args:
        probability: of each pixel at the network's size, ``(size, size)``.
        threshold: of a pixel's probability.
    """
    mask = probability >= threshold
    if not mask.any():
        return np.zeros(len(GEOMETRY))
    rows, columns = np.nonzero(mask)
    height, width = mask.shape
    # A mirrored head is as likely.
    return np.array([np.sqrt(mask.mean()), (rows.mean() + 0.5) / height, abs((columns.mean() + 0.5) / width - 0.5)])


def load_type_check(folder: Path) -> TypeCheck:
    """Read a bundle's check.

    Raises:
        BadBundle: it is damaged.
    """
    path = folder / TYPE_CHECK_FILE
    try:
        return TypeCheck.model_validate_json(path.read_bytes())
    except (OSError, ValidationError, json.JSONDecodeError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise BadBundle(f"{folder}: {TYPE_CHECK_FILE} is damaged ({reason})") from error
