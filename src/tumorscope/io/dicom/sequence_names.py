"""Which sequence a DICOM series shows, from its header, and why.

Words come first: the series description, then the protocol name. Where they name nothing the
acquisition contrast of enhanced files and the timing are asked, and only where they are plain.
Timing that contradicts the words makes the sequence unknown, for a wrong name costs more than
a missing one.
"""

from __future__ import annotations

from tumorscope.core.scan import SEQUENCES
from tumorscope.io.dicom.header import SeriesHeader, public_text
from tumorscope.io.dicom.image_kind import without_dixon_phase
from tumorscope.io.sequences import names_other, recognize_sequence

_BY_CONTRAST = {"FLUID_ATTENUATED": "flair", "T1": "t1", "T2": "t2"}
_OTHER_CONTRASTS = {"DIFFUSION", "FLOW_ENCODED", "PERFUSION", "PROTON_DENSITY", "STIR", "TAGGING", "T2_STAR", "TOF"}


def sequence_of(header: SeriesHeader, words: frozenset[str]) -> tuple[str, str]:
    """The sequence, ``"unknown"`` where the header is ambiguous, and a note with the reason.

    Args:
        header: of the series.
        words: the patient's name, kept out of the note.
    """
    if not header.kind.is_structural:
        return "unknown", f"sequence unknown: it is not an anatomical image ({header.kind.stated})"
    by_timing = weighting(header)
    for text, what in ((header.description, "series description"), (header.protocol, "protocol name")):
        text = without_dixon_phase(text)
        if names_other(text):
            return _unclear(header, words)
        sequence = recognize_sequence(text, header.contrast)
        if sequence == "unknown":
            continue
        shown = public_text(text, words)
        quoted = f'the {what} "{shown}"' if shown else f"the {what}"
        if doubt := _contradiction(header, sequence):
            return "unknown", f"sequence unknown: {quoted} names {sequence}, but {doubt}"
        if sequence == "t2" and by_timing == "flair":
            return "flair", f"sequence flair taken from {quoted} and {_timing(header)}, which darkens fluid"
        return sequence, f"sequence {sequence} taken from {quoted}{_agent(sequence, header)}"
    if header.acquisition_contrast in _OTHER_CONTRASTS:
        return "unknown", f"sequence unknown: the acquisition contrast is {header.acquisition_contrast}"
    by_contrast = _BY_CONTRAST.get(header.acquisition_contrast)
    if by_contrast is not None and by_timing not in (None, by_contrast):
        return "unknown", (
            f"sequence unknown: the acquisition contrast is {header.acquisition_contrast}, "
            f"but {_timing(header)} is that of {by_timing}"
        )
    found = by_contrast or by_timing
    if found in (None, "pd"):
        return _unclear(header, words)
    sequence = "t1c" if found == "t1" and header.contrast else found
    source = f"the acquisition contrast {header.acquisition_contrast}" if by_contrast else _timing(header)
    return sequence, f"sequence {sequence} taken from {source}{_agent(sequence, header)}"


def weighting(header: SeriesHeader) -> str | None:
    """``flair``, ``t1``, ``t2`` or ``pd`` where scanning sequence and timing leave no doubt, else None.

    The bounds are narrower than what is in use at 1.5 and 3 T: values between them are left
    open. STIR nulls fat with TI under 300 ms, FLAIR fluid with TI over 1400 ms. Gradient echoes
    are left open unless they are prepared by an inversion as MPRAGE is: angiographies, T2* and
    localizers have timing like T1.
    """
    scanning, repetition, echo = header.scanning, header.repetition_ms, header.echo_ms
    inversion = header.inversion_ms
    if not scanning or repetition is None or echo is None or not echo or scanning & {"EP", "RM"}:
        return None
    inverted = "IR" in scanning or (inversion or 0) > 0
    if inverted:
        if inversion is None:
            return None
        if "GR" not in scanning and 1400 <= inversion <= 3200 and repetition >= 4000 and echo >= 60:
            return "flair"
        prepared = "GR" in scanning and 600 <= inversion <= 1300 and 1200 <= repetition <= 3500 and echo <= 6
        # GE states the time between excitations for such sequences, a few milliseconds.
        prepared |= "GR" in scanning and 350 <= inversion <= 1300 and repetition <= 15 and echo <= 6
        darkened = "GR" not in scanning and 600 <= inversion <= 1300 and 1400 <= repetition <= 3500 and echo <= 35
        return "t1" if prepared or darkened else None
    if "SE" not in scanning or "GR" in scanning:
        return None
    if repetition >= 2000 and echo >= 70:
        return "t2"
    if repetition >= 1800 and echo <= 40:
        return "pd"
    return "t1" if 250 <= repetition <= 900 and echo <= 30 else None


def contradiction(header: SeriesHeader) -> str | None:
    """How the timing contradicts the sequence that a series is named after; None where it does not, or has no such name."""
    if not header.kind.is_structural:
        return None
    for text in map(without_dixon_phase, (header.description, header.protocol)):
        if names_other(text):
            return None
        sequence = recognize_sequence(text, header.contrast)
        if sequence != "unknown":
            return _contradiction(header, sequence)
    return None


def _contradiction(header: SeriesHeader, named: str) -> str | None:
    """FLAIR and T2 do not contradict each other: files may lack the inversion time."""
    if named == "t2" and "GR" in header.scanning and "SE" not in header.scanning:
        return "it is a gradient echo, so perhaps T2*"
    by_timing = weighting(header)
    if by_timing is None or (by_timing != "pd" and (named in ("t1", "t1c")) == (by_timing == "t1")):
        return None
    return f"{_timing(header)} is that of {by_timing}"


def _timing(header: SeriesHeader) -> str:
    codes = "+".join(sorted(header.scanning))
    inversion = "" if header.inversion_ms is None else f", TI {header.inversion_ms:g}"
    return f"the timing ({codes}, TR {header.repetition_ms or 0:g}, TE {header.echo_ms or 0:g}{inversion} ms)"


def _agent(sequence: str, header: SeriesHeader) -> str:
    return ", and a contrast agent is recorded" if sequence == "t1c" and header.contrast else ""


def _unclear(header: SeriesHeader, words: frozenset[str]) -> tuple[str, str]:
    names = ", ".join(SEQUENCES)
    shown = public_text(header.description, words)
    if not shown:
        return "unknown", f"sequence unknown: no series description that names one of {names}"
    return "unknown", f'sequence unknown: the series description "{shown}" does not plainly name one of {names}'
