"""The application: routes, errors as one line, and the guards before them."""

from __future__ import annotations

import errno
import logging
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, IntegrityError, NotSupportedError, ProgrammingError, SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from tumorscope import __version__
from tumorscope.core.errors import TumorscopeError
from tumorscope.core.notice import NOTICE
from tumorscope.service.catalog import Catalog
from tumorscope.service.database import is_full
from tumorscope.service.errors import Conflict, UnknownStudy
from tumorscope.service.settings import ServiceSettings
from tumorscope.service.web.backend import make_backend
from tumorscope.service.web.draining import DrainMiddleware
from tumorscope.service.web.heads import ResponseHead
from tumorscope.service.web.models import DicomwebStudy
from tumorscope.service.web.refusal import ApiError
from tumorscope.service.web.routes import about, bundles, events, health, masks, page, results, studies, study
from tumorscope.service.web.routes.describing import problem
from tumorscope.service.web.security.authentication import Authentication, Credentials
from tumorscope.service.web.security.headers import SecurityHeaders
from tumorscope.service.web.security.hosts import HostGuard, Hosts, is_loopback
from tumorscope.service.web.security.origins import CrossSiteGuard
from tumorscope.service.web.security.proxies import BehindProxy
from tumorscope.service.web.security.throttle import Throttle
from tumorscope.service.web.watching import AccessLogMiddleware

log = logging.getLogger(__name__)

_NO_SPACE = "the service has no space left; delete studies that are not needed"
_FULL = {errno.ENOSPC, errno.EDQUOT}
_OWN_FAULTS = (DataError, IntegrityError, NotSupportedError, ProgrammingError)
"""Errors of a database that is in order, and was asked something wrong."""
_SAID_BY_STATUS = {404: "no such address", 405: "no such method at this address"}
_ROUTERS = (studies, study, events, results, masks, bundles, about, health)

_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "The service's token."},
    "user": {"type": "http", "scheme": "basic", "description": "A user, or any name with the token as password."},
}


def create_app(settings: ServiceSettings, catalog: Catalog | None = None) -> FastAPI:
    """The service as an ASGI application.

    Args:
        settings: where it keeps what, who may ask, and how much it takes.
        catalog: opened already; by default the settings'.

    Raises:
        TumorscopeError: other machines could reach it and nobody would be asked who he is; the database,
            the queue or the folder cannot be used; or the bundle is none.
    """
    credentials = Credentials(settings.token, settings.users)
    if not credentials.needed and not is_loopback(settings.host):
        raise TumorscopeError(
            f"{settings.host}: other machines could reach the service, so it needs a token or a user; "
            "set TUMORSCOPE_TOKEN, or give --user"
        )
    backend = make_backend(settings, catalog)
    app = FastAPI(
        title="Tumorscope",
        version=__version__,
        summary="Find, segmentation and measure brain tumors on MRI.",
        description=NOTICE,
        docs_url=None,
        redoc_url=None,
        exception_handlers={
            TumorscopeError: _tell_error,
            RequestValidationError: _tell_invalid,
            HTTPException: _tell_http,
            SQLAlchemyError: _tell_database,
            OSError: _tell_disk,
        },
        middleware=[
            Middleware(DrainMiddleware),
            Middleware(AccessLogMiddleware, metrics=backend.metrics),
            Middleware(SecurityHeaders),
            Middleware(BehindProxy, root_path=settings.root_path, trusted=settings.trusted_proxies),
            Middleware(cast(Any, ProxyHeadersMiddleware), trusted_hosts=list(settings.trusted_proxies)),
            Middleware(HostGuard, hosts=Hosts(settings.host, settings.allowed_hosts)),
            Middleware(CrossSiteGuard),
            Middleware(Authentication, credentials=credentials, throttle=Throttle()),
            Middleware(ResponseHead),
        ],
    )
    app.state.backend = backend
    for module in _ROUTERS:
        app.include_router(module.router)
    app.include_router(page.router)
    app.mount("/assets", page.Assets())
    _describe(app, credentials.needed)
    return app


def _describe(app: FastAPI, secured: bool) -> None:
    """Put right what FastAPI cannot see: the guards before the routes, errors as one line, the upload's body as JSON."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        document = made()
        schemas = document["components"]["schemas"]
        schemas["DicomwebStudy"] = DicomwebStudy.model_json_schema()
        for operation in (each for methods in document["paths"].values() for each in methods.values()):
            # FastAPI gives errors the media type of what the route gives otherwise.
            errors = [status for status in operation["responses"] if status >= "400"]
            operation["responses"] |= {status: problem(int(status)) for status in errors}
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        if secured:
            document["components"]["securitySchemes"] = _SCHEMES
            document["security"] = [{name: []} for name in _SCHEMES]
        return document

    app.openapi = openapi


async def _tell_error(_request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, ApiError):
        return JSONResponse({"detail": str(error)}, error.status, error.headers)
    status = 404 if isinstance(error, UnknownStudy) else 409 if isinstance(error, Conflict) else 400
    return JSONResponse({"detail": str(error)}, status)


async def _tell_invalid(_request: Request, error: Exception) -> JSONResponse:
    """The first fault of a parameter, without its value: that could be markup, or a name."""
    assert isinstance(error, RequestValidationError)
    fault = error.errors()[0]
    place = str(fault["loc"][-1]) if fault["loc"] else "the request"
    return JSONResponse({"detail": f"{place}: {fault['msg'][0].lower()}{fault['msg'][1:]}"}, 422)


async def _tell_http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    detail = _SAID_BY_STATUS.get(error.status_code, error.detail)
    return JSONResponse({"detail": detail}, error.status_code, error.headers)


async def _tell_database(_request: Request, error: Exception) -> JSONResponse:
    """A database that is full, damaged or out of reach: its state, not an error of the request."""
    assert isinstance(error, SQLAlchemyError)
    if isinstance(error, _OWN_FAULTS):
        raise error
    if is_full(error):
        return JSONResponse({"detail": _NO_SPACE}, 507)
    log.error("the database is in trouble (%s)", type(error).__name__)
    return JSONResponse({"detail": "the database is in trouble; /readyz says more"}, 503)


async def _tell_disk(_request: Request, error: Exception) -> JSONResponse:
    """A full disk, whatever was to be written."""
    assert isinstance(error, OSError)
    if error.errno not in _FULL:
        raise error
    return JSONResponse({"detail": _NO_SPACE}, 507)
