"""Running a bundle over patients whose truth is known, exactly as users run it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tumorscope.analysis import analyze
from tumorscope.datasets.lgg import LggDataset
from tumorscope.engine import Engine
from tumorscope.errors import TumorscopeError
from tumorscope.evaluation import metrics
from tumorscope.evaluation.intervals import Interval, patient_interval, slice_interval, weighted_mean
from tumorscope.scan import Scan

POLICY = (
    "Dice and HD95 are not counted where truth and prediction are both empty; Dice is 0 where only one is. "
    "patient_dice: all slices of a patient together, then over patients. tumor_slice_dice: over all slices that truly "
    "show a tumour. hd95_px: per patient, outlines within slices that both masks mark, in pixels of the original "
    "slices. empty_slice_false_positive_rate: truly empty slices with at least one pixel marked. presence: slices at "
    "the bundle's operating point. Intervals: 95 % percentiles of 2,000 bootstrap draws of patients; of the mean, "
    "where several statistics are given."
)


@dataclass(frozen=True)
class SliceRow:
    """One slice: the truth and what was found.

    Attributes:
        present: whether the true mask marks anything.
        called: whether the slice's probability reaches the operating point.
        tumor_probability: by the presence output.
        mask_probability: the largest of any pixel; None for a bundle without masks.
        true_px, predicted_px: pixels of each mask on the scan's grid.
        dice: None where both masks are empty, or for a bundle without masks.
    """

    case: str
    slice: int
    present: bool
    called: bool
    tumor_probability: float
    mask_probability: float | None
    true_px: int
    predicted_px: int | None
    dice: float | None


@dataclass(frozen=True)
class PatientRow:
    """One patient; what a bundle without masks cannot say is None.

    Attributes:
        dice: of all slices together.
        tumor_slice_dice: mean over the slices that truly show a tumour.
        hd95: in pixels within slices, or in mm where the scan knows its spacing.
        false_positive_slices: truly empty slices on which pixels were marked.
    """

    case: str
    slices: int
    tumor_slices: int
    dice: float | None
    tumor_slice_dice: float | None
    hd95: float | None
    true_px: int
    predicted_px: int | None
    false_positive_slices: int | None


@dataclass(frozen=True)
class FailedCase:
    """A patient who could not be judged, and why, in one line."""

    case: str
    reason: str


@dataclass(frozen=True)
class Evaluation:
    """Everything that was found about a bundle on some patients.

    Attributes:
        dataset: the data set's name.
        bundle, version, sha256: what was evaluated.
        runtime, precision: how it was run.
        patients, slices: one row each, in the order asked for.
        failed: those who could not be judged.
    """

    dataset: str
    bundle: str
    version: str
    sha256: str
    runtime: str
    precision: str
    patients: tuple[PatientRow, ...]
    slices: tuple[SliceRow, ...]
    failed: tuple[FailedCase, ...] = ()


def evaluate_lgg(
    dataset: LggDataset,
    cases: Sequence[str],
    engine: Engine,
    on_case: Callable[[str], None] = lambda case: None,
) -> Evaluation:
    """Analyse patients as the clinic does and hold the findings against the truth.

    A patient who cannot be read or analysed is listed under ``failed``; the others go on.

    Args:
        dataset: where the patients are.
        cases: their names, a part of a split.
        engine: a loaded bundle.
        on_case: called with each patient just done, for a progress bar.

    Raises:
        TumorscopeError: not one of the patients could be judged.
    """
    patients, slices, failed = [], [], []
    for case in cases:
        try:
            patient = dataset[case]
            row, rows = evaluate_patient(case, patient.scan(), patient.mask, engine)
        except Exception as error:  # whatever breaks one patient must not lose the others' figures
            failed.append(FailedCase(case, _one_line(error)))
        else:
            patients.append(row)
            slices.extend(rows)
        on_case(case)
    if not patients:
        first = failed[0].reason if failed else "none was named"
        raise TumorscopeError(f"not one of {len(cases)} patients could be evaluated; the first: {first}")
    bundle = engine.bundle
    return Evaluation(
        dataset=dataset.name,
        bundle=bundle.name,
        version=bundle.card.version,
        sha256=bundle.sha256,
        runtime=engine.runtime,
        precision=engine.precision,
        patients=tuple(patients),
        slices=tuple(slices),
        failed=tuple(failed),
    )


def evaluate_patient(
    case: str, scan: Scan, truth: np.ndarray, engine: Engine
) -> tuple[PatientRow, tuple[SliceRow, ...]]:
    """Analyse one scan and compare it with its true mask, boolean ``(slice, row, column)``."""
    if truth.shape != scan.shape:
        raise TumorscopeError(f"{case}: the mask is {truth.shape}, the scan {scan.shape}")
    analysis = analyze(scan, engine)
    card = engine.bundle.card
    outlines = "mask" in card.outputs
    predicted = analysis.mask
    true_px, predicted_px = truth.sum(axis=(1, 2)), predicted.sum(axis=(1, 2))
    dices = metrics.slice_dice(truth, predicted)
    rows = tuple(
        SliceRow(
            case=case,
            slice=finding.index,
            present=bool(true_px[finding.index]),
            called=finding.tumor_probability >= card.operating_point.presence,
            tumor_probability=finding.tumor_probability,
            mask_probability=finding.mask_probability,
            true_px=int(true_px[finding.index]),
            predicted_px=int(predicted_px[finding.index]) if outlines else None,
            dice=dices[finding.index] if outlines else None,
        )
        for finding in analysis.slices
    )
    patient = PatientRow(
        case=case,
        slices=len(rows),
        tumor_slices=int((true_px > 0).sum()),
        dice=metrics.dice(truth, predicted) if outlines else None,
        tumor_slice_dice=metrics.tumor_slice_dice(truth, predicted) if outlines else None,
        hd95=metrics.hd95(truth, predicted, scan.spacing_mm) if outlines else None,
        true_px=int(true_px.sum()),
        predicted_px=int(predicted_px.sum()) if outlines else None,
        false_positive_slices=int(((true_px == 0) & (predicted_px > 0)).sum()) if outlines else None,
    )
    return patient, rows


def summarize(evaluation: Evaluation) -> dict[str, Any]:
    """The figures, ready for JSON; what has no value is None.

    Each group of Dice and HD95 gives how many ``n`` had a value, and the interval of
    their mean. ``policy`` says what every figure means.
    """
    rows = evaluation.slices
    case = np.array([row.case for row in rows])
    figures: dict[str, Any] = {
        "patients": len(evaluation.patients),
        "slices": len(rows),
        "patient_dice": None,
        "tumor_slice_dice": None,
        "hd95_px": None,
        "empty_slice_false_positive_rate": None,
    }
    if any(row.predicted_px is not None for row in rows):
        dices = [patient.dice for patient in evaluation.patients]
        distances = [patient.hd95 for patient in evaluation.patients]
        by_slice = np.array([row.dice if row.present and row.dice is not None else np.nan for row in rows])
        true_px = np.array([row.true_px for row in rows])
        predicted_px = np.array([row.predicted_px or 0 for row in rows])
        figures |= {
            "patient_dice": _spread(np.array(dices, float), patient_interval(dices)),
            "tumor_slice_dice": _spread(by_slice, slice_interval(case, weighted_mean(by_slice))),
            "hd95_px": _spread(np.array(distances, float), patient_interval(distances)),
            "empty_slice_false_positive_rate": _with_interval(
                case, lambda weights: metrics.empty_slice_false_positive_rate(true_px, predicted_px, weights)
            ),
        }
    return {
        **figures,
        "presence": _presence(evaluation, case),
        "failed": [{"case": item.case, "reason": item.reason} for item in evaluation.failed],
        "policy": POLICY,
    }


def _presence(evaluation: Evaluation, case: np.ndarray) -> dict[str, Any]:
    rows = evaluation.slices
    present = np.array([row.present for row in rows])
    called = np.array([row.called for row in rows])
    probability = np.array([row.tumor_probability for row in rows])
    figures: dict[str, Any] = {
        "auroc": _with_interval(case, lambda weights: metrics.auroc(present, probability, weights)),
    }
    for figure in (
        metrics.accuracy,
        metrics.balanced_accuracy,
        metrics.macro_f1,
        metrics.sensitivity,
        metrics.specificity,
    ):
        figures[figure.__name__] = _with_interval(
            case, lambda weights, figure=figure: figure(metrics.confusion(present, called, weights))
        )
    figures["ece"] = _with_interval(
        case, lambda weights: metrics.expected_calibration_error(present, probability, weights)
    )
    figures["brier"] = _with_interval(case, lambda weights: metrics.brier(present, probability, weights))
    figures["confusion"] = metrics.confusion(present, called).astype(int).tolist()
    return figures


def _with_interval(case: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray]) -> dict[str, Any]:
    value = float(statistic(np.ones((1, len(case))))[0])
    return {"value": _rounded(value), "ci95": _pair(slice_interval(case, statistic))}


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
    """Four digits are more than so few patients can tell; JSON has no NaN."""
    return round(float(value), 4) if np.isfinite(value) else None


def _one_line(error: Exception) -> str:
    line = (str(error).splitlines() or [""])[0][:200]
    return line if isinstance(error, TumorscopeError) and line else f"{type(error).__name__}: {line}"
