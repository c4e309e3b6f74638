"""Consistency of the findings under changes of contrast, resolution, orientation and noise."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from tumorscope.core.errors import TumorscopeError
from tumorscope.datasets import styles
from tumorscope.datasets.labeled import GroundTruth, LabeledCase
from tumorscope.evaluation import metrics
from tumorscope.inference.analysis import Analysis, analyze
from tumorscope.inference.engine import Engine

Voxels = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Change:
    """A change of a scan before its second analysis.

    Attributes:
        name: for tables.
        voxels: from ``(slice, row, column, channel)`` to an array of the same shape.
        mask: the same geometric change of a mask ``(slice, row, column)``; None without one.
    """

    name: str
    voxels: Voxels
    mask: Voxels | None = None


def gray(name: str, change: styles.Change) -> Change:
    """A change of gray levels, rounded to 8 bits as in exchanged images."""
    return Change(name, lambda voxels: np.round(np.clip(change(styles.to_unit(voxels)), 0, 1) * 255).astype(np.uint8))


def _flip(name: str, axis: int) -> Change:
    return Change(name, lambda voxels: np.flip(voxels, axis), lambda mask: np.flip(mask, axis))


def _turn(degrees: float) -> Change:
    def turn(array: np.ndarray, order: int) -> np.ndarray:
        return ndimage.rotate(array, degrees, axes=(2, 1), reshape=False, order=order, mode="nearest")

    return Change(f"turned by {degrees:g}°", lambda voxels: turn(voxels, 1), lambda mask: turn(mask, 0))


def _noise(images: np.ndarray) -> np.ndarray:
    return styles.add_noise(images, 8 / 255, np.random.default_rng(0))


def _shade(images: np.ndarray) -> np.ndarray:
    return styles.shade(images, 0.6, np.random.default_rng(0))


CHANGES = (
    gray("8 bits", lambda images: images),
    gray("CLAHE, clip 0.01", lambda images: styles.clahe(images, 0.01)),
    gray("CLAHE, clip 0.02", lambda images: styles.clahe(images, 0.02)),
    gray("CLAHE, clip 0.03", lambda images: styles.clahe(images, 0.03)),
    gray("histogram equalization", styles.equalize),
    gray("gamma 0.6", lambda images: styles.gamma(images, 0.6)),
    gray("gamma 2", lambda images: styles.gamma(images, 2.0)),
    gray("percentiles 2 to 98", lambda images: styles.window(images, 2, 98)),
    gray("noise of 8 gray levels", _noise),
    gray("bias field of 60 %", _shade),
    gray("half the resolution", lambda images: styles.coarsen(images, 0.5)),
    gray("skull stripped", lambda images: styles.strip_skull(images, 0.1)),
    _flip("mirrored", 2),
    _flip("upside down", 1),
    _flip("slices reversed", 0),
    _turn(10),
    _turn(15),
    Change("turned by 90°", lambda voxels: np.rot90(voxels, axes=(1, 2)), lambda mask: np.rot90(mask, axes=(1, 2))),
)
"""All changes; the first one only rounds."""


@dataclass(frozen=True)
class Comparison:
    """A case before and after a change.

    Attributes:
        case, patient: their names.
        change: its name.
        shows_tumor: whether the case truly shows a tumor.
        found_before, found: whether a tumor was found.
        refused: whether the input check rejected the changed scan.
        agreement: Dice between the masks before and after; None if both are empty.
        dice_before, dice: against the true mask; None if it is unknown or empty.
    """

    case: str
    patient: str
    change: str
    shows_tumor: bool
    found_before: bool
    found: bool
    refused: bool
    agreement: float | None
    dice_before: float | None
    dice: float | None


def compare_changes(
    cases: Sequence[LabeledCase],
    engine: Engine,
    changes: Sequence[Change] = CHANGES,
    on_case: Callable[[], None] = lambda: None,
    *,
    input_check: bool = True,
) -> list[Comparison]:
    """Analyze every case unchanged and after every change; a case that cannot be read is skipped.

    Args:
        cases: with ground truth, at least presence.
        engine: a loaded bundle.
        changes: to apply.
        on_case: called after each case, for a progress bar.
        input_check: whether changed scans must pass the input check to count as found.

    Raises:
        TumorscopeError: not one case can be read.
    """
    rows = []
    reason = "there are none"
    for case in cases:
        try:
            scan, truth = case.scan(), case.truth()
        except TumorscopeError as error:
            reason = str(error)
            on_case()
            continue
        before = analyze(scan, engine, input_check=False)
        for change in changes:
            moved = dataclasses.replace(scan, voxels=np.ascontiguousarray(change.voxels(scan.voxels)))
            if moved.shape != scan.shape:  # turning an image that is not square
                moved = dataclasses.replace(moved, stored=None)
            checked = analyze(moved, engine, input_check=input_check)
            after = checked if checked.assessed else analyze(moved, engine, input_check=False)
            rows.append(_compare(case, truth, change, before, after, refused=not checked.assessed))
        on_case()
    if not rows:
        raise TumorscopeError(f"not one case can be compared: {reason}")
    return rows


def _compare(
    case: LabeledCase, truth: GroundTruth, change: Change, before: Analysis, after: Analysis, refused: bool
) -> Comparison:
    move = change.mask or (lambda mask: mask)
    true_mask = truth.mask if truth.mask is not None and truth.mask.any() else None
    return Comparison(
        case=case.case,
        patient=case.patient,
        change=change.name,
        shows_tumor=bool(truth.present is None or truth.present.any()),
        found_before=bool(before.tumor_present),
        found=bool(after.tumor_present) and not refused,
        refused=refused,
        agreement=metrics.dice(move(before.mask), after.mask),
        dice_before=None if true_mask is None else metrics.dice(true_mask, before.mask),
        dice=None if true_mask is None else metrics.dice(move(true_mask), after.mask),
    )


@dataclass(frozen=True)
class ConsistencyRow:
    """The effect of one change on all cases; fractions are None without cases.

    Attributes:
        change: its name.
        cases: number of compared cases.
        still_found: fraction of the tumors found before that are found after.
        agreement: mean Dice between masks before and after, over cases with a tumor in which either is not empty.
        dice_before, dice: mean against the true mask.
        false_alarms_before, false_alarms: fraction of the cases without a tumor in which one was found.
        refused: fraction of all cases.
    """

    change: str
    cases: int
    still_found: float | None
    agreement: float | None
    dice_before: float | None
    dice: float | None
    false_alarms_before: float | None
    false_alarms: float | None
    refused: float | None


def summarize_changes(rows: Sequence[Comparison]) -> list[ConsistencyRow]:
    """One row per change, in order."""
    return [
        _summarize(change, [row for row in rows if row.change == change])
        for change in dict.fromkeys(row.change for row in rows)
    ]


def _summarize(change: str, rows: Sequence[Comparison]) -> ConsistencyRow:
    shown, empty = [row for row in rows if row.shows_tumor], [row for row in rows if not row.shows_tumor]
    return ConsistencyRow(
        change=change,
        cases=len(rows),
        still_found=_mean(row.found for row in shown if row.found_before),
        agreement=_mean(row.agreement for row in shown),
        dice_before=_mean(row.dice_before for row in shown),
        dice=_mean(row.dice for row in shown),
        false_alarms_before=_mean(row.found_before for row in empty),
        false_alarms=_mean(row.found for row in empty),
        refused=_mean(row.refused for row in rows),
    )


def _mean(values: object) -> float | None:
    known = [float(value) for value in values if value is not None]  # type: ignore[attr-defined]
    return round(float(np.mean(known)), 4) if known else None
