"""The one kind of error that users see: a single clear line."""

from __future__ import annotations

import traceback
from pathlib import Path


class TumorscopeError(Exception):
    """Something the user can act on.

    The message is one line that says what is wrong and what to do about it. The command
    line prints it without a traceback and exits with code 2.

    >>> str(TumorscopeError("scan.png: not an image"))
    'scan.png: not an image'
    """


class UnreadableScan(TumorscopeError):
    """The input could not be read as a scan."""


class BadBundle(TumorscopeError):
    """A bundle is missing, damaged or does not fit this version."""


class BadRecipe(TumorscopeError):
    """A recipe does not describe a training that can be run."""


class BadDataset(TumorscopeError):
    """A data set's folder does not have the layout its publisher uses."""


class BadSplit(TumorscopeError):
    """A split would put one patient on both sides."""


def where(error: BaseException) -> str:
    """The kind of an error and the line it came from; not its message, which may quote the patient."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(frame.filename).name}, line {frame.lineno}"
