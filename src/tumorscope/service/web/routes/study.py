"""``/api/studies/{study_id}``: one study, its deletion, and a retry."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from tumorscope.service.queue import enqueue
from tumorscope.service.removal import remove_study
from tumorscope.service.web.api_error import ApiError
from tumorscope.service.web.backend import BackendOfApp
from tumorscope.service.web.routes.responses import RevisionNumber, StudyId, problems
from tumorscope.service.web.schemas import StudyDetail, StudyState
from tumorscope.service.web.serializers import study_detail, study_state

router = APIRouter(tags=["studies"])


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


@router.post("/api/studies/{study_id}/retry", status_code=202, responses=problems(404, 409), operation_id="retry_study")
def retry_study(study_id: StudyId, request: Request, backend: BackendOfApp) -> StudyState:
    """Retry a failed study."""
    study = backend.study(request, study_id)
    retried = backend.catalog.retry(study.id)
    enqueue(backend.queue, study.id)
    return study_state(retried, backend.settings.keep_days)
