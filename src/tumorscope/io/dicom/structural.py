"""Attributes that exclude a structural MRI of a head, the only kind of image that the networks were trained on.

Only attributes that say so plainly count: what is doubtful is left to the input check, which looks at the pixels.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from tumorscope.io.checks import printable
from tumorscope.io.dicom.header import SeriesHeader
from tumorscope.io.dicom.image_attributes import Frame
from tumorscope.io.dicom.slice_order import SAME_POSITION_MM
from tumorscope.io.sequence_words import FUNCTIONAL

_PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.30"

_HEAD = (
    *("HEAD", "BRAIN", "SKULL", "CRANI", "CEREB", "ENCEPH", "FACE", "FACIAL", "ORBIT", "EYE", "PITUIT", "SELLA"),
    *("IAC", "SINUS", "SCALP", "ZYGOMA", "KOPF", "SCHAEDEL", "SCHÄDEL", "HIRN", "TETE", "TÊTE", "CRANE", "CRÂNE"),
    *("CERVEAU", "CABEZA", "CABEÇA", "TESTA", "CERVELLO", "HOOFD", "HERSENEN", "HUVUD"),
)
"""Parts of words that mean the head."""

_ELSEWHERE = {
    # Defined terms of BodyPartExamined (DICOM PS3.16 Annex L) and words of their code meanings
    *("ABDOMEN", "ABDOMENPELVIS", "ABDOMINAL", "ADRENAL", "ANKLE", "AORTA", "ARM", "AXILLA", "BACK", "BLADDER"),
    *("BREAST", "BREASTS", "BUTTOCK", "CALCANEUS", "CALF", "CARDIAC", "CHEST", "CHESTABDOMEN", "CHESTABDPELVIS"),
    *("CLAVICLE", "COCCYX", "COLON", "ELBOW", "ESOPHAGUS", "EXTREMITY", "FEMUR", "FINGER", "FOOT", "FOREARM"),
    *("GALLBLADDER", "HAND", "HEART", "HIP", "HUMERUS", "KIDNEY", "KIDNEYS", "KNEE", "LEG", "LIMB", "LIVER"),
    *("LUMBAR", "LUNG", "LUNGS", "MEDIASTINUM", "OVARY", "PANCREAS", "PELVIS", "PELVIC", "PENIS", "PROSTATE"),
    *("RECTUM", "SACRUM", "SCAPULA", "SCROTUM", "SHOULDER", "SIJOINT", "SPLEEN", "STERNUM", "STOMACH", "TESTIS"),
    *("THIGH", "THORACIC", "THORAX", "THUMB", "TIBIA", "TIBIAFIBULA", "TOE", "ULNA", "UTERUS", "VAGINA", "WRIST"),
    *("PHANTOM", "QAPHANTOM"),
    # The same in German, French, Spanish, Italian and Dutch
    *("MAMMA", "BRUST", "WIRBELSAEULE", "WIRBELSÄULE", "HWS", "BWS", "LWS", "KNIE", "BECKEN", "LEBER", "HERZ"),
    *("PROSTATA", "SCHULTER", "HUEFTE", "HÜFTE", "RACHIS", "SEIN", "GENOU", "EPAULE", "ÉPAULE", "BASSIN", "FOIE"),
    *("MAMA", "COLUMNA", "RODILLA", "HOMBRO", "GINOCCHIO", "COLONNA", "BORST", "RUG", "BEKKEN"),
}
"""Words that mean another part of the body; so does whatever ends in SPINE."""

_HUMAN = {"human", "homosapiens", "hsapiens", "homosapienssapiens"}

_CONTRASTS = {"DIFFUSION", "FLOW_ENCODED", "PERFUSION", "TAGGING"}
"""Acquisition contrasts of enhanced files that are functional."""

_A_TIME_SERIES = 3
"""So many images at every position, or more, are a time series."""


def rejection_reason(header: SeriesHeader, frames: Sequence[Frame]) -> str | None:
    """The attribute and value that exclude a structural MRI of a head; None if there is none.

    Args:
        header: of the series.
        frames: of the series, not empty.
    """
    return _not_a_head(header) or _not_structural(header) or _of_a_function(header, frames)


def _not_a_head(header: SeriesHeader) -> str | None:
    if header.species and re.sub(r"[^a-z]", "", header.species.lower()) not in _HUMAN:
        return f"PatientSpeciesDescription is {printable(header.species)[:40]}, not a human"
    parts = [(keyword, text, text.upper()) for keyword, text in header.body_parts]
    if any(name in upper for _keyword, _text, upper in parts for name in _HEAD):
        return None
    for keyword, text, upper in parts:
        words = set(re.split(r"[\W_\d]+", upper))
        if words & _ELSEWHERE or any(word.endswith("SPINE") for word in words):
            return f"{keyword} is {printable(text)[:40]}, not a head"
    return None


def _not_structural(header: SeriesHeader) -> str | None:
    if header.sop_class == _PARAMETRIC_MAP:
        return "SOPClassUID is that of a parametric map, not of an image"
    if not header.kind.is_structural:
        shown = f", a {header.kind.name}" if header.kind.name not in header.kind.stated else ""
        return f"{header.kind.stated}{shown}: not a structural image"
    if header.acquisition_contrast in _CONTRASTS:
        return f"AcquisitionContrast is {header.acquisition_contrast}: not a structural image"
    named = functional_word(header.description)
    return f"SeriesDescription names {named}: not a structural image" if named else None


def functional_word(description: str) -> str | None:
    """A word of a series description that names a functional image or a map, in capitals."""
    named = set(re.split(r"[^a-z0-9]+", description.lower())) & FUNCTIONAL
    return min(named).upper() if named else None


def _of_a_function(header: SeriesHeader, frames: Sequence[Frame]) -> str | None:
    """Diffusion by its b-values, perfusion and functional series by their points in time."""
    weighting = max(frame.temporal_key[1] for frame in frames)
    if weighting > 0:
        return f"DiffusionBValue reaches {weighting:g} s/mm²: not a structural image"
    if header.time_points > 1:
        return f"NumberOfTemporalPositions is {header.time_points}: not a structural image"
    times = len({frame.temporal_key[0] for frame in frames if frame.temporal_key[0]})
    if times > 1:
        return f"TemporalPositionIdentifier counts {times} points in time: not a structural image"
    volumes = _volumes(frames)
    if volumes >= _A_TIME_SERIES and len({frame.temporal_key[2] for frame in frames}) >= volumes:
        return f"AcquisitionNumber counts {volumes} volumes at the same positions: not a structural image"
    return None


def _volumes(frames: Sequence[Frame]) -> int:
    """How many images there are at every position; 1 where positions are not known."""
    positions = [frame.position for frame in frames if frame.position is not None]
    if len(positions) < len(frames):
        return 1
    return min(Counter(tuple((position / SAME_POSITION_MM).round().tolist()) for position in positions).values())
