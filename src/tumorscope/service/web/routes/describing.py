"""Responds that many routes may give, for the description of the interface."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query

from tumorscope.service.web.models import Problem

_WHAT = {
    304: "Not changed since the revision that the client has.",
    400: "What was sent cannot be used, or the Host header names another host.",
    401: "No or wrong credentials.",
    403: "A request from another site.",
    404: "No such study, or it has no such thing.",
    408: "Nothing came for too long.",
    409: "Not now: the study is in another state.",
    412: "Someone else saved meanwhile.",
    413: "Over a limit.",
    415: "Of a kind that is not taken.",
    416: "No such range of bytes.",
    422: "A parameter is wrong.",
    428: "Say by If-Match on which revision this builds.",
    429: "Too many at once, or too many wrong tokens.",
    503: "Not ready, or the database is in trouble.",
    507: "No space left.",
}
EVERYWHERE = (400, 401, 403, 429, 503)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The description of these statuses, and of those that any route may response with."""
    return {
        status: {"description": _WHAT[status], **({} if status == 304 else {"model": Problem})}
        for status in sorted({*EVERYWHERE, *statuses})
    }


def problem(status: int) -> dict[str, Any]:
    """The description of one status as it stands in the finished document."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": _WHAT[status], "content": {"application/json": {"schema": schema}}}


StudyId = Annotated[str, Path(description="From the response to an upload, or from the list.", max_length=64)]
RevisionNumber = Annotated[
    int | None, Query(ge=1, le=1_000_000, alias="revision", description="The newest that is done, if not given.")
]
