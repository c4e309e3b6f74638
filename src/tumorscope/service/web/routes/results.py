"""``/api/studies/{study_id}/…``: the files of a revision, individually or in one archive."""

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
from tumorscope.service.catalog_records import Study
from tumorscope.service.web.api_error import ApiError
from tumorscope.service.web.backend import BackendOfApp
from tumorscope.service.web.revision_files import ARCHIVE, RESULTS, VIEW_FOLDER, VIEW_SUFFIX, Result
from tumorscope.service.web.routes.responses import RevisionNumber, StudyId, problems
from tumorscope.service.web.zip_stream import zip_stream

router = APIRouter(tags=["results"])

_IMMUTABLE = "private, max-age=86400, immutable"
"""For URLs with a revision, whose content never changes."""
_REVALIDATE = "private, no-cache"
_READ_AT_ONCE = 1 << 20
"""Smaller files are sent at once, larger ones in chunks of this size."""


def _add_route(result: Result) -> None:
    def get_result(
        study_id: StudyId, request: Request, backend: BackendOfApp, revision: RevisionNumber = None
    ) -> Response:
        study = backend.study(request, study_id)
        number = _revision(study, revision)
        path = backend.folders.run(study.id, number) / result.file
        stat = _stat(path, f"this study has no {result.file} ({result.output.description})")
        headers = _headers(study, number, result.file, stat, requested=revision)
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
        206: {"description": "The requested range of bytes."},
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
    """A volume for viewing on the scan's grid, with the axes column, row and slice."""
    study = backend.study(request, study_id)
    number = _revision(study, revision)
    folder = backend.folders.run(study.id, number) / VIEW_FOLDER
    missing = "the study has no such image"
    if name != safe_name(name):
        raise ApiError(404, missing)
    file = f"{name}{VIEW_SUFFIX}"
    stat = _stat(folder / file, missing)
    headers = _headers(study, number, f"{VIEW_FOLDER}-{file}", stat, requested=revision)
    return _response(request, folder / file, stat, headers, "application/gzip", file, shown=False)


@router.get(
    f"/api/studies/{{study_id}}/{ARCHIVE}",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/zip": {}}}, **problems(404, 409, 422)},
    operation_id="get_results_zip",
)
def get_archive(
    study_id: StudyId, request: Request, backend: BackendOfApp, revision: RevisionNumber = None
) -> Response:
    """All results in one ZIP archive."""
    study = backend.study(request, study_id)
    run = backend.folders.run(study.id, _revision(study, revision))
    files = [run / result.file for result in RESULTS if (run / result.file).is_file()]
    if not files:
        raise ApiError(404, "the study has no such revision")
    name = safe_name(study.name)
    headers = {"content-disposition": f'attachment; filename="{name}-results.zip"', "cache-control": _REVALIDATE}
    return StreamingResponse(zip_stream(files, name), media_type="application/zip", headers=headers)


def _revision(study: Study, requested: int | None) -> int:
    """The requested revision, or the newest; it has results."""
    if study.revision == 0:
        line = (
            "the study has no results, since its analysis failed" if study.state == "failed" else "is not analyzed yet"
        )
        raise ApiError(409, f"the study {line}" if study.state != "failed" else line)
    if requested is not None and requested > study.revision:
        raise ApiError(404, f"the study has no revision {requested}; the newest is {study.revision}")
    return study.revision if requested is None else requested


def _stat(path: Path, missing: str) -> os.stat_result:
    try:
        return path.stat()
    except OSError:
        raise ApiError(404, missing) from None


def _headers(study: Study, number: int, file: str, stat: os.stat_result, requested: int | None) -> dict[str, str]:
    return {
        "etag": f'"{study.id}-{number}-{file}-{stat.st_mtime_ns:x}"',
        "cache-control": _REVALIDATE if requested is None else _IMMUTABLE,
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
    """The file, or status 304 if the client's copy is current."""
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
    """A file response with large chunks, since each chunk is read in a thread."""

    chunk_size = _READ_AT_ONCE
