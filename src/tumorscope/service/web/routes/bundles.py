"""``/api/bundles``: the available bundles."""

from __future__ import annotations

from fastapi import APIRouter

from tumorscope.service.web.backend import BackendOfApp
from tumorscope.service.web.routes.responses import problems
from tumorscope.service.web.schemas import BundleEntry, BundleList

router = APIRouter(tags=["service"])


@router.get("/api/bundles", responses=problems(), operation_id="list_bundles")
async def list_bundles(backend: BackendOfApp) -> BundleList:
    """The available bundles; `auto` chooses one by a study's sequences."""
    own = backend.settings.bundle
    return BundleList(
        bundles=[
            BundleEntry(
                name=bundle.name,
                version=bundle.card.version,
                title=bundle.card.title,
                sequences=list(bundle.card.inputs.sequences),
                outputs=list(bundle.card.outputs),
                default=own in (bundle.name, str(bundle.folder)),
            )
            for bundle in backend.bundles
        ]
    )
