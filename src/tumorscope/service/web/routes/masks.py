"""``PUT /api/studies/{study_id}/mask``: a corrected segmentation for a new revision."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
from anyio import to_thread
from fastapi import APIRouter, Header, Request
from pydantic import TypeAdapter, ValidationError

from tumorscope.core.errors import TumorscopeError
from tumorscope.measurement.rulers import Ruler
from tumorscope.service.catalog_records import Study
from tumorscope.service.queue import enqueue
from tumorscope.service.request_errors import Conflict
from tumorscope.service.viewer_images import MASK, read_segmentation
from tumorscope.service.web.api_error import ApiError
from tumorscope.service.web.backend import Backend, BackendOfApp
from tumorscope.service.web.revision_files import VIEW_FOLDER, VIEW_SUFFIX
from tumorscope.service.web.routes.responses import StudyId, problems
from tumorscope.service.web.schemas import DrawnRuler, StudyState
from tumorscope.service.web.serializers import study_state
from tumorscope.service.web.uploads.bodies import body_chunks
from tumorscope.service.web.uploads.limits import MIB

router = APIRouter(tags=["results"])

_MAX_BYTES = 256 * MIB
"""About the size of the largest segmentation without compression."""
_MAX_RULERS_TEXT = 8_000
"""What every server and proxy lets through in a header: some sixty rulers."""
_RULERS = TypeAdapter(list[DrawnRuler])
_KINDS = {"application/gzip", "application/x-gzip", "application/octet-stream"}
_BODY = {
    "required": True,
    "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in sorted(_KINDS)},
}


@router.put(
    "/api/studies/{study_id}/mask",
    status_code=202,
    responses=problems(404, 408, 409, 412, 413, 415, 422, 428, 507),
    openapi_extra={"requestBody": _BODY},
    operation_id="save_mask",
)
async def save_mask(
    study_id: StudyId,
    request: Request,
    backend: BackendOfApp,
    if_match: Annotated[
        str | None, Header(description='The revision whose segmentation was corrected, as `"1"`; required.')
    ] = None,
    rulers: Annotated[
        str | None,
        Header(
            max_length=_MAX_RULERS_TEXT,
            description="Distances drawn beside it, which the new revision's `analysis.json` keeps: JSON, a list of "
            '`{"axis": "slice", "start": [slice, row, column], "end": [slice, row, column]}`.',
        ),
    ] = None,
) -> StudyState:
    """Save a corrected segmentation: NIfTI with integer voxels on the grid of the study's images.

    The study is then queued; when it is done it has a new revision with measurements of this segmentation.
    """
    study = await to_thread.run_sync(backend.study, request, study_id)
    base = _base(if_match)
    _check_state(study, base)
    drawn = _drawn(rulers)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in _KINDS:
        raise ApiError(415, "send the segmentation as application/gzip or application/octet-stream (.nii.gz)")
    upload = await to_thread.run_sync(backend.folders.incoming)
    try:
        with (upload / "sent").open("xb") as file:
            async for chunk in body_chunks(request, _MAX_BYTES):
                await to_thread.run_sync(file.write, chunk, limiter=backend.upload_threads)
        await to_thread.run_sync(partial(_save, backend, study, base, upload, drawn), limiter=backend.upload_threads)
    finally:
        await to_thread.run_sync(partial(shutil.rmtree, upload, ignore_errors=True))
    return study_state(await to_thread.run_sync(backend.study, request, study_id), backend.settings.keep_days)


def _base(if_match: str | None) -> int:
    """The revision on which the segmentation is based."""
    if if_match is None:
        raise ApiError(428, 'name the revision that was corrected, as If-Match: "1"')
    number = if_match.strip().removeprefix("W/").strip('"')
    if not (number.isascii() and number.isdecimal() and len(number) < 10):
        raise ApiError(412, 'If-Match does not name a revision; give its number, as If-Match: "1"')
    return int(number)


def _drawn(text: str | None) -> tuple[Ruler, ...]:
    """The rulers of the header."""
    try:
        return tuple(Ruler(each.axis, each.start, each.end) for each in _RULERS.validate_json(text or "[]"))
    except ValidationError as error:
        raise ApiError(400, "Rulers is not a JSON list of rulers with axis, start and end") from error


def _check_state(study: Study, base: int) -> None:
    if study.state not in ("done", "failed"):
        raise ApiError(409, "the study is being analyzed; try again when it is done")
    if study.revision == 0:
        raise ApiError(409, "the study has no results to correct")
    if study.revision != base:
        raise ApiError(412, f"revision {study.revision} is the newest, not {base}; load it first")


def _save(backend: Backend, study: Study, base: int, upload: Path, rulers: tuple[Ruler, ...]) -> None:
    """Check the segmentation, re-encode it, and request a revision from it."""
    import nibabel as nib

    from tumorscope.reporting.nifti_files import encode_nifti

    like = backend.folders.run(study.id, base) / VIEW_FOLDER / f"{MASK}{VIEW_SUFFIX}"
    try:
        segmentation = read_segmentation(upload / "sent", like)
    except TumorscopeError as error:
        raise ApiError(400, str(error)) from error
    clean = upload / "clean"
    affine = nib.Nifti1Image.from_filename(like).affine
    clean.write_bytes(encode_nifti(segmentation.transpose(2, 1, 0).astype(np.uint8), affine))
    try:
        store = partial(backend.folders.store_mask, clean, study.id, rulers=rulers)
        backend.catalog.request_edit(study.id, base, store)
    except Conflict as error:
        raise ApiError(412, str(error)) from error
    enqueue(backend.queue, study.id)
