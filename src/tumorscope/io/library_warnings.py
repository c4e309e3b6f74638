"""Silencing the format libraries, whose logs may fill screens or quote a patient's name."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# A filter does not reach a logger's children, so those that these libraries have are all named.
_LOGGERS = ("tifffile", "nibabel.global", "pydicom", "pydicom.pixels.decoders.base", "pydicom.pixels.utils")
_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Drop the libraries' log records and warnings, in this thread and while it lasts.

    Works as a decorator too. Relevant problems reach the user as an error or a note.
    """
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_is_wanted)
    token = _quiet.set(True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        _quiet.reset(token)


def _is_wanted(_record: logging.LogRecord) -> bool:
    return not _quiet.get()
