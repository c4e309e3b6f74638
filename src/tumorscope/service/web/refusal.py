"""What a request may be refused with: a status of HTTP and one clear line."""

from __future__ import annotations

from tumorscope.core.errors import TumorscopeError


class ApiError(TumorscopeError):
    """The request is responded with this status and this line.

    >>> ApiError(404, "no such study").status
    404
    """

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers
