"""Whose scan a report is about, and which program made it when.

A report may leave the hospital: it has no name, number or birth date of a patient. DICOM objects have them; a report is
matched with its study by date, descriptions and the patient's key.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from tumorscope.core.scan import Scan, SeriesIdentity
from tumorscope.inference.analysis import Analysis
from tumorscope.reporting.wording import clean, sequence_text

Pairs = tuple[tuple[str, str], ...]


def about_the_scan(scan: Scan) -> Pairs:
    """Patient, study and series, as far as the input tells."""
    sequences = ", ".join(sequence_text(sequence) for sequence in scan.sequences)
    if scan.study is None:
        where = () if scan.source is None else (("Read from", _file_text(scan.source)),)
        return (("Patient", "not stated by this file format; go by the name above"), *where, ("Sequences", sequences))
    study = scan.study
    key = "no PatientID" if study.patient_key is None else f"key {study.patient_key}, in place of the PatientID"
    parts = [date_text(study.date), clean(study.description)]
    return (
        ("Patient", f"name and number are left out; {key}"),
        ("Study", ", ".join(part for part in parts if part)),
        ("Series", "; ".join(map(_series_text, study.series)) or sequences),
    )


def made_by(analysis: Analysis) -> str:
    """Program, bundles and time, with the time zone."""
    from tumorscope import __version__

    cards = [label.bundle.card for label in analysis.by_bundle]
    bundles = " and ".join(f"{card.name} {card.version}" for card in cards)
    what = "network (bundle)" if len(cards) == 1 else "networks (bundles)"
    return f"Tumorscope {__version__} with the {what} {bundles}, {moment_text(analysis.analyzed_at)}"


def moment_text(moment: datetime) -> str:
    """A moment to the minute, with its time zone.

    >>> from datetime import timezone
    >>> moment_text(datetime(2026, 3, 2, 9, 5, tzinfo=timezone.utc))
    '2 March 2026, 09:05 UTC+00:00'
    """
    zone = moment.strftime("%z")
    return f"{date_text(moment.date().isoformat())}, {moment:%H:%M} UTC{zone[:3]}:{zone[3:5]}"


def date_text(date: str | None) -> str:
    """A date that no country reads otherwise.

    >>> date_text("2026-03-02"), date_text(None)
    ('2 March 2026', 'date not stated')
    """
    if date is None:
        return "date not stated"
    found = datetime.fromisoformat(date)
    return f"{found.day} {_MONTHS[found.month - 1]} {found.year}"


_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
"""Not by ``strftime``, which follows the machine's language."""


def _file_text(source: Path) -> str:
    source = source.absolute()
    return clean(f"{source.name}, in the folder {source.parent.name}", 160)


def _series_text(series: SeriesIdentity) -> str:
    named = f"“{clean(series.description, 60)}”" if series.description else ""
    number = "" if series.number is None else f"no. {series.number}"
    header = " ".join(part for part in (number, named) if part) or "without a name"
    return header if series.sequence == "unknown" else f"{sequence_text(series.sequence)}: {header}"
