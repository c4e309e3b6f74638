"""The ASGI application: routes, middleware, and errors as one line."""

from __future__ import annotations

import errno
import json
import logging
from collections.abc import Callable
from pathlib import Path
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
from tumorscope.service.request_errors import Conflict, UnknownStudy
from tumorscope.service.settings import ServiceSettings
from tumorscope.service.web.access_log import AccessLogMiddleware
from tumorscope.service.web.api_error import ApiError, invalid_line
from tumorscope.service.web.backend import make_backend
from tumorscope.service.web.drain import DrainMiddleware
from tumorscope.service.web.head_requests import HeadMiddleware
from tumorscope.service.web.routes import (
    about,
    bundles,
    demo,
    events,
    health,
    masks,
    page,
    results,
    sending,
    studies,
    study,
    study_table,
)
from tumorscope.service.web.routes.responses import problem
from tumorscope.service.web.schemas import DicomwebStudy
from tumorscope.service.web.security.authentication import AuthenticationMiddleware, Credentials
from tumorscope.service.web.security.headers import SecurityHeadersMiddleware
from tumorscope.service.web.security.hosts import HostMiddleware, Hosts, is_loopback
from tumorscope.service.web.security.origins import CrossSiteMiddleware
from tumorscope.service.web.security.proxies import ProxyPrefixMiddleware
from tumorscope.service.web.security.throttle import Throttle

log = logging.getLogger(__name__)

_NO_SPACE = "the service's disk is full; delete studies that are no longer needed"
_FULL = {errno.ENOSPC, errno.EDQUOT}
_OWN_FAULTS = (DataError, IntegrityError, NotSupportedError, ProgrammingError)
"""Errors caused by a wrong statement, not by the state of the database."""
_DETAIL_BY_STATUS = {404: "there is nothing at this address", 405: "this address does not support the method"}
_ROUTERS = (studies, study, study_table, demo, events, results, masks, sending, bundles, about, health)

_EXAMPLES = Path(__file__).with_name("examples.json")
"""An example of each model by its name; ``documentation/openapi_examples.py`` makes them from a phantom."""

_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "The service's token."},
    "user": {
        "type": "http",
        "scheme": "basic",
        "description": "A user with a password, or any user name with the token as password.",
    },
}


def create_app(
    settings: ServiceSettings,
    catalog: Catalog | None = None,
    write_demo_scan: Callable[[Path], None] | None = None,
) -> FastAPI:
    """Create the service as an ASGI application.

    Args:
        settings: storage, access and limits.
        catalog: an open catalog; by default the one of the settings.
        write_demo_scan: writes the files of a scan to try into a folder; without it the page offers none.

    Raises:
        TumorscopeError: other machines could reach the service, but no authentication is configured; or the
            database, the queue, the folder or the bundle cannot be used.
    """
    credentials = Credentials(settings.token, settings.users)
    if not credentials.needed and not is_loopback(settings.host):
        raise TumorscopeError(
            f"{settings.host}: other machines could reach the service, so it needs a token or a user; "
            "set TUMORSCOPE_TOKEN, or give --user"
        )
    backend = make_backend(settings, catalog, write_demo_scan)
    app = FastAPI(
        title="Tumorscope",
        version=__version__,
        summary="Find, segment and measure brain tumors on MRI.",
        description=NOTICE,
        docs_url=None,
        redoc_url=None,
        exception_handlers={
            TumorscopeError: _handle_error,
            RequestValidationError: _handle_invalid,
            HTTPException: _handle_http,
            SQLAlchemyError: _handle_database,
            OSError: _handle_disk,
        },
        middleware=[
            Middleware(DrainMiddleware),
            Middleware(AccessLogMiddleware, metrics=backend.metrics),
            Middleware(SecurityHeadersMiddleware),
            Middleware(ProxyPrefixMiddleware, root_path=settings.root_path, trusted=settings.trusted_proxies),
            Middleware(cast(Any, ProxyHeadersMiddleware), trusted_hosts=list(settings.trusted_proxies)),
            Middleware(HostMiddleware, hosts=Hosts(settings.host, settings.allowed_hosts)),
            Middleware(CrossSiteMiddleware),
            Middleware(AuthenticationMiddleware, credentials=credentials, throttle=Throttle()),
            Middleware(HeadMiddleware),
        ],
    )
    app.state.backend = backend
    for module in (*_ROUTERS, page):
        # The routes as they are: `include_router`, of which no prefix and no dependency is needed, would build every one
        # again at the first request, which then takes 60 ms.
        app.router.routes.extend(module.router.routes)
    app.mount("/assets", page.Assets())
    _describe(app, credentials.needed)
    return app


def _describe(app: FastAPI, secured: bool) -> None:
    """Add to the OpenAPI document what FastAPI cannot derive: middleware, one-line errors, the JSON upload, examples."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        schemas = document["components"]["schemas"]
        schemas["DicomwebStudy"] = DicomwebStudy.model_json_schema()
        for name, example in json.loads(_EXAMPLES.read_bytes()).items():
            schemas[name]["examples"] = [example]
        for operation in (each for methods in document["paths"].values() for each in methods.values()):
            # FastAPI gives errors the media type of the route's successful response.
            errors = [status for status in operation["responses"] if status >= "400"]
            operation["responses"] |= {status: problem(int(status)) for status in errors}
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        if secured:
            document["components"]["securitySchemes"] = _SCHEMES
            document["security"] = [{name: []} for name in _SCHEMES]
        return document

    app.openapi = openapi


async def _handle_error(_request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, ApiError):
        return JSONResponse({"detail": str(error)}, error.status, error.headers)
    status = 404 if isinstance(error, UnknownStudy) else 409 if isinstance(error, Conflict) else 400
    return JSONResponse({"detail": str(error)}, status)


async def _handle_invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return JSONResponse({"detail": invalid_line(error.errors()[0], "the request")}, 422)


async def _handle_http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    detail = _DETAIL_BY_STATUS.get(error.status_code, error.detail)
    return JSONResponse({"detail": detail}, error.status_code, error.headers)


async def _handle_database(_request: Request, error: Exception) -> JSONResponse:
    """A full, damaged or unreachable database: the service's state, not an error of the request."""
    assert isinstance(error, SQLAlchemyError)
    if isinstance(error, _OWN_FAULTS):
        raise error
    if is_full(error):
        return JSONResponse({"detail": _NO_SPACE}, 507)
    log.error("the database cannot be used (%s)", type(error).__name__)
    return JSONResponse({"detail": "the database cannot be used; see /readyz"}, 503)


async def _handle_disk(_request: Request, error: Exception) -> JSONResponse:
    """A full disk."""
    assert isinstance(error, OSError)
    if error.errno not in _FULL:
        raise error
    return JSONResponse({"detail": _NO_SPACE}, 507)
