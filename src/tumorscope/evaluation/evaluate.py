"""Running a bundle over cases whose truth is known, exactly as users run it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tumorscope.core.errors import TumorscopeError
from tumorscope.datasets.labeled import GroundTruth, LabeledCase, LabeledDataset
from tumorscope.evaluation import metrics
from tumorscope.evaluation.rows import CaseRow, Evaluation, FailedCase, Overlap, SliceRow
from tumorscope.inference.analysis import Analysis, analyze
from tumorscope.inference.bundles import Card
from tumorscope.inference.engine import Engine
from tumorscope.inference.model_card import NO_TUMOR
from tumorscope.inference.tumor_type import tumor_classes


def evaluate(
    dataset: LabeledDataset,
    cases: Sequence[LabeledCase],
    engine: Engine,
    on_case: Callable[[str], None] = lambda case: None,
    on_mask: Callable[[str, np.ndarray], None] = lambda case, mask: None,
    *,
    flips: bool = False,
) -> Evaluation:
    """Analyze cases as users do and compare the findings with the truth.

    A case that cannot be read or analyzed is listed under ``failed``; the others go on.

    Args:
        dataset: where the cases are from; names the classes.
        cases: those to evaluate, a part of a split.
        engine: a loaded bundle.
        on_case: called with each case just done, for a progress bar.
        on_mask: called with each case's name and its segmentation, boolean ``(slice, row, column)``.
        flips: average the network's outputs over left-right flips, see :func:`tumorscope.inference.analysis.analyze`.

    Raises:
        TumorscopeError: not one of the cases could be evaluated.
    """
    classes = evaluated_classes(dataset.classes, engine.bundle.card)
    rows, slices, failed = [], [], []
    for case in cases:
        try:
            row, own, mask = evaluate_case(case, engine, classes, flips=flips)
        except Exception as error:  # an error in one case must not lose the metrics of the others
            failed.append(FailedCase(case.case, _one_line(error)))
        else:
            rows.append(row)
            slices.extend(own)
            on_mask(case.case, mask)
        on_case(case.case)
    if not rows:
        first = failed[0].reason if failed else "none was named"
        raise TumorscopeError(f"not one of {len(cases)} cases could be evaluated; the first: {first}")
    bundle = engine.bundle
    return Evaluation(
        dataset=dataset.name,
        classes=classes,
        bundle=bundle.name,
        version=bundle.card.version,
        sha256=bundle.sha256,
        runtime=engine.runtime,
        precision=engine.precision,
        cases=tuple(rows),
        slices=tuple(slices),
        failed=tuple(failed),
        flips=flips or bundle.card.tta_flip,
        compartments=tuple(name for name in _inside(bundle.card) if any(name in row.compartments for row in rows)),
    )


def evaluated_classes(classes: Sequence[str], card: Card) -> tuple[str, ...]:
    """The data set's classes if the bundle predicts all of them, otherwise none.

    Types that only the bundle has follow; predicting one of them is an error.
    ``notumor`` needs no class in the bundle, as it follows from presence.
    """
    if not classes or "type" not in card.outputs or not set(classes) - {NO_TUMOR} <= set(card.classes):
        return ()
    return (*classes, *(name for name in tumor_classes(card) if name not in classes))


def evaluate_case(
    case: LabeledCase, engine: Engine, classes: tuple[str, ...] = (), *, flips: bool = False
) -> tuple[CaseRow, tuple[SliceRow, ...], np.ndarray]:
    """Analyze one case and compare it with its ground truth; returns the rows and the segmentation."""
    scan, truth = case.scan(), case.truth()
    if truth.mask is not None and truth.mask.shape != scan.shape:
        raise TumorscopeError(f"{case.case}: the mask is {truth.mask.shape}, the scan {scan.shape}")
    # The input check's error rates are in the model card.
    analysis = analyze(scan, engine, explain=True, input_check=False, flips=flips)
    rows = tuple(_slice_row(case, truth, analysis, index, classes) for index in range(len(analysis.slices)))
    return _case_row(case, truth, analysis, rows), rows, analysis.mask


def _slice_row(
    case: LabeledCase, truth: GroundTruth, analysis: Analysis, index: int, classes: tuple[str, ...]
) -> SliceRow:
    finding, card = analysis.slices[index], analysis.bundle.card
    mask = None if truth.mask is None else truth.mask[index]
    has_mask = "mask" in card.outputs
    probability = finding.tumor_probability
    assert probability is not None  # the input check is off
    positive = probability >= card.operating_point.presence
    probabilities = _class_probabilities(probability, finding.type_probabilities, classes)
    predicted_class = None
    if classes:
        types = finding.type_probabilities or {}
        predicted_class = NO_TUMOR if NO_TUMOR in classes and not positive else max(types, key=lambda name: types[name])
    present = bool(mask.any()) if mask is not None else bool(truth.present is None or truth.present[index])
    map_, inside, share = analysis.activation, None, None
    if map_ is not None and mask is not None and mask.any():
        inside = map_.energy_inside(index, mask)
        share = map_.share_of(mask)
    return SliceRow(
        case=case.case,
        patient=case.patient,
        slice=index,
        present=present,
        positive=positive,
        tumor_probability=probability,
        mask_probability=finding.mask_probability,
        true_px=None if mask is None else int(mask.sum()),
        predicted_px=finding.area_px if has_mask else None,
        dice=metrics.dice(mask, analysis.mask[index]) if has_mask and mask is not None else None,
        true_class=truth.tumor_class if classes else None,
        predicted_class=predicted_class,
        class_probabilities=probabilities,
        saliency_inside_mask=inside,
        mask_share=share,
    )


def _class_probabilities(
    tumor_probability: float, types: dict[str, float] | None, classes: tuple[str, ...]
) -> tuple[float, ...]:
    """Of each class: for no tumor the complement of presence, for a type its fraction of presence."""
    if not classes or types is None:
        return ()
    tumor = tumor_probability if NO_TUMOR in classes else 1.0
    return tuple(1 - tumor if name == NO_TUMOR else tumor * types[name] for name in classes)


def _case_row(case: LabeledCase, truth: GroundTruth, analysis: Analysis, rows: tuple[SliceRow, ...]) -> CaseRow:
    has_mask, mask = "mask" in analysis.bundle.card.outputs, truth.mask
    predicted = analysis.mask
    known = mask if has_mask else None
    return CaseRow(
        case=case.case,
        patient=case.patient,
        slices=len(rows),
        tumor_slices=sum(row.present for row in rows),
        dice=None if known is None else metrics.dice(known, predicted),
        tumor_slice_dice=None if known is None else metrics.tumor_slice_dice(known, predicted),
        hd95=None if known is None else metrics.hd95(known, predicted, analysis.scan.spacing_mm),
        true_px=None if mask is None else int(mask.sum()),
        predicted_px=int(predicted.sum()) if has_mask else None,
        false_positive_slices=None
        if known is None
        else int((~known.any(axis=(1, 2)) & predicted.any(axis=(1, 2))).sum()),
        hd95_unit="px" if analysis.scan.spacing_mm is None else "mm",
        compartments={} if known is None else _compartments(truth, analysis),
    )


def _inside(card: Card) -> tuple[str, ...]:
    """The compartments inside the whole tumor."""
    return tuple(each.name for each in card.compartments[1:])


def _compartments(truth: GroundTruth, analysis: Analysis) -> dict[str, Overlap]:
    """The compartments whose truth is known."""
    found = {}
    predicted = {part.label: part.mask for part in analysis.parts}
    for name in _inside(analysis.bundle.card):
        true = truth.compartment(name)
        if true is not None:
            own = predicted.get(name, np.zeros_like(true))
            found[name] = Overlap(metrics.dice(true, own), metrics.hd95(true, own, analysis.scan.spacing_mm))
    return found


def _one_line(error: Exception) -> str:
    line = (str(error).splitlines() or [""])[0][:200]
    return line if isinstance(error, TumorscopeError) and line else f"{type(error).__name__}: {line}"
