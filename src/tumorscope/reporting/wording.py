"""Findings in words: the same ones on the panel and in the report."""

from __future__ import annotations

import math

from tumorscope.inference.analysis import Analysis
from tumorscope.inference.tumor_type import TypeFinding
from tumorscope.measurement.diameters import Diameters
from tumorscope.measurement.lesions import Lesion
from tumorscope.reporting.templating import plain

TYPE_NAMES = {"pituitary": "pituitary tumor"}
"""Types whose class is not their name."""
_SEQUENCES = {"t1": "T1", "t1c": "T1 with contrast", "t2": "T2", "flair": "FLAIR"}


def probability_text(value: float | None, digits: int = 2) -> str:
    """A probability that is never rounded to certainty.

    >>> probability_text(0.9993), probability_text(0.4711), probability_text(0.0)
    ('>0.99', '0.47', '<0.01')
    """
    if value is None or not math.isfinite(value):
        return "–"
    step = 10**-digits
    if value > 1 - step / 2:
        return f">{1 - step:.{digits}f}"
    return f"<{step:.{digits}f}" if value < step / 2 else f"{value:.{digits}f}"


def area_text(pixels: int, mm2: float | None) -> str:
    """An area in mm², or in pixels where their size is not known.

    >>> area_text(12, 10.55), area_text(1200, None)
    ('11 mm²', '1,200 px')
    """
    if mm2 is None:
        return f"{pixels:,} px"
    return f"{mm2:,.1f} mm²" if 0 < mm2 < 10 else f"{mm2:,.0f} mm²"


def volume_text(voxels: int, mm3: float | None, unit: str = "voxels") -> str:
    """A volume in ml (small ones in mm³), or in voxels where their size is not known.

    >>> volume_text(9, 12345.6), volume_text(9, 432.1), volume_text(1200, None)
    ('12.3 ml', '432 mm³', '1,200 voxels')
    """
    if mm3 is None:
        return f"{voxels:,} {unit}"
    return f"{mm3 / 1000:,.1f} ml" if mm3 >= 1000 else f"{mm3:,.0f} mm³"


def length_text(length: float, known: bool, digits: int = 1) -> str:
    """A length in mm, or in pixels where their size is not known.

    >>> length_text(42.34, known=True), length_text(42.34, known=False)
    ('42.3 mm', '42.3 px')
    """
    return f"{length:,.{digits}f} {'mm' if known else 'px'}"


def diameters_text(diameters: Diameters, known: bool) -> str:
    """Longest by perpendicular, as RANO writes it.

    >>> from tumorscope.measurement.diameters import Diameter
    >>> diameters_text(Diameters(3, Diameter(42.34, (0, 0), (0, 42)), Diameter(30.06, (0, 0), (30, 0))), known=True)
    '42.3 × 30.1 mm'
    """
    return f"{diameters.longest.length:,.1f} × {length_text(diameters.perpendicular.length, known)}"


def side_text(lesion: Lesion) -> str:
    """Where a lesion lies about the midline, in words; a dash where that is not known."""
    if lesion.laterality is None:
        return "–"
    return {"midline": "on the midline"}.get(lesion.laterality, lesion.laterality)


def sequence_text(sequence: str) -> str:
    """A sequence as radiologists write it.

    >>> sequence_text("t1c"), sequence_text("flair")
    ('T1 with contrast', 'FLAIR')
    """
    return _SEQUENCES.get(sequence, sequence)


def type_name(name: str) -> str:
    """A type's name in words.

    >>> type_name("pituitary"), type_name("glioma")
    ('pituitary tumor', 'glioma')
    """
    return TYPE_NAMES.get(name, name)


def size_text(analysis: Analysis) -> str:
    """How large the mask is, for the whole scan."""
    voxels = sum(finding.area_px for finding in analysis.slices)
    if len(analysis.slices) == 1:  # one slice has an area; its thickness says nothing
        return area_text(voxels, analysis.slices[0].area_mm2)
    return volume_text(voxels, analysis.volume_mm3)


def positive_slices(analysis: Analysis) -> int:
    """How many slices reach the operating point for presence."""
    point = analysis.bundle.card.operating_point.presence
    return sum(finding.tumor_probability >= point for finding in analysis.slices)


def rejection_reason(analysis: Analysis) -> str:
    """Why a scan was not assessed: what its header says against it, or how it looks."""
    return analysis.scan.rejection_reason or "this does not look like an MRI of a head"


def finding_line(analysis: Analysis) -> str:
    """The finding in a few words, for a image."""
    if not analysis.assessed:
        return f"Not assessed: {rejection_reason(analysis)}"
    if analysis.corrected:
        parts = ["Contour corrected by hand"]
    else:
        parts = ["Tumor found" if analysis.tumor_present else "No tumor found"]
    parts.append(f"probability {probability_text(analysis.tumor_probability)}")
    if analysis.lesions:
        parts.append(f"{size_text(analysis)} in {_lesions(analysis)}")
    elif analysis.tumor_present and "mask" in analysis.bundle.card.outputs:
        parts.append("not segmented")
    if analysis.tumor_type is not None:
        parts.append(type_words(analysis.tumor_type))
    return " · ".join(parts)


def type_words(finding: TypeFinding) -> str:
    """A type in a few words.

    >>> type_words(TypeFinding("glioma", "glioma", 0.934, {"glioma": 0.934}, 0.6))
    'glioma 0.93'
    >>> type_words(TypeFinding(None, "glioma", 0.51, {"glioma": 0.51}, 0.6))
    'type uncertain'
    """
    if finding.name is None:
        return "type uncertain"
    return f"{type_name(finding.name)} {probability_text(finding.probability)}"


def types_agree(analysis: Analysis) -> bool | None:
    """Whether the network and the features find the same type likeliest; None without two opinions."""
    if analysis.tumor_type is None or analysis.radiomics_classifier is None:
        return None
    return analysis.tumor_type.likeliest == analysis.radiomics_classifier.likeliest


def features_sentence(analysis: Analysis) -> str | None:
    """The second opinion in one sentence; None without one."""
    second, agree = analysis.radiomics_classifier, types_agree(analysis)
    if second is None or agree is None:
        return None
    what = f"{type_name(second.likeliest)}, probability {probability_text(second.probability)}"
    if agree:
        return f"Shape, intensity and texture inside the mask say the same ({what})."
    return f"Shape, intensity and texture inside the mask say otherwise ({what}): treat the type with caution."


def type_sentence(finding: TypeFinding) -> str:
    """The type in one sentence."""
    likeliest = type_name(finding.likeliest)
    probability = probability_text(finding.probability)
    if finding.name is not None:
        return f"Likeliest type: {likeliest} (probability {probability})."
    needed = f"{finding.confidence_needed:.2f}"
    return f"Type uncertain: {likeliest} is likeliest, but its probability of {probability} is below {needed}."


def finding_sentence(analysis: Analysis) -> str:
    """The finding in one sentence."""
    if not analysis.assessed:
        return f"Not assessed: {rejection_reason(analysis)}."
    if analysis.corrected:
        return _corrected_sentence(analysis)
    card = analysis.bundle.card
    point = f"{card.operating_point.presence:.2f}"
    slices = len(analysis.slices)
    probability = probability_text(analysis.tumor_probability)
    if not analysis.tumor_present:
        what = "its tumor probability" if slices == 1 else "the highest tumor probability of any slice"
        return f"No tumor found: {what} is {probability}, below the operating point of {point}."
    where = "" if slices == 1 else f" in {positive_slices(analysis)} of {slices} slices"
    start = f"Tumor found{where} (probability {probability})"
    if analysis.lesions:
        return f"{start}: {_segmented(analysis)}."
    if "mask" not in card.outputs:
        return f"{start}; this bundle does not contour tumors."
    return f"{start}, but without a contour: too few pixels reach the operating point for the mask."


def _corrected_sentence(analysis: Analysis) -> str:
    network = f"the network's own tumor probability is {probability_text(analysis.tumor_probability)}"
    if not analysis.lesions:
        return f"No tumor segmented: the contour was corrected by hand; {network}."
    return f"Tumor segmented, corrected by hand: {_segmented(analysis)}; {network}."


def _segmented(analysis: Analysis) -> str:
    """How many lesions of what size, and where most is seen."""
    together = "of" if len(analysis.lesions) == 1 else "of together"
    widest = max(analysis.slices, key=lambda finding: finding.area_px).index
    largest = "" if len(analysis.slices) == 1 else f", largest in slice {widest}"
    return f"{_lesions(analysis)} {together} {size_text(analysis)}{largest}"


def activation_sentence(analysis: Analysis) -> str:
    """What the activation map shows, and how much of it lies where the tumor was segmented."""
    activation = analysis.activation
    assert activation is not None  # asked only where there is one
    what = "a tumor" if activation.question == "presence" else "the likeliest type of each slice"
    sentence = f"The activation map shows which places of a slice speak for {what}; it is coarse, and it is no contour."
    largest = max(range(len(analysis.slices)), key=lambda index: analysis.slices[index].area_px)
    share = activation.energy_inside(largest, analysis.mask[largest])
    if share is None:
        return sentence
    where = "" if len(analysis.slices) == 1 else f" of slice {largest}"
    return f"{sentence} Inside the predicted mask{where} lie {100 * share:.0f} % of it."


def clean(text: str, longest: int = 120) -> str:
    """Text without control signs and broken bytes, shortened in the middle.

    >>> clean("a" * 9 + "b" * 9, longest=9)
    'aaaa…bbbb'
    """
    text, half = plain(text), longest // 2
    return text if len(text) <= longest else f"{text[:half]}…{text[-half:]}"


def _lesions(analysis: Analysis) -> str:
    count = len(analysis.lesions)
    return "one lesion" if count == 1 else f"{count} lesions"
