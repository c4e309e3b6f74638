"""Files to scans: one reader a format, and :func:`open_scan`, which chooses."""

from tumorscope.io.discovery import find_cases, find_cases_among
from tumorscope.io.masks import find_mask, read_mask
from tumorscope.io.matlab import CjData, read_cjdata
from tumorscope.io.opening import open_scan

__all__ = ["CjData", "find_cases", "find_cases_among", "find_mask", "open_scan", "read_cjdata", "read_mask"]
