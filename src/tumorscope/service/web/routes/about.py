"""``/api/about``: the version and the limits of this service."""

from __future__ import annotations

from fastapi import APIRouter

from tumorscope import __version__
from tumorscope.service.web.backend import BackendOfApp
from tumorscope.service.web.models import About
from tumorscope.service.web.routes.responses import problems

router = APIRouter(tags=["service"])


@router.get("/api/about", responses=problems(), operation_id="about")
async def about(backend: BackendOfApp) -> About:
    """Version, notice and limits."""
    settings = backend.settings
    return About(
        version=__version__,
        keep_days=settings.keep_days,
        upload_bytes=settings.upload_bytes,
        upload_files=settings.upload_files,
    )
