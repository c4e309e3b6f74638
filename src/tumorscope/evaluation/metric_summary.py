"""From rows to values: each with its interval, drawn by patient."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import numpy as np

from tumorscope.evaluation import class_metrics, metrics
from tumorscope.evaluation.intervals import Interval, patient_interval, slice_interval, weighted_mean
from tumorscope.evaluation.rows import CaseRow, Evaluation, Overlap

DEFINITIONS = {
    "patient_dice": "Dice of all voxels of a case (an examination, all its slices together), mean over cases; only "
    "where a case is a whole examination. Truth and prediction both empty: not counted, neither as 0 nor as 1. Only "
    "one of them empty: 0, also for a false alarm on an empty case. Voxels are not pooled over cases",
    "tumor_slice_dice": "Dice of each slice by itself, mean over all slices of all cases that truly show a tumor; "
    "0 where nothing is predicted there",
    "hd95_px": "95th percentile of the distances between the surface voxels of truth and prediction (a mask's own "
    "voxels with a face neighbor outside of it) within slices, in pixels of the original slices, distances of all "
    "slices that both masks mark taken together. The percentile is taken of each direction by itself, by linear "
    "interpolation, and the larger counts; directions are not pooled. Not counted where no slice is marked by both",
    "hd95_mm": "the same in three dimensions and mm, for scans whose spacing is known; not counted where one mask is "
    "empty",
    "empty_slice_false_positive_rate": "share of the truly empty slices on which at least one pixel is predicted",
    "compartments": "Dice and HD95 as above, of each compartment inside the whole tumor; the metrics above are of the "
    "whole tumor",
    "presence": "of slices, at the bundle's operating point; AUROC by ranks, ties counting half; macro_f1 over tumor "
    "and no tumor; ece in 15 bins of equal width of the tumor probability. Rates of one kind of slice are missing "
    "where the data set has no such slices",
    "classes": "of slices, the most probable class, if the classes include notumor after the decision on presence; "
    "macro_f1 and balanced_accuracy as unweighted means over classes; ece in 15 bins of the predicted class's "
    "probability; brier summed over classes",
    "activation": "fraction of the map inside the true mask, beside the fraction of the image that the mask covers",
    "ci95": "95 % percentile intervals of 2,000 bootstrap draws of patients, or of cases if patients are "
    "unknown; of the mean, if several statistics are given",
}
"""The definition of each metric of a summary; ``docs/metrics.md`` compares them with other libraries'."""
POLICY = " ".join(f"{name}: {definition}." for name, definition in DEFINITIONS.items())


def summarize(evaluation: Evaluation) -> dict[str, Any]:
    """The metrics as JSON values; None for what is undefined.

    Each group of Dice and HD95 gives the number ``n`` of values and the interval of
    their mean. ``definitions`` defines each metric, ``policy`` has the same in one text.
    """
    rows = evaluation.slices
    patient = np.array([row.patient for row in rows])
    single = len({case.patient for case in evaluation.cases}) == len(evaluation.cases)
    volumes = [case.slices > 1 for case in evaluation.cases]
    # Single slices are no examinations, whether their patients are known or each counts as its own.
    whole = all(volumes) or (single and any(volumes))
    values: dict[str, Any] = {
        "patients": len({case.patient for case in evaluation.cases}),
        "cases": len(evaluation.cases),
        "slices": len(rows),
        "patient_dice": None,
        "tumor_slice_dice": None,
        "hd95_px": None,
        "empty_slice_false_positive_rate": None,
    }
    if any(row.predicted_px is not None and row.true_px is not None for row in rows):
        by_slice = np.array([row.dice if row.present and row.dice is not None else np.nan for row in rows])
        true_px = np.array([np.nan if row.true_px is None else row.true_px for row in rows])
        predicted_px = np.array([row.predicted_px or 0 for row in rows])
        # Cases of one patient are correlated, so patients are resampled, not cases.
        case_patient = np.array([case.patient for case in evaluation.cases])

        def of_cases(values: list[float | None]) -> dict[str, Any]:
            known = np.array(values, float)
            drawn = patient_interval(values) if single else slice_interval(case_patient, weighted_mean(known))
            return _spread(known, drawn)

        distances = {
            f"hd95_{unit}": of_cases([case.hd95 if case.hd95_unit == unit else None for case in evaluation.cases])
            for unit in dict.fromkeys(("px", *(case.hd95_unit for case in evaluation.cases)))
        }
        if evaluation.compartments and (whole or single):
            values["compartments"] = {
                name: {
                    "patient_dice": of_cases([_overlap(case, name).dice for case in evaluation.cases]),
                    **{
                        key: of_cases(
                            [
                                _overlap(case, name).hd95 if key == f"hd95_{case.hd95_unit}" else None
                                for case in evaluation.cases
                            ]
                        )
                        for key in distances
                    },
                }
                for name in evaluation.compartments
            }
        values |= {
            "patient_dice": of_cases([case.dice for case in evaluation.cases]) if whole else None,
            "tumor_slice_dice": _spread(by_slice, slice_interval(patient, weighted_mean(by_slice))),
            **distances,
            "empty_slice_false_positive_rate": _with_interval(
                patient, lambda weights: metrics.empty_slice_false_positive_rate(true_px, predicted_px, weights)
            ),
        }
    return {
        **values,
        "presence": _presence(evaluation, patient),
        "classes": _classes(evaluation),
        "activation": _activation(evaluation, patient),
        "failed": [{"case": item.case, "reason": item.reason} for item in evaluation.failed],
        "definitions": DEFINITIONS,
        "policy": POLICY,
    }


def _overlap(case: CaseRow, compartment: str) -> Overlap:
    return case.compartments.get(compartment, Overlap(None, None))


def without(evaluation: Evaluation, left_out: Collection[str]) -> Evaluation:
    """The same evaluation without some cases, such as copies of training images."""
    return replace(
        evaluation,
        cases=tuple(row for row in evaluation.cases if row.case not in left_out),
        slices=tuple(row for row in evaluation.slices if row.case not in left_out),
        failed=tuple(row for row in evaluation.failed if row.case not in left_out),
    )


def _classes(evaluation: Evaluation) -> dict[str, Any] | None:
    """Metrics of the slices with a known class; None without any."""
    names, rows = evaluation.classes, [row for row in evaluation.slices if row.true_class in evaluation.classes]
    if not rows:
        return None
    patient = np.array([row.patient for row in rows])
    truth = np.array([names.index(row.true_class or "") for row in rows])
    predicted = np.array([names.index(row.predicted_class or "") for row in rows])
    probability = np.array([row.class_probabilities for row in rows])
    right, confidence = truth == predicted, probability[np.arange(len(predicted)), predicted]

    def of_counts(figure: Callable[[np.ndarray], np.ndarray]) -> dict[str, Any]:
        return _with_interval(
            patient, lambda weights: figure(class_metrics.class_confusion(truth, predicted, len(names), weights))
        )

    values: dict[str, Any] = {
        figure.__name__: of_counts(figure)
        for figure in (class_metrics.accuracy, class_metrics.balanced_accuracy, class_metrics.macro_f1)
    }
    values["ece"] = _with_interval(
        patient,
        lambda weights: metrics.expected_calibration_error(right, confidence, weights),
    )
    values["brier"] = _with_interval(patient, lambda weights: class_metrics.class_brier(truth, probability, weights))
    values["of_class"] = {
        name: {
            "slices": int((truth == place).sum()),
            **{
                figure.__name__: of_counts(lambda counts, figure=figure, place=place: figure(counts)[..., place])
                for figure in (class_metrics.precision, class_metrics.recall, class_metrics.f1)
            },
            "auroc": _with_interval(
                patient,
                lambda weights, place=place: metrics.auroc(truth == place, probability[:, place], weights),
            ),
        }
        for place, name in enumerate(names)
    }
    values["names"] = list(names)
    values["confusion"] = class_metrics.class_confusion(truth, predicted, len(names)).astype(int).tolist()
    values["coverage"] = class_metrics.coverage_curve(right, confidence)
    return values


def _activation(evaluation: Evaluation, patient: np.ndarray) -> dict[str, Any] | None:
    inside = np.array(
        [np.nan if row.saliency_inside_mask is None else row.saliency_inside_mask for row in evaluation.slices]
    )
    share = np.array([np.nan if row.mask_share is None else row.mask_share for row in evaluation.slices])
    if not np.isfinite(inside).any():
        return None
    return {
        "inside": _spread(inside, slice_interval(patient, weighted_mean(inside))),
        "mask_share": _spread(share, slice_interval(patient, weighted_mean(share))),
    }


def _presence(evaluation: Evaluation, patient: np.ndarray) -> dict[str, Any]:
    rows = evaluation.slices
    present = np.array([row.present for row in rows])
    positive = np.array([row.positive for row in rows])
    probability = np.array([row.tumor_probability for row in rows])
    values: dict[str, Any] = {
        "auroc": _with_interval(patient, lambda weights: metrics.auroc(present, probability, weights)),
    }
    for figure in (
        metrics.accuracy,
        metrics.balanced_accuracy,
        metrics.macro_f1,
        metrics.sensitivity,
        metrics.specificity,
    ):
        values[figure.__name__] = _with_interval(
            patient, lambda weights, figure=figure: figure(metrics.confusion(present, positive, weights))
        )
    values["ece"] = _with_interval(
        patient, lambda weights: metrics.expected_calibration_error(present, probability, weights)
    )
    values["brier"] = _with_interval(patient, lambda weights: metrics.brier(present, probability, weights))
    values["confusion"] = metrics.confusion(present, positive).astype(int).tolist()
    return values


def _with_interval(patient: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray]) -> dict[str, Any]:
    value = float(statistic(np.ones((1, len(patient))))[0])
    return {"value": _rounded(value), "ci95": _pair(slice_interval(patient, statistic))}


def _spread(values: np.ndarray, interval: Interval | None) -> dict[str, Any]:
    known = values[np.isfinite(values)]
    if not len(known):
        return {"n": 0, "mean": None, "median": None, "q1": None, "q3": None, "ci95": None}
    first, median, third = np.percentile(known, (25, 50, 75))
    return {
        "n": len(known),
        "mean": _rounded(known.mean()),
        "median": _rounded(median),
        "q1": _rounded(first),
        "q3": _rounded(third),
        "ci95": _pair(interval),
    }


def _pair(interval: Interval | None) -> list[float | None] | None:
    return None if interval is None else [_rounded(value) for value in interval]


def _rounded(value: float) -> float | None:
    """To four digits, which is more than the patients support; JSON has no NaN."""
    return round(float(value), 4) if np.isfinite(value) else None
