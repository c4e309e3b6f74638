"""What a series says about itself, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tumorscope.reading.checks import printable
from tumorscope.reading.dicom.privacy import names_patient
from tumorscope.reading.sequences import names_other, recognize_sequence
from tumorscope.scan import SEQUENCES

if TYPE_CHECKING:
    from pydicom import Dataset

_NO_AGENT = {"", "no", "none", "n", "0", "without", "nativ"}


@dataclass(frozen=True)
class SeriesHeader:
    """The attributes by which a series is named and its sequence recognised.

    pydicom decodes an attribute when it is first asked for, and a damaged one raises then;
    so all are asked for at once, here.

    Attributes:
        series: SeriesInstanceUID.
        number: SeriesNumber, 0 where not given.
        description: SeriesDescription.
        protocol: ProtocolName.
        contrast: whether a contrast agent is recorded.
        scanning: the ScanningSequence codes, SE, IR, GR, EP, RM.
    """

    series: str
    number: int
    description: str
    protocol: str
    contrast: bool
    scanning: frozenset[str]

    @classmethod
    def of(cls, dataset: Dataset) -> SeriesHeader:
        """From the header of one file of the series."""
        scanning = dataset.get("ScanningSequence") or ()
        number = str(dataset.get("SeriesNumber") or 0)
        return cls(
            series=str(dataset.get("SeriesInstanceUID", "")),
            number=int(number) if number.isdecimal() else 0,
            description=str(dataset.get("SeriesDescription", "") or "").strip(),
            protocol=str(dataset.get("ProtocolName", "") or "").strip(),
            contrast=str(dataset.get("ContrastBolusAgent", "") or "").strip().lower() not in _NO_AGENT,
            scanning=frozenset([scanning] if isinstance(scanning, str) else map(str, scanning)),
        )


def public_text(text: str, words: frozenset[str]) -> str:
    """A description that may be shown: one line, and empty if it names the patient."""
    return "" if not text or names_patient(text, words) else printable(text)[:60]


def sequence_of(header: SeriesHeader, words: frozenset[str]) -> tuple[str, str]:
    """The sequence, ``"unknown"`` where the header is not plain, and a note that says why.

    Args:
        header: of the series.
        words: the patient's name, kept out of the note.
    """
    for text, what in ((header.description, "series description"), (header.protocol, "protocol name")):
        shown = public_text(text, words)
        if names_other(text):
            break
        sequence = recognize_sequence(text, header.contrast)
        quoted = f'the {what} "{shown}"' if shown else f"the {what}"
        if sequence == "t2" and "GR" in header.scanning and "SE" not in header.scanning:
            return "unknown", f"sequence unknown: {quoted} names T2, but it is a gradient echo, so perhaps T2*"
        if sequence != "unknown":
            agent = ", and a contrast agent is recorded" if sequence == "t1c" and header.contrast else ""
            return sequence, f"sequence {sequence} taken from {quoted}{agent}"
    names = ", ".join(SEQUENCES)
    shown = public_text(header.description, words)
    if not shown:
        return "unknown", f"sequence unknown: no series description that names one of {names}"
    return "unknown", f'sequence unknown: the series description "{shown}" does not plainly name one of {names}'
