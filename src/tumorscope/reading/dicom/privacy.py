"""Keeping the patient's name out of cases, notes and messages."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset

_LONG = 4
"""Parts of a name this long are found inside other words; shorter ones only as whole words."""


def patient_words(dataset: Dataset) -> frozenset[str]:
    """The parts of the patient's name in lower case; none where the file says it is anonymised."""
    if str(dataset.get("PatientIdentityRemoved", "")).upper() == "YES":
        return frozenset()
    names = f"{dataset.get('PatientName', '')} {dataset.get('OtherPatientNames', '')}"
    parts = re.split(r"[\W_\d]+", names.lower())
    return frozenset(part for part in parts if len(part) > 1)


def names_patient(text: str, words: frozenset[str]) -> bool:
    """Whether a text contains a part of the patient's name.

    >>> names_patient("scan_of_doe", frozenset({"doe"})), names_patient("t2_axial", frozenset({"doe"}))
    (True, False)
    """
    lowered = text.lower()
    own = set(re.split(r"[\W_\d]+", lowered))
    return any(word in own or (len(word) >= _LONG and word in lowered) for word in words)


def series_code(series: str) -> str:
    """A name for a series that says nothing about the patient: ``series-1a2b3c4d``.

    Args:
        series: SeriesInstanceUID.
    """
    return f"series-{hashlib.sha256(series.encode()).hexdigest()[-8:]}"
