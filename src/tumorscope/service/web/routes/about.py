"""``/api/about``: the version, the limits and the abilities of this service."""

from __future__ import annotations

from importlib.util import find_spec

from fastapi import APIRouter

from tumorscope import __version__
from tumorscope.io.formats import FORMATS
from tumorscope.service.web.backend import BackendOfApp
from tumorscope.service.web.routes.responses import problems
from tumorscope.service.web.schemas import About, FormatEntry

router = APIRouter(tags=["service"])


@router.get("/api/about", responses=problems(), operation_id="about")
async def about(backend: BackendOfApp) -> About:
    """Version, notice, limits and abilities."""
    settings = backend.settings
    return About(
        version=__version__,
        keep_days=settings.keep_days,
        upload_bytes=settings.upload_bytes,
        upload_files=settings.upload_files,
        formats=[
            FormatEntry(name=entry.name, title=entry.brief, suffixes=list(entry.suffixes))
            for entry in FORMATS
            if entry.package is None or find_spec(entry.package[0]) is not None
        ],
        destinations=list(backend.destinations),
        demo=backend.write_demo_scan is not None,
    )
