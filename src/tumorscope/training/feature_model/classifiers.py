"""The classical models, each with the scaling that it needs."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from tumorscope.core.errors import BadDataset
from tumorscope.recipes.radiomics import ModelName

TITLES: dict[str, str] = {
    "logistic_regression": "logistic regression",
    "random_forest": "random forest",
    "gradient_boosting": "gradient boosting",
    "svm": "SVM (RBF)",
}


def fit_model(name: ModelName, values: np.ndarray, truth: np.ndarray, patients: np.ndarray, seed: int) -> Pipeline:
    """Fit one model; its settings are fixed, so that no fold influences them.

    Args:
        name: which.
        values: float32 ``(row, feature)``.
        truth: type of each row, ``(row,)``.
        patients: of each row; the SVM's probabilities are calibrated on patients it was not fitted to.
        seed: for what a model draws by chance.

    Raises:
        BadDataset: a type has too few patients to calibrate the SVM.
    """
    steps: list[tuple[str, Any]] = []
    if name in {"logistic_regression", "svm"}:
        steps.append(("scale", StandardScaler()))
    steps.append(("model", _classifier(name, values, truth, patients, seed)))
    return Pipeline(steps).fit(values, truth)


def _classifier(name: ModelName, values: np.ndarray, truth: np.ndarray, patients: np.ndarray, seed: int) -> Any:
    if name == "logistic_regression":
        return LogisticRegression(C=0.1, max_iter=5000, class_weight="balanced")
    if name == "random_forest":
        return RandomForestClassifier(
            300, min_samples_leaf=3, max_features="sqrt", class_weight="balanced", random_state=seed
        )
    if name == "gradient_boosting":
        return HistGradientBoostingClassifier(
            learning_rate=0.05,
            max_iter=200,
            max_leaf_nodes=15,
            l2_regularization=1.0,
            max_features=0.3,
            class_weight="balanced",
            random_state=seed,
        )
    parts = _calibration_parts(truth, patients)
    machine = SVC(C=3.0, gamma="scale", class_weight="balanced")
    together: Any = False  # one machine on all slices; the parts only calibrate it
    return CalibratedClassifierCV(machine, method="sigmoid", cv=parts, ensemble=together)


def _calibration_parts(truth: np.ndarray, patients: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows to fit to and rows to calibrate on, by patient; stratified only where few patients require it.

    Raises:
        BadDataset: a type has too few patients.
    """
    types = len(np.unique(truth))
    most = min(5, len(np.unique(patients)))
    by_patient = (GroupKFold(most), *(StratifiedGroupKFold(count) for count in range(most, 1, -1)))
    for splitter in by_patient if most > 1 else ():
        parts = list(splitter.split(truth, truth, patients))
        if all(len(np.unique(truth[fitted])) == types for fitted, _ in parts):
            return parts
    raise BadDataset("too few patients for an SVM, which is calibrated on patients that it was not fitted to")
