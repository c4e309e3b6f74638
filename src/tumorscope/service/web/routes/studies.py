"""``/api/studies``: the list of studies, and uploads."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from tumorscope.io.formats import SUPPORTED
from tumorscope.service.web.backend import BackendOfApp
from tumorscope.service.web.routes.responses import SearchText, StateFilter, problems
from tumorscope.service.web.schemas import StudyList, Uploaded
from tumorscope.service.web.serializers import study_state
from tumorscope.service.web.uploads.intake import accept_address, accept_upload, idempotent

router = APIRouter(tags=["studies"])

_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["files"],
                "properties": {
                    "files": {
                        "type": "array",
                        "minItems": 1,
                        "items": {"type": "string", "format": "binary"},
                        "description": f"{SUPPORTED}; or ZIP archives of them. "
                        "A file name may be a path below the uploaded folder.",
                    },
                    "bundle": {"type": "string", "maxLength": 100, "examples": ["auto"]},
                    "register": {
                        "type": "string",
                        "enum": ["true", "false"],
                        "examples": ["false"],
                        "description": "Rigidly co-register the series or volumes of each case; needs SimpleITK.",
                    },
                    "spacing": {
                        "type": "string",
                        "pattern": r"^[0-9.]+,[0-9.]+,[0-9.]+$",
                        "description": "Column, row and slice spacing in mm, where the files do not state it.",
                        "examples": ["0.5,0.5,6"],
                    },
                    "sequences": {
                        "type": "string",
                        "description": "A JSON object of the sequence (t1, t1c, t2, flair, unknown) by file or folder name, or "
                        "by description, number or UID of a DICOM series; unknown leaves one out. A name that nothing in the "
                        "upload has is refused with 422.",
                        "examples": ['{"7.nii.gz": "t1c", "9.nii.gz": "flair"}'],
                    },
                },
                "additionalProperties": False,
            }
        },
        "application/json": {"schema": {"$ref": "#/components/schemas/DicomwebStudy"}},
    },
}


@router.get("/api/studies", responses=problems(422), operation_id="list_studies")
def list_studies(
    backend: BackendOfApp,
    search: SearchText = None,
    state: StateFilter = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: Annotated[
        str | None,
        Query(max_length=200, pattern=r"^[A-Za-z0-9_=.:+-]*$", description="The value of `next` on the previous page."),
    ] = None,
) -> StudyList:
    """Studies, newest first."""
    page = backend.catalog.page(search or "", state or (), limit, after or None)
    return StudyList(
        studies=[study_state(study, backend.settings.keep_days) for study in page.studies],
        next=page.next,
        total=page.total,
    )


@router.post(
    "/api/studies",
    status_code=201,
    responses={
        200: {"model": Uploaded, "description": "This upload was received before, under the same Idempotency-Key."},
        **problems(408, 409, 413, 415, 422, 507),
    },
    openapi_extra={"requestBody": _BODY},
    operation_id="create_studies",
)
async def create_studies(
    request: Request,
    response: Response,
    backend: BackendOfApp,
    idempotency_key: Annotated[
        str | None,
        Header(
            pattern=r"^[A-Za-z0-9_-]{1,64}$",
            description="Chosen by the client; an upload repeated with the same key creates no second study.",
        ),
    ] = None,
) -> Uploaded:
    """Upload scans, or name a study on a DICOMweb service.

    A folder with a scan's files is one case, and so are files without a folder that can form one scan;
    every case becomes a study. The response follows when all files are on disk and the studies are in the
    database.
    """
    async with idempotent(backend, idempotency_key) as known:
        if known is not None:
            response.status_code = 200
            response.headers["connection"] = "close"  # the body is not read
            return known
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/json":
            return await accept_address(request, backend, idempotency_key)
        return await accept_upload(request, backend, idempotency_key)
