"""The patient of a case, which is the unit of a split."""

from __future__ import annotations

import re

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
