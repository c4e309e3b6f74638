"""``PUT /api/studies/{study_id}/mask``: a corrected segmentation, from which a new revision is measured."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
from anyio import to_thread
from fastapi import APIRouter, Header, Request

from tumorscope.core.errors import TumorscopeError
from tumorscope.service.errors import Conflict
from tumorscope.service.queue import enqueue
from tumorscope.service.records import Study
from tumorscope.service.views import MASK, read_segmentation
from tumorscope.service.web.backend import Backend, BackendOfApp
from tumorscope.service.web.models import StudyState
from tumorscope.service.web.presenting import present
from tumorscope.service.web.refusal import ApiError
from tumorscope.service.web.results import VIEW_FOLDER, VIEW_SUFFIX
from tumorscope.service.web.routes.describing import StudyId, problems
from tumorscope.service.web.uploads.bodies import pieces
from tumorscope.service.web.uploads.limits import MIB

router = APIRouter(tags=["results"])

_MOST_BYTES = 256 * MIB
"""Of the largest segmentation without compression, about."""
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
        str | None, Header(description='The revision whose segmentation was corrected, as `"1"`; 428 without it.')
    ] = None,
) -> StudyState:
    """Save a corrected segmentation: NIfTI, whole numbers, on the grid of the images of this study.

    The study is then queued; when it is done it has a new revision, measured from this segmentation.
    """
    study = await to_thread.run_sync(backend.study, request, study_id)
    base = _base(if_match)
    _check_state(study, base)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in _KINDS:
        raise ApiError(415, "send the segmentation as application/gzip or application/octet-stream (.nii.gz)")
    aside = await to_thread.run_sync(backend.folders.incoming)
    try:
        with (aside / "sent").open("xb") as file:
            async for piece in pieces(request, _MOST_BYTES):
                await to_thread.run_sync(file.write, piece, limiter=backend.upload_threads)
        await to_thread.run_sync(partial(_save, backend, study, base, aside), limiter=backend.upload_threads)
    finally:
        await to_thread.run_sync(partial(shutil.rmtree, aside, ignore_errors=True))
    return present(await to_thread.run_sync(backend.study, request, study_id), backend.settings.keep_days)


def _base(if_match: str | None) -> int:
    """The revision that the segmentation builds on."""
    if if_match is None:
        raise ApiError(428, 'say by If-Match on which revision the segmentation builds, as If-Match: "1"')
    number = if_match.strip().removeprefix("W/").strip('"')
    if not (number.isascii() and number.isdecimal() and len(number) < 10):
        raise ApiError(412, 'If-Match names no revision; give its number, as If-Match: "1"')
    return int(number)


def _check_state(study: Study, base: int) -> None:
    if study.state not in ("done", "failed"):
        raise ApiError(409, "the study is being worked on; try again when it is done")
    if study.revision == 0:
        raise ApiError(409, "the study has no results that could be corrected")
    if study.revision != base:
        raise ApiError(412, f"revision {study.revision} is the newest, not {base}; load it first")


def _save(backend: Backend, study: Study, base: int, aside: Path) -> None:
    """Check the segmentation, write it anew, and ask for its revision."""
    import nibabel as nib

    from tumorscope.reporting.nifti import encode_nifti

    like = backend.folders.run(study.id, base) / VIEW_FOLDER / f"{MASK}{VIEW_SUFFIX}"
    try:
        segmentation = read_segmentation(aside / "sent", like)
    except TumorscopeError as error:
        raise ApiError(400, str(error)) from error
    clean = aside / "clean"
    affine = nib.Nifti1Image.from_filename(like).affine
    clean.write_bytes(encode_nifti(segmentation.transpose(2, 1, 0).astype(np.uint8), affine))
    try:
        backend.catalog.request_edit(study.id, base, partial(backend.folders.place_mask, clean, study.id))
    except Conflict as error:
        raise ApiError(412, str(error)) from error
    enqueue(backend.queue, study.id)
