"""Findings as text, the same on the panel, in the report and in DICOM."""

from __future__ import annotations

import math

from tumorscope.inference.analysis import Analysis
from tumorscope.inference.tumor_type import TypeFinding
from tumorscope.measurement.diameters import Diameters
from tumorscope.measurement.lesions import Lesion
from tumorscope.reporting.slice_names import slice_text
from tumorscope.reporting.templating import plain

TYPE_NAMES = {"pituitary": "pituitary tumor"}
"""Names of types that differ from their class."""
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
    """An area in mm², or in pixels where the pixel size is not known.

    >>> area_text(12, 10.55), area_text(1200, None)
    ('11 mm²', '1,200 px')
    """
    if mm2 is None:
        return f"{pixels:,} px"
    return f"{mm2:,.1f} mm²" if 0 < mm2 < 10 else f"{mm2:,.0f} mm²"


def volume_text(voxels: int, mm3: float | None, unit: str = "voxel") -> str:
    """A volume in ml (small ones in mm³), or in voxels where the voxel size is not known.

    >>> volume_text(9, 12345.6), volume_text(9, 432.1), volume_text(1200, None), volume_text(1, None, "pixel")
    ('12.3 ml', '432 mm³', '1,200 voxels', '1 pixel')
    """
    if mm3 is None:
        return f"{voxels:,} {unit}{'s' * (voxels != 1)}"
    return f"{mm3 / 1000:,.1f} ml" if mm3 >= 1000 else f"{mm3:,.0f} mm³"


def length_text(length: float, known: bool, digits: int = 1) -> str:
    """A length in mm, or in pixels where the pixel size is not known.

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
    """A lesion's laterality as text; a dash where it is not known."""
    if lesion.laterality is None:
        return "–"
    return {"midline": "on the midline"}.get(lesion.laterality, lesion.laterality)


_SMALLEST_SHARE, _MOST_SHARES = 0.05, 4
_REGION_WORDS = {
    "frontal": "frontal lobe",
    "parietal": "parietal lobe",
    "temporal": "temporal lobe",
    "occipital": "occipital lobe",
    "insula": "insula",
    "deep": "deep gray or white matter",
    "cerebellum": "cerebellum",
    "brainstem": "brainstem",
    "ventricles": "ventricles",
    "outside": "outside the brain",
}


def region_text(lesion: Lesion) -> str:
    """A lesion's hemisphere and region by the atlas as text; a dash where they are not known."""
    found = lesion.location
    if found is None:
        return "–"
    side = {"left": "left ", "right": "right ", "both": "both sides, "}.get(found.hemisphere or "", "")
    where = _REGION_WORDS[found.region] if found.region == "outside" else side + _REGION_WORDS[found.region]
    return where if found.region_certain else f"{where} (?)"


def shares_text(lesion: Lesion) -> str:
    """How a lesion's volume is distributed over regions, at most four of them, as text."""
    if lesion.location is None:
        return "–"
    largest = [each for each in lesion.location.shares if each.share >= _SMALLEST_SHARE][:_MOST_SHARES]
    return ", ".join(
        f"{each.hemisphere + ' ' if each.hemisphere else ''}{each.region} {each.share:.0%}" for each in largest
    )


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
    """The size of the whole mask."""
    voxels = sum(finding.area_px for finding in analysis.slices)
    if len(analysis.slices) == 1:  # a single slice has an area and no volume
        return area_text(voxels, analysis.slices[0].area_mm2)
    return volume_text(voxels, analysis.volume_mm3)


def positive_slices(analysis: Analysis) -> int:
    """How many slices reach the operating point for presence."""
    point = analysis.bundle.card.operating_point.presence
    return sum(finding.reaches(point) for finding in analysis.slices)


def finding_line(analysis: Analysis) -> str:
    """The finding in a few words, for the panel."""
    if analysis.rejection is not None:
        return f"Not assessed: {analysis.rejection}"
    if analysis.corrected:
        parts = ["Segmentation corrected by hand"]
    else:
        parts = ["Tumor found" if analysis.tumor_present else "No tumor found"]
    parts.append(f"probability {probability_text(analysis.tumor_probability)}")
    if analysis.lesions:
        parts.append(f"{size_text(analysis)} in {_lesions(analysis)}")
    elif analysis.tumor_present and "mask" in analysis.bundle.card.outputs:
        parts.append("not segmented")
    parts += [f"{part.label} {size_text(part)}" for part in analysis.parts if part.lesions]
    if analysis.tumor_type is not None:
        parts.append(type_words(analysis.tumor_type))
    return " · ".join(parts)


def type_words(finding: TypeFinding) -> str:
    """A type in a few words.

    >>> type_words(TypeFinding("glioma", "glioma", 0.934, {"glioma": 0.934}, 0.6))
    'glioma 0.93'
    >>> type_words(TypeFinding(None, "glioma", 0.51, {"glioma": 0.51}, 0.6))
    'type uncertain'
    >>> type_words(TypeFinding(None, "glioma", 0.95, {"glioma": 0.95}, 0.6, "other_or_unsure"))
    'type other or unsure'
    """
    if finding.doubt == "other_or_unsure":
        return "type other or unsure"
    if finding.name is None:
        return "type uncertain" if finding.doubt in (None, "low_probability") else "type not named"
    return f"{type_name(finding.name)} {probability_text(finding.probability)}"


def types_agree(analysis: Analysis) -> bool | None:
    """Whether network and radiomics classifier find the same type likeliest; None unless both predict."""
    if analysis.tumor_type is None or analysis.radiomics_classifier is None:
        return None
    return analysis.tumor_type.likeliest == analysis.radiomics_classifier.likeliest


def radiomics_sentence(analysis: Analysis) -> str | None:
    """The type by the radiomics classifier in one sentence; None unless both classifiers predict."""
    finding, agree = analysis.radiomics_classifier, types_agree(analysis)
    if finding is None or agree is None:
        return None
    what = f"{type_name(finding.likeliest)}, probability {probability_text(finding.probability)}"
    if agree and analysis.tumor_type is not None and analysis.tumor_type.name is None:
        return f"The classifier on shape, intensity and texture knows the same types only, and finds this one, too ({what})."
    if agree:
        return f"The classifier on shape, intensity and texture agrees ({what})."
    return f"The classifier on shape, intensity and texture disagrees ({what}): treat the type with caution."


def type_sentence(finding: TypeFinding) -> str:
    """The type in one sentence."""
    likeliest = type_name(finding.likeliest)
    probability = probability_text(finding.probability)
    if finding.name is not None:
        return f"Likeliest type: {likeliest} (probability {probability})."
    if finding.doubt == "other_or_unsure":
        known = ", ".join(type_name(name) for name in finding.probabilities)
        return (
            f"Type other or unsure: the tumor is unlike those that the types {known} were learned from. "
            f"Of these, {likeliest} is likeliest (probability {probability})."
        )
    if finding.doubt == "isolated_slice":
        return f"Type not named: only single slices show a tumor, and barely; {likeliest} is likeliest."
    if finding.doubt == "other_sequence":
        return f"Type not named: types were learned on another sequence than this; {likeliest} is likeliest."
    needed = f"{finding.confidence_needed:.2f}"
    return f"Type uncertain: {likeliest} is likeliest, but its probability of {probability} is below {needed}."


def finding_sentence(analysis: Analysis) -> str:
    """The finding in one sentence."""
    if analysis.rejection is not None:
        return f"Not assessed: {analysis.rejection}."
    if analysis.corrected:
        return _corrected_sentence(analysis)
    card = analysis.bundle.card
    point = f"{card.operating_point.presence:.2f}"
    slices = len(analysis.slices)
    probability = probability_text(analysis.tumor_probability)
    if not analysis.tumor_present:
        what = "its tumor probability" if slices == 1 else "the highest tumor probability of any slice"
        by = f" for the network {card.name}" if analysis.parts else ""
        return f"No tumor found: {what} is {probability}; a slice counts as one with a tumor from {point} on{by}."
    finder = next(label for label in analysis.labels if positive_slices(label) or label is analysis.labels[-1])
    where = "" if slices == 1 else f" in {positive_slices(finder)} of {slices} slices"
    if finder is not analysis:
        where += f" on {' and '.join(map(sequence_text, finder.bundle.card.inputs.sequences))} only"
    start = f"Tumor found{where} (probability {probability})"
    if analysis.lesions:
        return f"{start}: {_segmented(analysis)}{_parts(analysis)}."
    if "mask" not in card.outputs:
        return f"{start}; this network does not segment tumors."
    return f"{start}, but not segmented: no part of it is clear enough for a contour."


def _corrected_sentence(analysis: Analysis) -> str:
    network = f"the network's own tumor probability is {probability_text(analysis.tumor_probability)}"
    if not analysis.lesions:
        return f"No tumor segmented: the segmentation was corrected by hand; {network}."
    return f"Tumor segmented, corrected by hand: {_segmented(analysis)}{_parts(analysis)}; {network}."


def _parts(analysis: Analysis) -> str:
    """The labels inside the whole tumor."""
    found = [f"{part.label}: {_segmented(part)}" if part.lesions else f"no {part.label}" for part in analysis.parts]
    return "".join(f"; {part}" for part in found)


def _segmented(analysis: Analysis) -> str:
    """Number and size of the lesions, and the slice with the largest area."""
    size = f" of {size_text(analysis)}" if len(analysis.lesions) == 1 else f", {size_text(analysis)} in total"
    widest = max(analysis.slices, key=lambda finding: finding.area_px).index
    largest = "" if len(analysis.slices) == 1 else f", largest in {slice_text(analysis.scan, widest)}"
    return f"{_lesions(analysis)}{size}{largest}"


def activation_sentence(analysis: Analysis) -> str:
    """What the activation map shows, and its share inside the mask."""
    activation = analysis.activation
    assert activation is not None  # the caller has checked
    what = "a tumor" if activation.question == "presence" else "the likeliest type of each slice"
    sentence = f"The class activation map shows contributions to {what}; it is coarse and does not delineate the tumor."
    largest = max(range(len(analysis.slices)), key=lambda index: analysis.slices[index].area_px)
    share = activation.energy_inside(largest, analysis.mask[largest])
    if share is None:
        return sentence
    where = "" if len(analysis.slices) == 1 else f" of {slice_text(analysis.scan, largest)}"
    return f"{sentence} {100 * share:.0f} % of it is inside the predicted mask{where}."


def clean(text: str, longest: int = 120) -> str:
    """Text without control characters and broken bytes, shortened in the middle.

    >>> clean("a" * 9 + "b" * 9, longest=9)
    'aaaa…bbbb'
    """
    text, half = plain(text), longest // 2
    return text if len(text) <= longest else f"{text[:half]}…{text[-half:]}"


def _lesions(analysis: Analysis) -> str:
    count = len(analysis.lesions)
    return "one lesion" if count == 1 else f"{count} lesions"
