"""What a bundle's network says about cases whose truth is known, before any threshold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tumorscope.analysis import arrange_channels
from tumorscope.bundles.card import NO_TUMOR
from tumorscope.datasets.labelled import LabelledCase
from tumorscope.engine import Engine
from tumorscope.errors import UnreadableScan
from tumorscope.evaluation.operating import ValidationCase
from tumorscope.preparing import prepare


def validation_cases(engine: Engine, cases: Iterable[LabelledCase]) -> Iterator[ValidationCase]:
    """One after the other; a case that cannot be read is passed over."""
    for case in cases:
        try:
            yield validation_case(engine, case)
        except UnreadableScan:
            continue  # the evaluation's figures name it


def validation_case(engine: Engine, case: LabelledCase) -> ValidationCase:
    """The network's answers to a case, with the truth beside them.

    Args:
        engine: a loaded bundle; its operating point does not matter.
        case: of any data set; sequences stand in for others as in use.
    """
    card, scan, truth = engine.bundle.card, case.scan(), case.truth()
    voxels, _ = arrange_channels(scan, card)
    prepared = prepare(voxels, card.preparation, scan.pixel_aspect)
    answers = engine.run(prepared.pictures)
    classes = card.classes
    return ValidationCase(
        answers.presence,
        answers.mask,
        None if truth.mask is None else prepared.framing.apply(truth.mask) >= 0.5,
        truth.present,
        case.case,
        class_logits=answers.classes,
        true_class=classes.index(truth.tumor_class) if truth.tumor_class in classes else None,
        no_tumor=classes.index(NO_TUMOR) if NO_TUMOR in classes else None,
    )
