"""A bundle's outputs for labeled cases, before any threshold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.datasets.labeled import LabeledCase
from tumorscope.datasets.training_view import known_presence, training_view
from tumorscope.evaluation.operating_point import ValidationCase
from tumorscope.inference.channels import arrange_channels
from tumorscope.inference.engine import Engine
from tumorscope.inference.model_card import NO_TUMOR
from tumorscope.preprocessing import prepare


def validation_cases(engine: Engine, cases: Iterable[LabeledCase]) -> Iterator[ValidationCase]:
    """The cases one by one; a case that cannot be read is skipped."""
    for case in cases:
        try:
            yield validation_case(engine, case)
        except UnreadableScan:
            continue  # the evaluation reports it


def validation_case(engine: Engine, case: LabeledCase) -> ValidationCase:
    """The network's outputs for a case, with its ground truth.

    Args:
        engine: a loaded bundle; its operating point is not used.
        case: of any data set; missing sequences are substituted as in inference.
    """
    card, scan, truth = engine.bundle.card, case.scan(), case.truth()
    voxels, _ = arrange_channels(scan, card)
    view = training_view(scan, card.preparation.slice_distance_mm)
    prepared = prepare(view.forward(voxels), card.preparation, view.pixel_aspect)
    mask = None if truth.mask is None else view.forward(truth.mask)
    predictions = engine.run(prepared.images)
    classes = card.classes
    inside = [truth.compartment(each.name) for each in card.compartments[1:]]
    known = [prepared.crop_resize.forward(view.forward(each)) >= 0.5 for each in inside if each is not None]
    return ValidationCase(
        predictions.presence,
        predictions.mask,
        None if mask is None else prepared.crop_resize.forward(mask) >= 0.5,
        known_presence(truth, mask),
        case.case,
        class_logits=predictions.classes,
        true_class=classes.index(truth.tumor_class) if truth.tumor_class in classes else None,
        no_tumor=classes.index(NO_TUMOR) if NO_TUMOR in classes else None,
        compartment_probability=predictions.compartments,
        compartment_truth=np.stack(known, axis=1) if known and len(known) == len(inside) else None,
    )
