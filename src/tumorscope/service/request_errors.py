"""Errors of requests that cannot be carried out now."""

from __future__ import annotations

from tumorscope.core.errors import TumorscopeError


class Conflict(TumorscopeError):
    """Another request was first, or the study's state does not allow the request."""


class UnknownStudy(TumorscopeError):
    """The study does not exist (any more)."""
