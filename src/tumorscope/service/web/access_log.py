"""The access log and the request metrics, both without personal data.

A log line has the method, the route's template, the study's random id, the status and the time. It
never has the path, the query string or file names, in which a client may have put a patient's name.
"""

from __future__ import annotations

import logging
import time
import traceback

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tumorscope.service.web.prometheus import Metrics
from tumorscope.service.web.security.rejection import reject

ACCESS_LOG = logging.getLogger("tumorscope.service.access")
ERROR_LOG = logging.getLogger("tumorscope.service.request_errors")

NO_ROUTE = "(none)"
_QUIET_ROUTES = frozenset({"/healthz", "/readyz", "/metrics"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_CLIENT_GONE = 499


class AccessLogMiddleware:
    """Times, logs and counts requests; turns unexpected errors into responses with status 500."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def send_and_track(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with self._metrics.under_way.track_inprogress():
            try:
                await self._app(scope, receive, send_and_track)
            except ClientDisconnect:
                status = status or _CLIENT_GONE
            except Exception as error:
                _log_error(scope, error)
                if status:  # the response has begun and must not look complete
                    raise _ResponseBroken from None
                await reject(scope, receive, send_and_track, 500, "internal error; see the service's log")
            finally:
                self._record(scope, status or _CLIENT_GONE, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None) or NO_ROUTE
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self._metrics.request_done(method, route, status, seconds)
        study = scope.get("state", {}).get("study_id", "-")
        level = logging.DEBUG if route in _QUIET_ROUTES else logging.INFO
        ACCESS_LOG.log(level, "%s %s %s %d %.1f ms", method, route, study, status, seconds * 1000)


class _ResponseBroken(RuntimeError):
    """Closes the connection in the middle of a response."""

    def __init__(self) -> None:
        super().__init__("the response was interrupted")


def _log_error(scope: Scope, error: Exception) -> None:
    """Log the traceback and the type of an error, but not its text, which may contain a file's name."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    study = scope.get("state", {}).get("study_id", "-")
    ERROR_LOG.error("%s in a request about study %s\n%s", type(error).__name__, study, frames)
