"""``/healthz``, ``/readyz`` and ``/metrics``: for monitoring."""

from __future__ import annotations

from fastapi import APIRouter, Response

from tumorscope.service.web.api_error import ApiError
from tumorscope.service.web.backend import BackendOfApp
from tumorscope.service.web.routes.responses import problems
from tumorscope.service.web.schemas import Health

router = APIRouter(tags=["service"])

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/healthz", responses=problems(), operation_id="healthz", openapi_extra={"security": []})
async def healthz() -> Health:
    """The process is running and responds."""
    return Health()


@router.get("/readyz", responses=problems(), operation_id="readyz", openapi_extra={"security": []})
def readyz(backend: BackendOfApp) -> Health:
    """The service is ready: the database is intact, the queue responds, and the disk has free space."""
    reason = backend.readiness.reason()
    if reason is not None:
        raise ApiError(503, reason)
    return Health()


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **problems()},
    operation_id="metrics",
)
def metrics(backend: BackendOfApp) -> Response:
    """Metrics for Prometheus."""
    return Response(backend.metrics.text(), media_type=_METRICS_TYPE)
