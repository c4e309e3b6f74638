"""``POST /api/studies/{study_id}/send``: the DICOM results of a revision to an archive."""

from __future__ import annotations

from pathlib import Path

from anyio import to_thread
from fastapi import APIRouter, Request

from tumorscope.core.errors import TumorscopeError
from tumorscope.dicom_network.dicomweb import Unavailable
from tumorscope.service.result_destinations import send_results
from tumorscope.service.web.api_error import ApiError
from tumorscope.service.web.backend import Backend, BackendOfApp
from tumorscope.service.web.revision_files import RESULTS
from tumorscope.service.web.routes.responses import StudyId, problems
from tumorscope.service.web.schemas import Sending, SentResults, UnsentEntry

router = APIRouter(tags=["results"])

_DICOM = "application/dicom"


@router.post("/api/studies/{study_id}/send", responses=problems(404, 409, 422, 502), operation_id="send_study")
async def send_study(study_id: StudyId, wanted: Sending, request: Request, backend: BackendOfApp) -> SentResults:
    """Send the DICOM results of a revision to one of the service's archives.

    Sending again does no harm: the objects have the same UIDs, and an archive stores them once.
    """
    study = await to_thread.run_sync(backend.study, request, study_id)
    if wanted.destination not in backend.destinations:
        raise ApiError(404, "this service has no such archive to send results to")
    revision = study.revision if wanted.revision is None else wanted.revision
    if not 0 < revision <= study.revision:
        raise ApiError(404 if study.revision else 409, "the study has no such results")
    files = _dicom_files(backend, study.id, revision)
    if not files:
        raise ApiError(409, "the study has no DICOM results; they are written where the input was DICOM")

    def send() -> SentResults:
        try:
            outcomes = send_results(wanted.destination, files, backend.settings)
        except Unavailable as error:
            raise ApiError(502, str(error)) from error
        except TumorscopeError as error:
            raise ApiError(502, f"{wanted.destination}: {error}") from error
        unsent = [UnsentEntry(name=each.path.name, reason=each.problem) for each in outcomes if each.problem]
        return SentResults(
            destination=wanted.destination, revision=revision, sent=len(outcomes) - len(unsent), unsent=unsent
        )

    return await to_thread.run_sync(send, limiter=backend.upload_threads)


def _dicom_files(backend: Backend, study_id: str, revision: int) -> list[Path]:
    run = backend.folders.run(study_id, revision)
    files = [run / result.file for result in RESULTS if result.output.media_type == _DICOM]
    return [file for file in files if file.is_file()]
