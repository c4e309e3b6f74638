"""What a request can be told when it cannot be done now."""

from __future__ import annotations

from tumorscope.core.errors import TumorscopeError


class Conflict(TumorscopeError):
    """Someone else was first, or the study is not in a state for it."""


class UnknownStudy(TumorscopeError):
    """There is no such study, or no longer."""
