"""A case whose analysis ends in a fault of the program: one line for the user, a traceback in a log."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from tumorscope.core.errors import TumorscopeError, where

FAULT_LOG = "_faults.log"
"""In the folder of results; no case has this name, as safe names do not begin with an underscore."""
_FAULT = "a fault of the program"
_NOT_THE_DISK = FileNotFoundError, ConnectionError, TimeoutError


def failure_reason(error: BaseException) -> str:
    """Why a case has no results, in one line that names no patient unless a reader's message does.

    >>> failure_reason(OSError(28, "No space left on device")), failure_reason(MemoryError())
    ('the disk: no space left on device', 'not enough memory')
    """
    if isinstance(error, TumorscopeError):
        return " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return "not enough memory"
    if isinstance(error, OSError) and error.strerror and not isinstance(error, _NOT_THE_DISK):
        return f"the disk: {error.strerror.lower()}"
    return f"{_FAULT}, not of the case ({where(error)})"


def failure_line(error: BaseException, name: str, log: Path) -> str:
    """One line that names a case and says why it has no results.

    Args:
        error: what ended it. If the user can do nothing about it, it is a fault of the program,
            and its traceback is added to the log.
        name: of the case, as it may be shown.
        log: the file for tracebacks.
    """
    line = failure_reason(error)
    if isinstance(error, TumorscopeError):
        return line
    kept = line.startswith(_FAULT) and _keep(error, name, log)
    return f"{name}: {line}; its traceback is in {log}" if kept else f"{name}: {line}"


def _keep(error: BaseException, name: str, log: Path) -> bool:
    """Add a traceback to a log; false where it cannot be written; the program goes on."""
    text = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {name}\n{''.join(_told(error))}\n"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:  # one write, so that several processes can share it
            file.write(text)
    except OSError:
        return False
    return True


def _told(error: BaseException) -> Iterator[str]:
    """The program lines that led to an error and its causes; no messages, which may quote the patient."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _told(cause)
        yield "  led to\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{type(error).__qualname__}\n"
