"""Whether two studies may be compared: of one patient, in time's order, by one network on the same sequences."""

from __future__ import annotations

from dataclasses import dataclass

from tumorscope.core.note import Note


@dataclass(frozen=True)
class Origin:
    """Where a study's mask comes from, as far as it is known.

    Attributes:
        patient_key: see :mod:`tumorscope.io.dicom.patient_key`.
        study_date: ISO 8601.
        bundle: name and version.
        bundle_sha256: of card and models.
        sequences: what each input of the network received; empty where it is not known.
    """

    patient_key: str | None = None
    study_date: str | None = None
    bundle: str | None = None
    bundle_sha256: str | None = None
    sequences: tuple[str, ...] = ()


def conflicts(before: Origin, after: Origin) -> list[str]:
    """Why the two must not be compared; empty where nothing is known against it.

    >>> conflicts(Origin(study_date="2026-03-01"), Origin(study_date="2026-01-01"))
    ['the study to compare with is the later one (2026-03-01, then 2026-01-01); exchange the two']
    """
    found = []
    if _same_salt(before, after) and before.patient_key != after.patient_key:
        found.append("they are of different patients")
    if before.study_date and after.study_date and before.study_date > after.study_date:
        found.append(
            f"the study to compare with is the later one ({before.study_date}, then {after.study_date}); "
            "exchange the two"
        )
    if before.bundle_sha256 and after.bundle_sha256 and before.bundle_sha256 != after.bundle_sha256:
        names = f"{before.bundle} and {after.bundle}" if before.bundle != after.bundle else f"two of {before.bundle}"
        found.append(f"they were made by different bundles ({names})")
    if _named(before) and _named(after) and before.sequences != after.sequences:
        found.append(f"the network received other sequences ({_listed(before)}, then {_listed(after)})")
    return found


def doubts(before: Origin, after: Origin) -> list[Note]:
    """What is not known of the two, as a note; empty where all is known."""
    unknown = []
    if not _same_salt(before, after):
        unknown.append("of one patient")
    if not (before.study_date and after.study_date):
        unknown.append("in this order")
    if not (before.bundle_sha256 and after.bundle_sha256):
        unknown.append("made by one bundle")
    if not (_named(before) and _named(after)):
        unknown.append("of the same sequences")
    what = f"not known, and taken for granted: that both are {', '.join(unknown)}"
    return [Note("unverified_origin", what)] if unknown else []


def _same_salt(before: Origin, after: Origin) -> bool:
    """Whether two keys can be compared at all: other installations have other salts."""
    if before.patient_key is None or after.patient_key is None:
        return False
    return before.patient_key.partition("-")[0] == after.patient_key.partition("-")[0]


def _named(origin: Origin) -> bool:
    return bool(origin.sequences) and "unknown" not in origin.sequences


def _listed(origin: Origin) -> str:
    return " ".join(origin.sequences)
