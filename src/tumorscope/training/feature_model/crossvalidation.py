"""Cross-validation by patient, and its metrics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tumorscope.core.errors import BadDataset
from tumorscope.datasets.figshare import person_of
from tumorscope.evaluation.intervals import draw_patients, percentiles
from tumorscope.recipes.radiomics import ModelName
from tumorscope.training.feature_model.classifiers import fit_model
from tumorscope.training.feature_model.feature_table import FeatureTable

NONE = -1
"""The prediction for a slice without a mask: no type, and always wrong."""


@dataclass(frozen=True, eq=False)
class Evaluated:
    """One model's predictions for all slices, each from the fold without its patient.

    Attributes:
        name: of the model.
        probabilities: ``(row, type)``; zeros where nothing was segmented.
        fitted: the model of each fold.
    """

    name: ModelName
    probabilities: np.ndarray
    fitted: dict[int, Any]

    @property
    def predictions(self) -> np.ndarray:
        """Index of the most probable type, ``(row,)``, or :data:`NONE`."""
        return np.where(self.probabilities.any(axis=1), self.probabilities.argmax(axis=1), NONE)

    def only(self, rows: np.ndarray) -> Evaluated:
        """The predictions for some of the slices, boolean ``(row,)``."""
        return Evaluated(self.name, self.probabilities[rows], self.fitted)


def cross_validate(
    name: ModelName, table: FeatureTable, seed: int, progress: Callable[[int], object] = lambda fold: None
) -> Evaluated:
    """Fit a model to all folds but one and predict that one, for each fold.

    A person in the predicted fold is not fitted to under another patient code.

    Raises:
        BadDataset: the slices for fitting lack a type.
    """
    values, truth, patients, folds, measured = (
        table.values(), table.truth, table.patients, table.folds, table.measured,
    )  # fmt: skip
    persons = np.array([person_of(patient) for patient in patients.tolist()])
    probabilities = np.zeros((len(truth), len(table.types)))
    fitted = {}
    for fold in np.unique(folds).tolist():
        known = np.isin(persons, persons[folds == fold])
        train, test = measured & (folds != fold) & ~known, measured & (folds == fold)
        if len(np.unique(truth[train])) < len(table.types):
            raise BadDataset(f"without fold {fold} a tumor type has no slice to fit to; add patients of each type")
        fitted[fold] = fit_model(name, values[train], truth[train], patients[train], seed)
        if test.any():
            probabilities[test] = fitted[fold].predict_proba(values[test])
        progress(fold)
    return Evaluated(name, probabilities, fitted)


def metrics(evaluated: Evaluated, table: FeatureTable) -> dict[str, Any]:
    """Accuracy, balanced accuracy, macro-F1 and each type's precision, recall and F1, with intervals.

    A slice without a segmentation counts as wrong. Intervals are 95 % by bootstrap over
    patients (:mod:`tumorscope.evaluation.intervals`); they tell how sure the metrics are
    of these patients, not of how another training would come out.
    """
    truth, predictions, types = table.truth, evaluated.predictions, table.types
    patients, patient = np.unique(table.patients, return_inverse=True)
    counted = np.zeros((len(patients), len(types), len(types) + 1))
    np.add.at(counted, (patient, truth, np.where(predictions == NONE, len(types), predictions)), 1)
    confusion = counted.sum(axis=0)
    shown = _merits(confusion[None], types)
    draws = draw_patients(len(patients)) @ counted.reshape(len(patients), -1)
    drawn = _merits(draws.reshape(-1, *confusion.shape), types)
    found = {}
    for name, value in shown.items():
        interval = percentiles(drawn[name])
        found[name] = {"value": float(value[0]), "ci95": None if interval is None else list(interval)}
    return {
        "model": evaluated.name,
        "slices": len(truth),
        "patients": len(patients),
        "without_segmentation": int((predictions == NONE).sum()),
        "confusion": confusion.astype(int).tolist(),
        "patient_accuracy": _patient_accuracy(evaluated, table),
        "fold_accuracy": {
            str(fold): float((predictions == truth)[table.folds == fold].mean()) for fold in np.unique(table.folds)
        },
        "metrics": found,
    }


def _merits(confusion: np.ndarray, types: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Metrics ``(draw,)`` of confusion matrices ``(draw, true type, prediction)``; NaN if a draw lacks a type."""
    right = np.diagonal(confusion, axis1=1, axis2=2)
    true, predicted = confusion.sum(axis=2), confusion.sum(axis=1)[:, : len(types)]
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = right / true
        precision = np.where(predicted > 0, right / predicted, 0.0)
        f1 = 2 * right / (true + predicted)
        found = {
            "accuracy": right.sum(axis=1) / confusion.sum(axis=(1, 2)),
            "balanced_accuracy": recall.mean(axis=1),
            "macro_f1": f1.mean(axis=1),
        }
    for index, name in enumerate(types):
        found |= {
            f"precision_{name}": precision[:, index],
            f"recall_{name}": recall[:, index],
            f"f1_{name}": f1[:, index],
        }
    return found


def _patient_accuracy(evaluated: Evaluated, table: FeatureTable) -> float:
    """Fraction of patients whose true type has the highest mean probability over their slices."""
    right = []
    for patient in np.unique(table.patients):
        own = table.patients == patient
        mean = evaluated.probabilities[own].mean(axis=0)
        right.append(mean.any() and mean.argmax() == table.truth[own][0])
    return float(np.mean(right))
