"""The error of a rejected request: an HTTP status and one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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


def invalid_line(fault: Mapping[str, Any], whole: str) -> str:
    """One line on the first invalid field, without its value, which could be markup or a patient's name.

    Args:
        fault: one of pydantic's errors.
        whole: what the request's part is called where no field of it is to blame.

    >>> invalid_line({"loc": ("query", "state", 0), "type": "literal_error", "msg": "Input should be 'done'"}, "the request")
    "state: input should be 'done'"
    """
    name = next(
        (part for part in reversed(fault["loc"]) if isinstance(part, str)), whole
    )  # numbers count a list's items
    if fault["type"] == "string_pattern_mismatch":
        return f"{name}: not of the form that /docs describes for it"
    return f"{name}: {fault['msg'][0].lower()}{fault['msg'][1:]}"
