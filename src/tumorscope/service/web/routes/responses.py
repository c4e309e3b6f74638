"""Descriptions of common responses and parameters for the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query

from tumorscope.service.catalog_records import State
from tumorscope.service.web.schemas import Problem

_DESCRIPTIONS = {
    304: "Not modified since the client's copy.",
    400: "The request cannot be used, or its Host header names another host.",
    401: "Missing or wrong credentials.",
    403: "A cross-site request.",
    404: "The study, or this part of it, does not exist.",
    408: "Timeout while waiting for the request's body.",
    409: "The study's state does not allow the request now.",
    412: "Another user has saved a newer revision.",
    413: "A limit is exceeded.",
    415: "The media type is not supported.",
    416: "The range of bytes does not exist.",
    422: "A parameter is invalid.",
    428: "The If-Match header with the base revision is missing.",
    429: "Too many requests at once, or too many wrong credentials.",
    502: "The archive does not respond, or rejects the connection.",
    503: "Not ready, or the database cannot be used.",
    507: "The disk is full.",
}
EVERYWHERE = (400, 401, 403, 429, 503)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The description of these statuses and of those that any route may return."""
    return {
        status: {"description": _DESCRIPTIONS[status], **({} if status == 304 else {"model": Problem})}
        for status in sorted({*EVERYWHERE, *statuses})
    }


def problem(status: int) -> dict[str, Any]:
    """The description of one status in the final document."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": _DESCRIPTIONS[status], "content": {"application/json": {"schema": schema}}}


StudyId = Annotated[
    str, Path(description="Id of the study, from the response to an upload or from the list.", max_length=64)
]
RevisionNumber = Annotated[
    int | None, Query(ge=1, le=1_000_000, alias="revision", description="By default the newest finished revision.")
]
SearchText = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$", description="Part of a study's name.")]
StateFilter = Annotated[list[State] | None, Query(description="Only studies in these states; may be repeated.")]
