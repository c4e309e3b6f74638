"""How people are told which slice is meant: every text, table, figure and DICOM object names slices by these.

Programs count from zero (``analysis.json``, keys ``slice`` and ``index``). People count as the source does, by DICOM's
instance numbers, else from one.
"""

from __future__ import annotations

from tumorscope.core.scan import Scan


def slice_number(scan: Scan, index: int) -> int:
    """The number of a slice: its image's in the DICOM series, else counted from one."""
    return scan.slice_numbers[index] if scan.slice_numbers else index + 1


def slice_text(scan: Scan, index: int) -> str:
    """A slice by its number; the only one of a scan is an image.

    >>> import numpy as np
    >>> scan = Scan(np.zeros((3, 2, 2, 1)), ("t1",), "case", "slices")
    >>> slice_text(scan, 0), slice_text(Scan(scan.voxels[:1], ("t1",), "case", "image"), 0)
    ('slice 1', 'image')
    """
    return f"slice {slice_number(scan, index)}" if len(scan.voxels) > 1 else "image"


def slice_range(scan: Scan, first: int, last: int) -> tuple[int, int]:
    """The smallest and the largest number of a range of slices: instance numbers may run against the slices' order."""
    low, high = sorted((slice_number(scan, first), slice_number(scan, last)))
    return low, high


def numbering_text(scan: Scan) -> str:
    """How a scan's slices are numbered, for captions.

    >>> import numpy as np
    >>> numbering_text(Scan(np.zeros((3, 2, 2, 1)), ("t1",), "case", "slices"))
    'slices are counted from 1'
    """
    return "slices are numbered as in the DICOM series" if scan.slice_numbers else "slices are counted from 1"
