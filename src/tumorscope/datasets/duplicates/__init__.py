"""Exact and near copies of pictures within and across data sets."""

from tumorscope.datasets.duplicates.comparing import DuplicatePair, find_duplicates, groups, near_copies, originals
from tumorscope.datasets.duplicates.fingerprints import (
    Fingerprints,
    find_pictures,
    fingerprint_arrays,
    fingerprint_folder,
    read_grey,
)

__all__ = [
    "DuplicatePair",
    "Fingerprints",
    "find_duplicates",
    "find_pictures",
    "fingerprint_arrays",
    "fingerprint_folder",
    "groups",
    "near_copies",
    "originals",
    "read_grey",
]
