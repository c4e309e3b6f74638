"""``/healthz``, ``/readyz`` and ``/metrics``: for machines that look after the service."""

from __future__ import annotations

from fastapi import APIRouter, Response

from tumorscope.errors import TumorscopeError
from tumorscope.service.web.backend import BackendOfApp
from tumorscope.service.web.models import Health
from tumorscope.service.web.refusal import Refusal
from tumorscope.service.web.routes.describing import problems
from tumorscope.service.web.uploads.limits import MIB

router = APIRouter(tags=["service"])

_LEAST_FREE = 64 * MIB
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/healthz", responses=problems(), operation_id="healthz", openapi_extra={"security": []})
async def healthz() -> Health:
    """The process runs and answers."""
    return Health()


@router.get("/readyz", responses=problems(503), operation_id="readyz", openapi_extra={"security": []})
def readyz(backend: BackendOfApp) -> Health:
    """Uploads can be taken: the database and the queue answer, and there is room on the disk."""
    if not backend.catalogue.alive():
        raise Refusal(503, "the database does not answer")
    try:
        backend.queue.waiting()
    except TumorscopeError as error:
        raise Refusal(503, "the queue does not answer") from error
    if backend.folders.free_bytes() < _LEAST_FREE:
        raise Refusal(503, "no space left for studies")
    return Health()


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **problems()},
    operation_id="metrics",
)
def metrics(backend: BackendOfApp) -> Response:
    """Figures for Prometheus."""
    return Response(backend.metrics.text(), media_type=_METRICS_TYPE)
