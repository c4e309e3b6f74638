"""What a request may be refused with: a status of HTTP and one clear line."""

from __future__ import annotations

from tumorscope.errors import TumorscopeError


class Refusal(TumorscopeError):
    """The request is answered with this status and this line.

    >>> Refusal(404, "no such study").status
    404
    """

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers
