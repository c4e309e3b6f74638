"""Every request leaves one line in the log and one count in the metrics, neither of which names anybody.

A line has the method, the route's template, the study's random id, the status and the time. The
path as it was sent, the query string and the names of files stay out: a client may put a name there.
"""

from __future__ import annotations

import logging
import time
import traceback

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tumorscope.service.web.metrics import Metrics
from tumorscope.service.web.security.responding import refuse

ACCESS_LOG = logging.getLogger("tumorscope.service.access")
ERROR_LOG = logging.getLogger("tumorscope.service.errors")

NO_ROUTE = "(none)"
_QUIET_ROUTES = frozenset({"/healthz", "/readyz", "/metrics"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_CLIENT_GONE = 499


class AccessLogMiddleware:
    """Times, logs and counts requests; an error that nobody expected is responded with 500."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with self._metrics.under_way.track_inprogress():
            try:
                await self._app(scope, receive, send_and_note)
            except ClientDisconnect:
                status = status or _CLIENT_GONE
            except Exception as error:
                _log_error(scope, error)
                if status:  # the response is under way and must not end as if it were whole
                    raise _Broken from None
                await refuse(scope, receive, send_and_note, 500, "an error in the service; its log says more")
            finally:
                self._note(scope, status or _CLIENT_GONE, time.perf_counter() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None) or NO_ROUTE
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self._metrics.request_done(method, route, status, seconds)
        study = scope.get("state", {}).get("study_id", "-")
        level = logging.DEBUG if route in _QUIET_ROUTES else logging.INFO
        ACCESS_LOG.log(level, "%s %s %s %d %.1f ms", method, route, study, status, seconds * 1000)


class _Broken(RuntimeError):
    """The connection is closed in the middle of an response."""

    def __init__(self) -> None:
        super().__init__("the response broke off")


def _log_error(scope: Scope, error: Exception) -> None:
    """Where the error happened and its kind; not its text, which may hold a file's name."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    study = scope.get("state", {}).get("study_id", "-")
    ERROR_LOG.error("%s in a request about study %s\n%s", type(error).__name__, study, frames)
