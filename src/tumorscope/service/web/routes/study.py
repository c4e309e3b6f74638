"""``/api/studies/{study_id}``: one study, its deletion, and a retry."""

from __future__ import annotations

from functools import partial
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter, ValidationError

from tumorscope.core.errors import UnreadableScan
from tumorscope.io.reading_choices import ReadingChoices
from tumorscope.service.catalog import NOT_FAILED
from tumorscope.service.catalog_records import Study
from tumorscope.service.queue import enqueue
from tumorscope.service.removal import remove_study
from tumorscope.service.request_errors import Conflict, UnknownStudy
from tumorscope.service.web.api_error import ApiError
from tumorscope.service.web.backend import Backend, BackendOfApp
from tumorscope.service.web.routes.responses import RevisionNumber, StudyId, problems
from tumorscope.service.web.schemas import StudyDetail, StudyState
from tumorscope.service.web.serializers import study_detail, study_state
from tumorscope.service.web.uploads.bodies import read_body
from tumorscope.service.web.uploads.intake import check_sent_names

router = APIRouter(tags=["studies"])

_MAX_READING_BYTES = 32 * 1024
"""More than the fields of an upload may have."""
_JSON_OBJECT = TypeAdapter(dict[str, Any])
_READING_FIELDS = ("register", "sequences", "spacing")
_BODY = {
    "required": False,
    "content": {
        "application/json": {
            "schema": {"$ref": "#/components/schemas/Reading"},
        }
    },
}


@router.get("/api/studies/{study_id}", responses=problems(404, 422), operation_id="get_study")
def get_study(
    study_id: StudyId, request: Request, backend: BackendOfApp, revision: RevisionNumber = None
) -> StudyDetail:
    """The state of a study, with the images and files of one revision."""
    study = backend.study(request, study_id)
    revisions = [each for each in backend.catalog.revisions(study.id) if each.state == "done"]
    if revision is not None and revision not in {each.number for each in revisions}:
        raise ApiError(404, "the study has no such revision")
    return study_detail(study, revisions, revision or study.revision, backend, request.scope["root_path"])


@router.delete(
    "/api/studies/{study_id}", status_code=204, responses=problems(404, 503, 507), operation_id="delete_study"
)
def delete_study(study_id: StudyId, request: Request, backend: BackendOfApp) -> Response:
    """Delete a study with all its files."""
    study = backend.study(request, study_id)
    remove_study(study.id, backend.catalog, backend.folders)
    return Response(status_code=204)


@router.post(
    "/api/studies/{study_id}/retry",
    status_code=202,
    responses=problems(404, 408, 409, 413, 415, 422, 507),
    openapi_extra={"requestBody": _BODY},
    operation_id="retry_study",
)
async def retry_study(study_id: StudyId, request: Request, backend: BackendOfApp) -> StudyState:
    """Retry a failed study.

    A body states how its files are read and replaces all that was stated before; without a body nothing of it changes.
    A study that has results, whose corrected segmentation failed, is read as before.
    """
    body = await read_body(request, _MAX_READING_BYTES)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and kind != "application/json":
        raise ApiError(415, "send the options as application/json")
    stated = _parse_reading(body) if body else None
    study = await to_thread.run_sync(backend.study, request, study_id)
    retried = await to_thread.run_sync(partial(_retry, backend, study, stated), limiter=backend.upload_threads)
    return study_state(retried, backend.settings.keep_days)


def _parse_reading(body: bytes) -> ReadingChoices:
    """What the body of a retry states.

    Raises:
        ApiError: it is not valid, in the words of an upload.
    """
    try:
        values = _JSON_OBJECT.validate_json(body)
    except ValidationError:
        raise ApiError(422, f"the body is a JSON object with any of {', '.join(_READING_FIELDS)}") from None
    if set(values) - set(_READING_FIELDS):
        raise ApiError(422, f"the body has an unknown field; the known ones are {', '.join(_READING_FIELDS)}")
    try:
        return ReadingChoices.from_values(values)
    except UnreadableScan as error:
        raise ApiError(422, str(error)) from error


def _retry(backend: Backend, study: Study, stated: ReadingChoices | None) -> Study:
    """Queue a failed study again, after what is stated about its files is on disk.

    Raises:
        ApiError: nothing of the study has a name that is stated.
        Conflict: the study has not failed, or has results, which depend on how its files were read.
    """
    if study.state != "failed":
        raise Conflict(NOT_FAILED)
    folders = backend.folders
    before = folders.reading(study.id)
    if stated is None or stated == before:
        retried = backend.catalog.retry(study.id)
    elif study.revision:
        raise Conflict("the study has results, so its files are read as before; retry it without options")
    else:
        # Older versions kept names that only the upload had.
        new_names = [name for name in stated.sequences if name not in before.sequences]
        check_sent_names(new_names, folders.sent_names(study.id))
        try:
            retried = backend.catalog.retry(study.id, partial(folders.store_reading, study.id, stated))
        except FileNotFoundError as error:
            raise UnknownStudy("the study does not exist") from error
    enqueue(backend.queue, study.id)
    return retried
