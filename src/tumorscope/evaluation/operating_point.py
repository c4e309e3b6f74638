"""The choice of a bundle's operating point on validation patients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from tumorscope.core.compartments import Compartment
from tumorscope.core.errors import TumorscopeError
from tumorscope.evaluation.calibration import Calibration, calibrate_presence, class_report
from tumorscope.evaluation.compartment_thresholds import SegmentedCase, choose_compartment_thresholds
from tumorscope.evaluation.metrics import balanced_accuracy, confusion
from tumorscope.inference.bundles import OperatingPoint
from tumorscope.inference.postprocessing import postprocess, presence_probability
from tumorscope.inference.tumor_type import class_probability
from tumorscope.measurement.components import Components, find_components

PRESENCE_GRID = (0.02, *(round(0.05 * step, 2) for step in range(1, 20)))
MASK_GRID = tuple(round(0.05 * step, 2) for step in range(4, 17))
SMALLEST_GRID = (0, 5, 10, 20, 40, 80)
WITHIN_GRID = (0.3, 0.2, 0.1, 0.05, 0.02, 0.0)
"""Values of ``presence_within``, the lowest probability of a slice inside a tumor; the strictest first."""
MOST_FALSE_POSITIVES = 0.025
"""Largest fraction of slices without tumor that get a mask because of a neighboring slice."""
MOST_FALSE_ALARMS = 0.03
"""Largest fraction of slices without tumor whose own probability reaches the presence threshold."""
LARGEST_COST = 0.05
"""Balanced accuracy that is given up at most for so few false alarms; a weaker network keeps more of them."""
BALANCED_ACCURACY_WEIGHT = 0.1
_UNUSED_MASK = 0.5
TOLERANCE = 0.001
"""Scores that differ by less count as equal, because the patients are too few to distinguish them."""


@dataclass(frozen=True, eq=False)
class ValidationCase:
    """A network's outputs for one validation patient, and the ground truth.

    Attributes:
        presence_logits: ``(slice,)``; None without this output.
        mask_probability: float ``(slice, size, size)``; None without this output.
        truth: boolean ``(slice, size, size)``, at the network's size; None if unknown.
        present: boolean ``(slice,)``, from the full-size mask or the data set; if None, from
            ``truth``, which may lack a tumor of a few pixels.
        case: the patient.
        class_logits: ``(slice, class)``; None without this output.
        true_class: index of the case's class among the network's; None if it has none.
        no_tumor: index of the class for no tumor; None without.
        compartment_probability: float ``(slice, compartment, size, size)``, of those inside the whole tumor; None
            without.
        compartment_truth: boolean, of the same shape; None if unknown.
    """

    presence_logits: np.ndarray | None
    mask_probability: np.ndarray | None
    truth: np.ndarray | None
    present: np.ndarray | None = None
    case: str = ""
    class_logits: np.ndarray | None = None
    true_class: int | None = None
    no_tumor: int | None = None
    compartment_probability: np.ndarray | None = None
    compartment_truth: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.presence_logits is None and self.mask_probability is None and self.class_logits is None:
            raise ValueError("a validation case needs an output of the network")

    @property
    def shows_tumor(self) -> np.ndarray:
        """Whether each slice truly shows a tumor, boolean ``(slice,)``."""
        if self.present is not None:
            return self.present
        assert self.truth is not None  # one of the two is known
        return np.any(self.truth, axis=(1, 2))

    def slice_probability(self, temperature: float, class_temperature: float = 1.0) -> np.ndarray:
        """As in the analysis: from presence, from the class for no tumor, or the largest of the mask."""
        if self.presence_logits is not None:
            return presence_probability(self.presence_logits, temperature)
        if self.class_logits is not None and self.no_tumor is not None:
            return 1 - class_probability(self.class_logits, class_temperature)[:, self.no_tumor]
        if self.mask_probability is not None:
            return self.mask_probability.max(axis=(1, 2))
        return np.ones(len(self.shows_tumor))


@dataclass(frozen=True)
class CurvePoint:
    """The scores of one operating point on the validation patients.

    ``patient_dice`` is the mean over patients at the network's size; None without masks.
    """

    presence: float
    mask: float
    min_component_size_px: int
    patient_dice: float | None
    balanced_accuracy: float
    score: float


@dataclass(frozen=True)
class Choice:
    """The chosen operating point and the points it was chosen from.

    Attributes:
        point: for the bundle's model card.
        curve: all points of the grid.
        best: the scores of the chosen point.
        presence: calibration of the presence logits; None without that output.
        classes: calibration of the class logits, with the coverage curve; None without.
    """

    point: OperatingPoint
    curve: tuple[CurvePoint, ...]
    best: CurvePoint
    presence: Calibration | None
    classes: dict[str, Any] | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON: the choice, and the points along each axis of the grid through it."""
        best, axes = asdict(self.best), ("presence", "mask", "min_component_size_px")
        lines = {}
        for axis in axes:
            fixed = [other for other in axes if other != axis]
            points = (asdict(point) for point in self.curve)
            lines[axis] = [point for point in points if all(point[other] == best[other] for other in fixed)]
        return {
            "point": self.point.model_dump(),
            "best": best,
            "presence": None if self.presence is None else self.presence.as_dict(),
            "classes": self.classes,
            "along": lines,
        }


def choose_operating_point(
    cases: Sequence[ValidationCase],
    presence_grid: Sequence[float] = PRESENCE_GRID,
    mask_grid: Sequence[float] = MASK_GRID,
    smallest_grid: Sequence[int] = SMALLEST_GRID,
    within_grid: Sequence[float | None] = WITHIN_GRID,
    compartments: Sequence[Compartment] = (),
) -> Choice:
    """Choose temperatures, thresholds and the smallest component on validation patients.

    The temperatures minimize the negative log-likelihood of the logits (Guo et al. 2017),
    and the confidence for naming a class is the lowest with the wanted accuracy. The other values
    maximize, over a grid, the mean Dice of the cases with a mask plus a tenth of the balanced accuracy of
    slice presence; without masks, balanced accuracy alone. Presence thresholds at which more than
    :data:`MOST_FALSE_ALARMS` of the slices without tumor are called positive are not taken, unless keeping to the
    others costs more than :data:`LARGEST_COST` of balanced accuracy. If all
    slices show a tumor, the presence threshold is zero. A case with an empty true and predicted mask
    has no Dice and is not counted; one with an empty true mask alone counts 0.

    Of the points within :data:`TOLERANCE` of the best, those with the smallest ``min_component_size_px``
    are taken, because removing components may hide a second tumor, and of these the one in
    their middle, which is furthest from where the score falls.

    ``presence_within`` is chosen first: of the values with which at most :data:`MOST_FALSE_POSITIVES` of the empty
    slices get a mask, the strictest within :data:`TOLERANCE` of the best.

    The thresholds of compartments are chosen last, one after another, each for the largest mean Dice of its own
    compartment inside the mask of the chosen point.

    Args:
        cases: the validation cases.
        presence_grid, mask_grid, smallest_grid: the values to try, in increasing order.
        within_grid: the values of ``presence_within`` to try, the strictest first.
        compartments: the network's, the whole first; empty for one mask.

    Raises:
        TumorscopeError: there are no slices with a tumor.
    """
    present = np.concatenate([case.shows_tumor for case in cases]) if cases else np.zeros(0, bool)
    if not present.any():
        raise TumorscopeError("no operating point without validation slices that show a tumor")
    calibration, temperature = _calibrate_presence(cases, present), 1.0
    if calibration is not None:
        temperature = calibration.temperature
    class_temperature, confidence, report = _calibrate_classes(cases)
    if present.all():
        presence_grid = (0.0,)  # without negative slices no threshold can be chosen
    probabilities = [case.slice_probability(temperature, class_temperature) for case in cases]
    accuracies = [
        0.0 if present.all() else float(balanced_accuracy(confusion(present, np.concatenate(probabilities) >= limit)))
        for limit in presence_grid
    ]
    allowed = thresholds_with_few_false_alarms(np.concatenate(probabilities)[~present], presence_grid, accuracies)
    segmented = [(case, own) for case, own in zip(cases, probabilities, strict=True) if _segmented(case)]
    within = None
    if not segmented:
        curve = [
            CurvePoint(threshold, _UNUSED_MASK, 0, None, value, value)
            for threshold, value in zip(presence_grid, accuracies, strict=True)
        ]
        grid = (presence_grid, (_UNUSED_MASK,), (0,))
    else:
        grid = (presence_grid, mask_grid, smallest_grid)
        # Single images have no neighboring slices.
        volumes = any(len(own) > 1 for _, own in segmented)
        tried = {
            limit: _curve(_patient_dice(segmented, grid, limit), grid, accuracies)
            for limit in (within_grid if volumes else (None,))
        }
        within = _choose_within({limit: _middle_of_best(own, grid, allowed) for limit, own in tried.items()}, segmented)
        curve = tried[within]
    best = _middle_of_best(curve, grid, allowed)
    point = OperatingPoint(
        presence=best.presence,
        presence_within=within,
        mask=best.mask,
        temperature=temperature,
        type_temperature=class_temperature,
        type_confidence=confidence,
        min_component_size_px=best.min_component_size_px,
    )
    parted = [
        SegmentedCase(
            postprocess(case.mask_probability, own, point)[0], case.compartment_probability, case.compartment_truth
        )
        for case, own in segmented
        if case.mask_probability is not None
        and case.compartment_probability is not None
        and case.compartment_truth is not None
    ]
    point = point.model_copy(update={"compartments": choose_compartment_thresholds(parted, compartments, mask_grid)})
    return Choice(point, tuple(curve), best, calibration, report)


def thresholds_with_few_false_alarms(
    probability: np.ndarray, grid: Sequence[float], accuracies: Sequence[float]
) -> tuple[float, ...]:
    """The presence thresholds from which the choice is made.

    Args:
        probability: of a tumor in the slices without one, ``(slice,)``.
        grid: the thresholds.
        accuracies: the balanced accuracy at each.
    """
    few = [float((probability >= limit).mean()) <= MOST_FALSE_ALARMS if len(probability) else True for limit in grid]
    best = max((value for value, kept in zip(accuracies, few, strict=True) if kept), default=0.0)
    if best < max(accuracies) - LARGEST_COST:
        return tuple(grid)
    return tuple(limit for limit, kept in zip(grid, few, strict=True) if kept)


Grid = tuple[Sequence[float], Sequence[float], Sequence[int]]


def _curve(scores: np.ndarray, grid: Grid, accuracies: Sequence[float]) -> list[CurvePoint]:
    return [
        CurvePoint(presence, mask, smallest, value, right, value + BALANCED_ACCURACY_WEIGHT * right)
        for presence, right, plane in zip(grid[0], accuracies, scores, strict=True)
        for mask, row in zip(grid[1], plane, strict=True)
        for smallest, value in zip(grid[2], row.tolist(), strict=True)
    ]


def _choose_within(
    best: dict[float | None, CurvePoint], cases: Sequence[tuple[ValidationCase, np.ndarray]]
) -> float | None:
    """The strictest value with few enough false positives whose score is within the tolerance of the best."""
    rates = {limit: _false_positive_rate(point, limit, cases) for limit, point in best.items()}
    allowed = [limit for limit in best if rates[limit] <= MOST_FALSE_POSITIVES] or [
        min(best, key=lambda limit: rates[limit])
    ]
    top = max(best[limit].score for limit in allowed)
    return next(limit for limit in allowed if best[limit].score >= top - TOLERANCE)


def _false_positive_rate(
    best: CurvePoint, within: float | None, cases: Sequence[tuple[ValidationCase, np.ndarray]]
) -> float:
    """Fraction of the slices without tumor that get a mask; zero if there are no such slices."""
    point = OperatingPoint(
        presence=best.presence,
        presence_within=within,
        mask=best.mask,
        min_component_size_px=best.min_component_size_px,
    )
    negatives = false_positives = 0
    for case, probability in cases:
        assert case.mask_probability is not None
        predicted, _ = postprocess(case.mask_probability, probability, point)
        negative = ~case.shows_tumor
        negatives += int(negative.sum())
        false_positives += int(predicted[negative].any(axis=(1, 2)).sum())
    return false_positives / max(1, negatives)


def _segmented(case: ValidationCase) -> bool:
    return case.mask_probability is not None and case.truth is not None


def _calibrate_presence(cases: Sequence[ValidationCase], present: np.ndarray) -> Calibration | None:
    parts = [case.presence_logits for case in cases if case.presence_logits is not None]
    if len(parts) < len(cases) or present.all():
        return None
    return calibrate_presence(np.concatenate(parts), present)


def _calibrate_classes(cases: Sequence[ValidationCase]) -> tuple[float, float, dict[str, Any] | None]:
    """Temperature, confidence and report over the slices of cases with a known class."""
    known = [case for case in cases if case.class_logits is not None and case.true_class is not None]
    if not known:
        return 1.0, 0.0, None
    logits = np.concatenate([case.class_logits for case in known if case.class_logits is not None])
    truth = np.concatenate([np.full(len(case.shows_tumor), case.true_class) for case in known])
    calibration, confidence, report = class_report(logits, truth)
    return calibration.temperature, confidence, report


def _patient_dice(cases: Sequence[tuple[ValidationCase, np.ndarray]], grid: Grid, within: float | None) -> np.ndarray:
    """Mean patient Dice ``(presence, mask, smallest)``; patients without a Dice left out."""
    shape = (len(grid[0]), len(grid[1]), len(grid[2]))
    total, counted = np.zeros(shape), np.zeros(shape)
    for case, probability in cases:
        values = np.full(shape, np.nan)
        for index, value in _dice_of_case(case, probability, grid, within):
            values[index] = value
        known = np.isfinite(values)
        total += np.where(known, values, 0)
        counted += known
    return np.divide(total, counted, out=np.zeros(shape), where=counted > 0)


def _dice_of_case(
    case: ValidationCase, probability: np.ndarray, grid: Grid, within: float | None
) -> Iterator[tuple[tuple[int, int, int], float]]:
    """Dice at every index of the grid; NaN if truth and segmentation are both empty."""
    assert case.mask_probability is not None and case.truth is not None  # noqa: PT018
    presence_grid, mask_grid, smallest_grid = grid
    true_px = int(case.truth.sum())
    box = _box(case.mask_probability >= min(mask_grid))
    prediction, truth = case.mask_probability[box], case.truth[box]
    tops = prediction.max(axis=(1, 2), initial=0)
    for j, mask in enumerate(mask_grid):
        known: dict[
            bytes, tuple[Components, np.ndarray]
        ] = {}  # thresholds that keep the same slices have the same components
        for i, presence in enumerate(presence_grid):
            floor = presence if within is None else min(within, presence)
            passing = ((probability >= floor) & (tops >= mask)).tobytes()
            if passing not in known:
                parts = find_components(prediction, probability, mask, floor)
                known[passing] = parts, np.bincount(parts.labels[truth], minlength=len(parts.sizes))
            parts, overlaps = known[passing]
            kept = np.stack([parts.kept(presence, smallest) for smallest in smallest_grid], axis=1)
            with np.errstate(invalid="ignore"):
                values = 2 * (overlaps @ kept) / (true_px + parts.sizes @ kept)
            for k, value in enumerate(values):
                yield (i, j, k), float(value)


def _box(marked: np.ndarray) -> tuple[slice, slice, slice]:
    """All slices, and the rows and columns that hold anything: what lies outside costs only time."""
    found = ndimage.find_objects(marked.any(axis=0).astype(np.uint8))
    rows, columns = found[0] if found else (slice(0, 0), slice(0, 0))
    return slice(None), rows, columns


def _middle_of_best(curve: Sequence[CurvePoint], grid: Grid, allowed: Sequence[float]) -> CurvePoint:
    curve = [point for point in curve if point.presence in allowed]
    top = max(point.score for point in curve)
    good = [point for point in curve if point.score >= top - TOLERANCE]
    least = min(point.min_component_size_px for point in good)
    good = [point for point in good if point.min_component_size_px == least]
    steps = np.array([(list(grid[0]).index(point.presence), list(grid[1]).index(point.mask)) for point in good], float)
    distances = np.abs(steps[:, None] - steps[None]).sum(axis=(1, 2))
    return good[int(distances.argmin())]
