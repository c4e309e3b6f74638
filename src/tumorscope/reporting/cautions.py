"""What a reader of the findings must not conclude, in plain words, for the first page of the report."""

from __future__ import annotations

from tumorscope.inference.analysis import Analysis
from tumorscope.inference.labels import ENHANCING_TUMOR
from tumorscope.reporting.card_metrics import missed_share
from tumorscope.reporting.wording import type_name


def cautions(analysis: Analysis) -> tuple[str, ...]:
    """A few sentences, by what was found."""
    if not analysis.assessed:
        return ("That there is no tumor: nothing was assessed.",)
    checked = "a person has corrected the segmentation only" if analysis.corrected else "no person has checked it"
    return (
        f"A diagnosis: this is the output of a program for research, and {checked}.",
        _presence(analysis),
        *([_contour(analysis)] if analysis.lesions else []),
        *([_type(analysis)] if analysis.tumor_type is not None else []),
    )


def _presence(analysis: Analysis) -> str:
    if analysis.tumor_present:
        return (
            "That it is certainly a tumor: inflammation, stroke, bleeding and scars after treatment can look alike to "
            "the network."
        )
    missed = missed_share(analysis.bundle.card.metrics, analysis.precision)
    how_often = f"; of test slices with a tumor the network missed {missed}" if missed else ""
    return f"That there is no tumor: small and faint ones, and kinds that it was not trained on, are missed{how_often}."


def _contour(analysis: Analysis) -> str:
    what = "it shows where the image looks abnormal to the network, which may include swelling (edema)"
    if analysis.label == ENHANCING_TUMOR:
        what = "it shows what takes up contrast agent"
    return f"That the tumor ends at the contour: {what}. It is not for planning surgery or radiation."


def _type(analysis: Analysis) -> str:
    assert analysis.tumor_type is not None  # the caller has looked
    *most, last = (type_name(name) for name in analysis.tumor_type.probabilities)
    known = f"{', '.join(most)} and {last}" if most else last
    return (
        f"That the type is certain: the network knows {known} only, and other tumors can get one of these names. Only "
        "tissue under the microscope tells the type."
    )
