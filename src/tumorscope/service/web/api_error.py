"""The error of a rejected request: an HTTP status and one line."""

from __future__ import annotations

from tumorscope.core.errors import TumorscopeError


class ApiError(TumorscopeError):
    """An error response with this status and detail.

    >>> ApiError(404, "no such study").status
    404
    """

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers
