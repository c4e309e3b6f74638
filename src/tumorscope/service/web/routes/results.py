"""``/api/studies/{study_id}/…``: the files of a revision, one by one or all in one archive."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse, StreamingResponse

from tumorscope.core.files import safe_name
from tumorscope.reporting.analysis_document import AnalysisDocument
from tumorscope.service.records import Study
from tumorscope.service.web.backend import BackendOfApp
from tumorscope.service.web.packing import pack
from tumorscope.service.web.refusal import ApiError
from tumorscope.service.web.results import RESULTS, VIEW_FOLDER, VIEW_SUFFIX, WHOLE, Result
from tumorscope.service.web.routes.describing import RevisionNumber, StudyId, problems

router = APIRouter(tags=["results"])

_FOR_GOOD = "private, max-age=86400, immutable"
"""Of an address that names its revision: what is there never changes."""
_ASK_AGAIN = "private, no-cache"
_READ_AT_ONCE = 1 << 20
"""A small file is read where the request is handled; a larger one is sent in pieces of this size."""


def _add_route(result: Result) -> None:
    def get_result(
        study_id: StudyId, request: Request, backend: BackendOfApp, revision: RevisionNumber = None
    ) -> Response:
        study = backend.study(request, study_id)
        number = _revision(study, revision)
        path = backend.folders.run(study.id, number) / result.file
        stat = _stat(path, f"this study has no {result.file} ({result.output.description})")
        headers = _headers(study, number, result.file, stat, asked=revision)
        if result.policy is not None:
            headers["content-security-policy"] = result.policy
        return _response(
            request,
            path,
            stat,
            headers,
            result.output.media_type,
            f"{safe_name(study.name)}-{result.file}",
            result.policy is not None,
        )

    router.add_api_route(
        f"/api/studies/{{study_id}}/{result.address}",
        get_result,
        methods=["GET"],
        response_class=Response,
        responses={
            200: _DESCRIBED.get(result.output.media_type, {"content": {result.output.media_type: {}}}),
            206: {"description": "The range of bytes that was asked for."},
            **problems(304, 404, 409, 416, 422),
        },
        operation_id=f"get_{re.sub(r'[^a-z0-9]', '_', result.file)}",
        summary=result.output.title,
    )


_DESCRIBED: dict[str, dict[str, Any]] = {
    "application/json": {"model": AnalysisDocument},
    "text/html": {"content": {"text/html": {"schema": {"type": "string"}}}},
}

for _each in RESULTS:
    _add_route(_each)


@router.get(
    f"/api/studies/{{study_id}}/images/{{name}}{VIEW_SUFFIX}",
    response_class=Response,
    responses={
        200: {"content": {"application/gzip": {}}},
        206: {"description": "The range of bytes that was asked for."},
        **problems(304, 404, 409, 416, 422),
    },
    operation_id="get_image",
)
def get_image(
    study_id: StudyId,
    name: Annotated[str, InPath(max_length=64, description="A sequence, `mask` or `activation`.")],
    request: Request,
    backend: BackendOfApp,
    revision: RevisionNumber = None,
) -> Response:
    """A volume for viewing, on the scan's grid: axes column, row, slice."""
    study = backend.study(request, study_id)
    number = _revision(study, revision)
    folder = backend.folders.run(study.id, number) / VIEW_FOLDER
    missing = "this study has no such image"
    if name != safe_name(name):
        raise ApiError(404, missing)
    file = f"{name}{VIEW_SUFFIX}"
    stat = _stat(folder / file, missing)
    headers = _headers(study, number, f"{VIEW_FOLDER}-{file}", stat, asked=revision)
    return _response(request, folder / file, stat, headers, "application/gzip", file, shown=False)


@router.get(
    f"/api/studies/{{study_id}}/{WHOLE}",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/zip": {}}}, **problems(404, 409, 422)},
    operation_id="get_results_zip",
)
def get_whole(study_id: StudyId, request: Request, backend: BackendOfApp, revision: RevisionNumber = None) -> Response:
    """All results in one archive, packed while it is sent."""
    study = backend.study(request, study_id)
    run = backend.folders.run(study.id, _revision(study, revision))
    files = [run / result.file for result in RESULTS if (run / result.file).is_file()]
    if not files:
        raise ApiError(404, "this study has no such revision")
    name = safe_name(study.name)
    headers = {"content-disposition": f'attachment; filename="{name}-results.zip"', "cache-control": _ASK_AGAIN}
    return StreamingResponse(pack(files, name), media_type="application/zip", headers=headers)


def _revision(study: Study, asked: int | None) -> int:
    """The number of the revision that is meant, if there are results of it."""
    if study.revision == 0:
        line = "its analysis failed, so there are no results" if study.state == "failed" else "is not analyzed yet"
        raise ApiError(409, f"this study {line}" if study.state != "failed" else line)
    if asked is not None and asked > study.revision:
        raise ApiError(404, f"this study has no revision {asked}; the newest is {study.revision}")
    return study.revision if asked is None else asked


def _stat(path: Path, missing: str) -> os.stat_result:
    try:
        return path.stat()
    except OSError:
        raise ApiError(404, missing) from None


def _headers(study: Study, number: int, file: str, stat: os.stat_result, asked: int | None) -> dict[str, str]:
    return {
        "etag": f'"{study.id}-{number}-{file}-{stat.st_mtime_ns:x}"',
        "cache-control": _ASK_AGAIN if asked is None else _FOR_GOOD,
    }


def _response(
    request: Request,
    path: Path,
    stat: os.stat_result,
    headers: dict[str, str],
    media_type: str,
    filename: str,
    shown: bool,
) -> Response:
    """The file in pieces, or nothing where the client has it already."""
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if headers["etag"] in known:
        return Response(status_code=304, headers=headers)
    if stat.st_size > _READ_AT_ONCE or "range" in request.headers:
        kind = "inline" if shown else "attachment"
        return _LargeFile(
            path,
            headers=headers,
            media_type=media_type,
            filename=filename,
            stat_result=stat,
            content_disposition_type=kind,
        )
    headers["content-disposition"] = f'{"inline" if shown else "attachment"}; filename="{filename}"'
    headers["accept-ranges"] = "bytes"
    return Response(path.read_bytes(), headers=headers, media_type=media_type)


class _LargeFile(FileResponse):
    """Every piece costs a turn of a thread, so pieces are large."""

    chunk_size = _READ_AT_ONCE
