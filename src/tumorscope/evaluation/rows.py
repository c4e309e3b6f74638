"""The rows of an evaluation, one per slice and one per case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class SliceRow:
    """One slice: ground truth and prediction.

    Attributes:
        case, patient: of the slice; intervals resample patients.
        present: whether it truly shows a tumor.
        positive: whether the slice's probability reaches the operating point.
        tumor_probability: from the presence output, or from the class that stands for no tumor.
        mask_probability: the largest of any pixel; None for a bundle without masks.
        true_px, predicted_px: pixels of each mask on the scan's grid; None if unknown.
        dice: None if both masks are empty or one is unknown.
        true_class, predicted_class: None if the data set or the bundle has none.
        class_probabilities: of the data set's classes, in its order; empty without classes.
        saliency_inside_mask: fraction of the activation map inside the true mask.
        mask_share: fraction of the network's image covered by the true mask, which is the expected value of
            ``saliency_inside_mask`` for a uniform map.
    """

    case: str
    patient: str
    slice: int
    present: bool
    positive: bool
    tumor_probability: float
    mask_probability: float | None
    true_px: int | None
    predicted_px: int | None
    dice: float | None
    true_class: str | None = None
    predicted_class: str | None = None
    class_probabilities: tuple[float, ...] = ()
    saliency_inside_mask: float | None = None
    mask_share: float | None = None


@dataclass(frozen=True)
class Overlap:
    """How well one mask of a case fits; None as in :class:`CaseRow`."""

    dice: float | None
    hd95: float | None


@dataclass(frozen=True)
class CaseRow:
    """One case; None for what the data set or the bundle does not give.

    Attributes:
        dice: of all slices together.
        tumor_slice_dice: mean over the slices with a true tumor.
        hd95: see :func:`tumorscope.evaluation.metrics.hd95`.
        hd95_unit: ``px`` within slices, or ``mm`` in three dimensions if the scan has a spacing.
        false_positive_slices: slices without a true tumor in which pixels are predicted.
        compartments: of each compartment inside the whole tumor, by name; empty for a bundle of one mask.
    """

    case: str
    patient: str
    slices: int
    tumor_slices: int
    dice: float | None
    tumor_slice_dice: float | None
    hd95: float | None
    true_px: int | None
    predicted_px: int | None
    false_positive_slices: int | None
    hd95_unit: str = "px"
    compartments: Mapping[str, Overlap] = field(default_factory=dict)


@dataclass(frozen=True)
class FailedCase:
    """A case that could not be evaluated, with the reason in one line."""

    case: str
    reason: str


@dataclass(frozen=True, repr=False)
class Evaluation:
    """The results of a bundle on some patients; prints as a table of its metrics.

    Attributes:
        dataset: the data set's name.
        classes: the evaluated classes; empty if the data set or the bundle has none.
        bundle, version, sha256: of the evaluated bundle.
        runtime, precision: of the engine.
        flips: whether the network's outputs were averaged over left-right flips.
        compartments: the evaluated compartments inside the whole tumor; empty for a bundle of one mask.
        cases, slices: one row each, in the given order.
        failed: those that could not be evaluated.
    """

    dataset: str
    classes: tuple[str, ...]
    bundle: str
    version: str
    sha256: str
    runtime: str
    precision: str
    cases: tuple[CaseRow, ...]
    slices: tuple[SliceRow, ...]
    failed: tuple[FailedCase, ...] = ()
    flips: bool = False
    compartments: tuple[str, ...] = ()

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """Metrics with intervals by patient, see :func:`tumorscope.evaluation.summarize`."""
        from tumorscope.evaluation.metric_summary import summarize

        return summarize(self)

    def __repr__(self) -> str:
        from tumorscope.evaluation.metric_list import metric_rows

        rows = metric_rows(self.metrics)
        width = max((len(title) for title in rows), default=0)
        lines = [f"{title:<{width}}  {value}  {interval}".rstrip() for title, (value, interval) in rows.items()]
        counts = f"{self.metrics['patients']} patients, {len(self.cases)} cases, {len(self.slices)} slices"
        return "\n".join([f"{self.bundle} on {self.dataset}: {counts}; value, 95 % interval", *lines])
