"""``POST /api/demo``: a scan to try, made by the service."""

from __future__ import annotations

import shutil
import threading

from fastapi import APIRouter

from tumorscope.service.web.api_error import ApiError
from tumorscope.service.web.backend import BackendOfApp
from tumorscope.service.web.routes.responses import problems
from tumorscope.service.web.schemas import StudyState
from tumorscope.service.web.serializers import study_state
from tumorscope.service.web.uploads.intake import create_from_folder

NAME = "demo scan"
router = APIRouter(tags=["studies"])
_one_at_a_time = threading.Lock()
"""Making a scan takes seconds of a processor."""


@router.post("/api/demo", status_code=201, responses=problems(404, 409, 507), operation_id="create_demo_study")
def create_demo_study(backend: BackendOfApp) -> StudyState:
    """Make a phantom, a procedural head with one tumor, and analyze it as a new study. No patient is in it."""
    if backend.write_demo_scan is None:
        raise ApiError(404, "this service makes no demo scan")
    if not _one_at_a_time.acquire(blocking=False):
        raise ApiError(409, "a demo scan is being made; try again in a few seconds")
    folder = backend.folders.incoming()
    try:
        backend.write_demo_scan(folder)
        study = create_from_folder(backend, folder, NAME)
    finally:
        _one_at_a_time.release()
        shutil.rmtree(folder, ignore_errors=True)
    return study_state(study, backend.settings.keep_days)
