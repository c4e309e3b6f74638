"""Exact and near copies of images within and across data sets."""

from tumorscope.datasets.duplicates.fingerprints import (
    Fingerprints,
    find_images,
    fingerprint_arrays,
    fingerprint_folder,
    read_gray,
)
from tumorscope.datasets.duplicates.matching import DuplicatePair, find_duplicates, groups, near_copies, originals

__all__ = [
    "DuplicatePair",
    "Fingerprints",
    "find_duplicates",
    "find_images",
    "fingerprint_arrays",
    "fingerprint_folder",
    "groups",
    "near_copies",
    "originals",
    "read_gray",
]
