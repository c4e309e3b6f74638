"""What an evaluation knows about each slice and each case, before anything is summed up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SliceRow:
    """One slice: the truth and what was found.

    Attributes:
        case, patient: whose slice it is; intervals draw patients.
        present: whether it truly shows a tumor.
        called: whether the slice's probability reaches the operating point.
        tumor_probability: by the presence output, or by the class that says so.
        mask_probability: the largest of any pixel; None for a bundle without masks.
        true_px, predicted_px: pixels of each mask on the scan's grid; None where unknown.
        dice: None where both masks are empty, or one is not known.
        true_class, predicted_class: None where the data set or the bundle has none.
        class_probabilities: of the data set's classes, in its order; empty without.
        saliency_inside_mask: share of the activation map that lies inside the true mask.
        mask_share: share of the network's image that the true mask takes: what a map
            without any sense of place would reach.
    """

    case: str
    patient: str
    slice: int
    present: bool
    called: bool
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
class CaseRow:
    """One case; what the data set or the bundle cannot say is None.

    Attributes:
        dice: of all slices together.
        tumor_slice_dice: mean over the slices that truly show a tumor.
        hd95: see :func:`tumorscope.evaluation.metrics.hd95`.
        hd95_unit: ``px`` within slices, or ``mm`` in three dimensions where the scan knows its spacing.
        false_positive_slices: truly empty slices on which pixels were marked.
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


@dataclass(frozen=True)
class FailedCase:
    """A case that could not be evaluated, and why, in one line."""

    case: str
    reason: str


@dataclass(frozen=True)
class Evaluation:
    """Everything that was found about a bundle on some patients.

    Attributes:
        dataset: the data set's name.
        classes: those that are told apart; empty where the data set or the bundle has none.
        bundle, version, sha256: what was evaluated.
        runtime, precision: how it was run.
        cases, slices: one row each, in the order asked for.
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
