"""File names as BIDS writes them: entities such as ``ses-02``, then a suffix such as ``T1w``.

https://bids-specification.readthedocs.io/en/stable/common-principles.html#entities
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_ENTITY = re.compile(
    r"(sub|ses|sample|task|tracksys|acq|nuc|voi|ce|trc|stain|rec|dir|run|mod|echo|flip|inv|mt|part|proc|hemi|space|split|"
    r"recording|chunk|atlas|seg|scale|res|den|label|desc|cohort|tpl)-(.+)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class BidsName:
    """A name of the form ``sub-01_ses-02_acq-ax_FLAIR``.

    Attributes:
        entities: labels by key, the first where a key repeats.
        rest: what is not an entity, the suffix above all.
    """

    entities: Mapping[str, str]
    rest: str

    @property
    def case(self) -> str | None:
        """Subject and session, ``sub-01_ses-02``; None where the name states neither."""
        return "_".join(f"{key}-{self.entities[key]}" for key in ("sub", "ses") if key in self.entities) or None


def parse_bids_name(stem: str) -> BidsName | None:
    """The entities of a name that states a subject or a session, or None.

    Args:
        stem: a file's name; a suffix of its format stays in ``rest``.

    >>> parse_bids_name("sub-01_ses-post_T1w").rest, parse_bids_name("BraTS-GLI-00000-000-t1n")
    ('T1w', None)
    """
    entities: dict[str, str] = {}
    rest = []
    for part in stem.split("_"):
        match = _ENTITY.fullmatch(part)
        if match:
            entities.setdefault(match[1].lower(), match[2])
        else:
            rest.append(part)
    if not entities.keys() & {"sub", "ses"}:
        return None
    return BidsName(entities, "_".join(rest))
