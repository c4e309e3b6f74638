"""Worker processes of the service and the DICOM node: how they end, and which libraries must not log."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable


def describe_exit(code: int) -> str:
    """The end of a process in words.

    >>> describe_exit(-11), describe_exit(2)
    ('was ended by signal 11', 'ended with exit code 2')
    """
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"


def silence_libraries(names: Iterable[str]) -> None:
    """Discard all warnings, and the log messages of libraries, which may contain names, UIDs and titles."""
    warnings.simplefilter("ignore")
    for name in names:
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.handlers = [logging.NullHandler()]
