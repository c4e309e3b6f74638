"""Files to scans and masks: one reader per format; :func:`open_scan` and :func:`open_segmentation` choose it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tumorscope.io.discovery import find_cases, find_cases_among
    from tumorscope.io.matlab import CjData, read_cjdata
    from tumorscope.io.scan_reader import open_scan
    from tumorscope.io.segmentation_reader import find_mask, open_segmentation, read_mask

__all__ = [
    "CjData",
    "find_cases",
    "find_cases_among",
    "find_mask",
    "open_scan",
    "open_segmentation",
    "read_cjdata",
    "read_mask",
]

_HOMES = {
    "CjData": "matlab",
    "find_cases": "discovery",
    "find_cases_among": "discovery",
    "find_mask": "segmentation_reader",
    "open_scan": "scan_reader",
    "open_segmentation": "segmentation_reader",
    "read_cjdata": "matlab",
    "read_mask": "segmentation_reader",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: help texts need the registry of formats alone."""
    if name not in _HOMES:
        raise AttributeError(f"module 'tumorscope.io' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"tumorscope.io.{_HOMES[name]}"), name)
