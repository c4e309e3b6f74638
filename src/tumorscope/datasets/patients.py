"""The patient of a case, which is the unit of a split."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_PUBLISHED = re.compile(
    r"""(?<![A-Za-z0-9])(?:
      (?P<tcga>TCGA[-_][A-Z0-9]{2}[-_][A-Z0-9]{4}) (?![A-Za-z0-9])   # project, site, participant; then date or sample
    | (?P<brats>BraTS-[A-Za-z]+-\d{5}) (?=-\d{3}(?!\d))              # then the number of the visit
    | (?P<bids>sub-[A-Za-z0-9]+) (?![A-Za-z0-9])                     # then ses-…
    | (?P<penn>UPENN-GBM-\d{5}|UCSD-PTGBM-\d{4}) (?=_\d{2}(?!\d))    # then the number of the visit
    )""",
    re.VERBOSE,
)
_WHEN = re.compile(
    r"""[-_/\ ]+(?:
      (?:19|20)\d{2}([-_.]?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])   # 20010315, 2001-03-15
    | (?:ses|session|visit|time|timepoint|week|month|day) (?:[-_]?\d+|-[A-Za-z0-9]+) (?:-\d+)?
    | (?:baseline|follow-?up) [-_]?\d*
    ) (?![A-Za-z0-9]).*""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


def patient_key(name: str) -> str:
    """The patient in a case's name, without date, session or number of the visit.

    Names of published collections (TCGA, BraTS, UPENN-GBM, UCSD-PTGBM, BIDS) are recognized by
    their form; from other names, a date or session and everything after it is removed. A prefix,
    such as a data set's name, is kept.

    >>> patient_key("TCGA_CS_4941_19960909"), patient_key("BraTS-GLI-00483-000"), patient_key("sub-01_ses-02")
    ('TCGA_CS_4941', 'BraTS-GLI-00483', 'sub-01')
    >>> patient_key("lgg/TCGA_CS_4941_19960909"), patient_key("Patient-001/week-044"), patient_key("MR040240B")
    ('lgg/TCGA_CS_4941', 'Patient-001', 'MR040240B')
    """
    published = _PUBLISHED.search(name)
    if published:
        return name[: published.end()]
    return _WHEN.sub("", name)


def published_patient(name: str) -> str | None:
    """The patient of a published collection in a file's name; None if there is none.

    >>> published_patient("TCGA_CS_4941_19960909_12"), published_patient("Te-gl_0010")
    ('TCGA_CS_4941', None)
    """
    match = _PUBLISHED.search(name)
    return match.group() if match else None


_CODE = re.compile(
    r"(?<![A-Za-z0-9])(?:patient|pat|subject|subj|sub|case|pid|id|p)[-_ ]?\d+(?![A-Za-z0-9])", re.IGNORECASE
)
"""A word for a patient with a number."""
_SLICE = re.compile(r"[-_. ](?:slice|sl|img|image|frame|z)[-_ ]?\d+$", re.IGNORECASE)
_NUMBER = re.compile(r"(?<=\d)[-_. ]\d+$")
"""A number after a name that already ends in one: the slice of a numbered patient."""
_FEWEST = 3
"""Fewer patients than this cannot be split, so that what was taken for their names must be something else."""


@dataclass(frozen=True)
class PatientsByName:
    """What names tell about patients.

    Attributes:
        patients: the patient of each name; the name itself where it tells none.
        example: a name from which another patient was taken; None if no name tells one.
    """

    patients: dict[str, str]
    example: str | None


def patients_by_name(names: Sequence[str]) -> PatientsByName:
    """The patients that the names of a user's own cases tell.

    Taken are the forms of :func:`patient_key`, words for patients with a number (``patient12_…``, ``P001_…``), names
    before the number of a slice (``A12_slice_7``), and if there are none of these, numbered names before a further
    number (``17_3``), and folders of several cases, where that makes at least three patients.

    >>> patients_by_name(["P001_4", "P001_5", "P002_1"]).patients["P001_5"]
    'P001'
    >>> patients_by_name(["17_3", "17_4", "18_1", "19_1"]).patients["17_4"]
    '17'
    >>> patients_by_name(["mri_003", "mri_004", "mri_007"]).example is None
    True
    """
    for key in (_told, _before_number, _folder):
        patients = {name: key(name) for name in names}
        changed = [name for name, patient in patients.items() if patient != name]
        groups = Counter(patients.values())
        if changed and (key is _told or (len(groups) >= _FEWEST and max(groups.values()) > 1)):
            return PatientsByName(patients, changed[0])
    return PatientsByName({name: name for name in names}, None)


def _told(name: str) -> str:
    known = published_patient(name)
    if known is not None:
        return known
    code = _CODE.search(name)
    return name[: code.end()] if code else _SLICE.sub("", patient_key(name))


def _before_number(name: str) -> str:
    return _NUMBER.sub("", name)


def _folder(name: str) -> str:
    return name.rpartition("/")[0] or name
