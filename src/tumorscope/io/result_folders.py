"""Folders that this program has written: results, not scans to analyze."""

from __future__ import annotations

from pathlib import Path

_SEALS = (("analysis.json", b"tumorscope.analysis/"), ("dataset_description.json", b'"Tumorscope"'))
"""What the folder of a case and a BIDS derivative data set hold, and what its first bytes contain."""
_HEAD = 2000


def is_results(folder: Path) -> bool:
    """Whether a folder holds the results of an analysis, or is a data set of them."""
    return any(_begins_with(folder / name, mark) for name, mark in _SEALS)


def _begins_with(path: Path, mark: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return mark in file.read(_HEAD)
    except OSError:
        return False
