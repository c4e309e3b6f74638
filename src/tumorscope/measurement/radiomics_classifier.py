"""The type of a tumor from the features of one slice, with a small model that a table of features trained.

The model is an ONNX file with a JSON file beside it; ``tumorscope.training.feature_model``
writes both. Training and use compute the features with the same function.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.core.errors import BadBundle, TumorscopeError
from tumorscope.inference.bundle import RADIOMICS_FILES
from tumorscope.inference.runtimes import open_session, runtime_reason

MODEL_FILE, CARD_FILE = RADIOMICS_FILES
SCHEMA = "tumorscope.radiomics-classifier/1"
HEAD_SIZE_PX = 256.0
"""Slices are brought to this size (side of a square as large as the head) before they are measured."""


def type_features(image: np.ndarray, mask: np.ndarray, bins: int = 32) -> dict[str, float]:
    """The features by which a tumor is classified: those of the IBSI on the slice, and its location in the head.

    The slice is first brought to one size, by its head, because images do not state
    the size of a pixel and have matrices of any size; lengths are then 256ths of the head's size.
    Intensities are normalized over the head.

    Args:
        image: ``(row, column)``, one sequence, any real type, finite.
        mask: the same shape; what is not zero is the tumor.
        bins: gray levels of the texture.

    Returns:
        The names of :func:`tumorscope.measurement.radiomics.extract_features` and of
        :func:`tumorscope.measurement.radiomics.location_features.location_features`.

    Raises:
        TumorscopeError: the mask is empty or of another shape.
    """
    # These take a third of a second to import, and most scans have no tumor to classify.
    from skimage.transform import resize

    from tumorscope.measurement.radiomics import FeatureSettings, extract_features
    from tumorscope.measurement.radiomics.location_features import find_head, location_features

    mask = np.asarray(mask) != 0
    if image.shape != mask.shape or image.ndim != 2:
        raise TumorscopeError(f"the image is {image.shape}, the mask {mask.shape}; give one slice with its mask")
    if not mask.any():
        raise TumorscopeError("the mask is empty; there is no tumor to classify")
    scale = HEAD_SIZE_PX / find_head(image).size
    shape = tuple(max(16, round(side * scale)) for side in image.shape)
    resized = resize(image.astype(np.float32), shape, order=1, preserve_range=True, anti_aliasing=scale < 1)
    covered = np.asarray(resize(mask.astype(np.float32), shape, order=1, anti_aliasing=scale < 1))
    small = covered >= min(0.5, float(covered.max()))  # a small component must not vanish
    view = find_head(np.asarray(resized))
    settings = FeatureSettings(bins=bins)
    return {**extract_features(view.image, small, settings=settings), **location_features(view, small)}


@dataclass(frozen=True, eq=False)
class RadiomicsClassifier:
    """A loaded model.

    Attributes:
        features: the names it needs, in its order.
        types: the tumor types it tells apart, in its order.
        bins: gray levels its features were made with.
        card: the JSON file's whole content.
        session: of float32 ``(slice, feature)`` gives probabilities ``(slice, type)``.
    """

    features: tuple[str, ...]
    types: tuple[str, ...]
    bins: int
    card: Mapping[str, Any]
    session: Callable[[np.ndarray], np.ndarray]

    def probabilities(self, features: Mapping[str, float]) -> dict[str, float]:
        """Probability of each type, adding up to one.

        Args:
            features: from :func:`type_features`; more than the model needs does no harm.

        Raises:
            TumorscopeError: one is missing or not finite.
        """
        missing = [name for name in self.features if name not in features]
        if missing:
            raise TumorscopeError(f"the feature {missing[0]} is missing; make features with type_features")
        values = self.session(model_input([features], self.features))[0]
        return {name: float(value) for name, value in zip(self.types, values, strict=True)}

    def classify(self, image: np.ndarray, mask: np.ndarray) -> dict[str, float]:
        """Probability of each type for a slice ``(row, column)`` with its mask; see :func:`type_features`."""
        return self.probabilities(type_features(image, mask, self.bins))


def model_input(rows: Sequence[Mapping[str, float]], names: Sequence[str]) -> np.ndarray:
    """Features as the model sees them: the sign times log(1 + magnitude), float32 ``(slice, feature)``.

    Sums over many pixels span many powers of ten; their logarithm suits the model and
    the digits of float32.

    Raises:
        TumorscopeError: a value is not finite.
    """
    values = np.array([[float(row[name]) for name in names] for row in rows], float).reshape(len(rows), len(names))
    if not np.isfinite(values).all():
        raise TumorscopeError(f"the feature {names[int(np.argwhere(~np.isfinite(values))[0, 1])]} is not finite")
    return (np.sign(values) * np.log1p(np.abs(values))).astype(np.float32)


def load_radiomics_classifier(folder: Path) -> RadiomicsClassifier:
    """Load a model from its folder.

    Raises:
        BadBundle: a file is missing or damaged, or they do not belong together.
    """
    try:
        return read_type_model((folder / MODEL_FILE).read_bytes(), (folder / CARD_FILE).read_bytes())
    except OSError as error:
        name = Path(error.filename or folder).name
        raise BadBundle(f"{folder}: {name} cannot be read; name a folder with a model of tumor types") from error


def read_type_model(model: bytes, card: bytes) -> RadiomicsClassifier:
    """Load a model from the content of its two files; see :func:`load_radiomics_classifier`."""
    try:
        content = json.loads(card)
        if content["schema"] != SCHEMA:
            raise BadBundle(
                f"{CARD_FILE}: of schema {content['schema']!r}, not {SCHEMA!r}; use the version that wrote it"
            )
        if hashlib.sha256(model).hexdigest() != content["sha256"]:
            raise BadBundle(f"{MODEL_FILE}: does not belong to {CARD_FILE} (checksums differ); copy both again")
        features, types = tuple(content["features"]), tuple(content["types"])
        bins = int(content["bins"])
    except (ValueError, KeyError, TypeError) as error:
        raise BadBundle(f"{CARD_FILE}: damaged ({type(error).__name__}: {error}); copy it again") from error
    try:
        loaded = open_session(model, threads=1)
    except Exception as error:  # ONNX Runtime's own kinds of error
        raise BadBundle(f"{MODEL_FILE}: onnxruntime cannot load it ({runtime_reason(error)})") from error
    name, output = loaded.get_inputs()[0].name, loaded.get_outputs()[-1].name

    def run(values: np.ndarray) -> np.ndarray:
        return np.asarray(loaded.run([output], {name: values})[0])

    return RadiomicsClassifier(features, types, bins, content, run)
