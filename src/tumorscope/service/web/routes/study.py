"""``/api/studies/{study_id}``: one study, its deletion, and another try."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from tumorscope.service.deleting import remove_study
from tumorscope.service.queue import enqueue
from tumorscope.service.web.backend import BackendOfApp
from tumorscope.service.web.models import StudyDetail, StudyState
from tumorscope.service.web.presenting import present, present_whole
from tumorscope.service.web.refusal import ApiError
from tumorscope.service.web.routes.describing import RevisionNumber, StudyId, problems

router = APIRouter(tags=["studies"])


@router.get("/api/studies/{study_id}", responses=problems(404, 422), operation_id="get_study")
def get_study(
    study_id: StudyId, request: Request, backend: BackendOfApp, revision: RevisionNumber = None
) -> StudyDetail:
    """Where a study stands, and what there is of it: images and files are those of the revision."""
    study = backend.study(request, study_id)
    revisions = [each for each in backend.catalog.revisions(study.id) if each.state == "done"]
    if revision is not None and revision not in {each.number for each in revisions}:
        raise ApiError(404, "this study has no such revision")
    return present_whole(study, revisions, revision or study.revision, backend, request.scope["root_path"])


@router.delete(
    "/api/studies/{study_id}", status_code=204, responses=problems(404, 503, 507), operation_id="delete_study"
)
def delete_study(study_id: StudyId, request: Request, backend: BackendOfApp) -> Response:
    """Remove a study with all its files, now."""
    study = backend.study(request, study_id)
    remove_study(study.id, backend.catalog, backend.folders)
    return Response(status_code=204)


@router.post("/api/studies/{study_id}/retry", status_code=202, responses=problems(404, 409), operation_id="retry_study")
def retry_study(study_id: StudyId, request: Request, backend: BackendOfApp) -> StudyState:
    """Try a study once more that failed."""
    study = backend.study(request, study_id)
    retried = backend.catalog.retry(study.id)
    enqueue(backend.queue, study.id)
    return present(retried, backend.settings.keep_days)
