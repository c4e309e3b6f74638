"""Export of a fitted model to ONNX, with its model card."""

from __future__ import annotations

import hashlib
import json
import warnings
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.notice import NOTICE
from tumorscope.inference.runtimes import OPSET
from tumorscope.measurement.radiomics_classifier import (
    CARD_FILE,
    MODEL_FILE,
    SCHEMA,
    RadiomicsClassifier,
    read_type_model,
)
from tumorscope.recipes.radiomics import FeaturesRecipe

TOLERANCE = 1e-4
"""Largest difference of a probability between scikit-learn and ONNX Runtime."""


def export_model(
    model: Pipeline,
    recipe: FeaturesRecipe,
    names: tuple[str, ...],
    types: tuple[str, ...],
    values: np.ndarray,
    metrics: dict[str, Any],
    without_fold: int | None = None,
) -> dict[str, bytes]:
    """The two files of :mod:`tumorscope.measurement.radiomics_classifier`.

    Args:
        model: fitted to types as indices into ``types``.
        recipe: what was trained.
        names: of the features.
        types: tumor types.
        values: float32 ``(row, feature)``, on which both runtimes are compared.
        metrics: from :func:`tumorscope.training.feature_model.crossvalidation.metrics`.
        without_fold: the publisher's fold that the model was not fitted to, if any.

    Raises:
        TumorscopeError: a probability differs by more than 1e-4.
    """
    content = _to_onnx(model, values[:1])
    card = {
        "schema": SCHEMA,
        "name": recipe.name,
        "title": recipe.title,
        "model": metrics["model"],
        "sha256": hashlib.sha256(content).hexdigest(),
        "types": list(types),
        "features": list(names),
        "bins": recipe.bins,
        "trained_on": {
            "dataset": recipe.dataset,
            "masks": recipe.masks,
            "slices": metrics["slices"],
            "without_fold": without_fold,
        },
        "cross_validation": metrics,
        "notice": NOTICE,
    }
    written = (json.dumps(card, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
    difference = largest_difference(read_type_model(content, written), model, values)
    if difference > TOLERANCE:
        raise TumorscopeError(
            f"{recipe.name}: the exported {metrics['model']} differs by {difference:.1e} from scikit-learn's; "
            "leave this model out of the recipe"
        )
    return {MODEL_FILE: content, CARD_FILE: written}


def largest_difference(loaded: RadiomicsClassifier, model: Pipeline, values: np.ndarray) -> float:
    """Largest difference between the probabilities of ONNX Runtime and of scikit-learn."""
    return float(np.abs(loaded.session(values) - model.predict_proba(values)).max())


def _to_onnx(model: Pipeline, example: np.ndarray) -> bytes:
    from skl2onnx import to_onnx, update_registered_converter
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
    from skl2onnx.operator_converters.random_forest import convert_sklearn_random_forest_classifier
    from sklearn.ensemble import HistGradientBoostingClassifier

    def convert(scope: Any, operator: Any, container: Any) -> None:
        convert_sklearn_random_forest_classifier(scope, operator, _WithoutBooleans(container))

    update_registered_converter(
        HistGradientBoostingClassifier,
        "SklearnHistGradientBoostingClassifier",
        calculate_linear_classifier_output_shapes,
        convert,
        options={"zipmap": [True, False, "columns"], "raw_scores": [True, False], "nocl": [True, False]},
    )
    # A map for each row (zipmap) would be many times slower to read than an array.
    with warnings.catch_warnings():  # it asks an SVM for what scikit-learn 1.11 will no longer have
        warnings.simplefilter("ignore", FutureWarning)
        converted: Any = to_onnx(
            model, example, options={id(model): {"zipmap": False}}, target_opset={"": OPSET, "ai.onnx.ml": 3}
        )
    return converted.SerializeToString()


class _WithoutBooleans:
    """A list of nodes that stores booleans as 0 and 1.

    skl2onnx 1.20 marks leaves of boosted trees with ``False`` where ONNX wants an
    integer, which protobuf refuses from 7.34 on.
    """

    def __init__(self, container: Any) -> None:
        self._container = container

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def add_node(self, *names: Any, **attributes: Any) -> None:
        whole = {
            key: [int(one) if isinstance(one, bool) else one for one in value] if isinstance(value, list) else value
            for key, value in attributes.items()
        }
        self._container.add_node(*names, **whole)
