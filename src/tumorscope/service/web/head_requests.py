"""HEAD for every route with GET: the same response without its body (RFC 9110, 9.3.2)."""

from __future__ import annotations

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadMiddleware:
    """Handles HEAD as GET and cancels it at the start of the body: no file is read, no archive is made."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        as_get = {**scope, "method": "GET"}
        with anyio.CancelScope() as working:

            async def send_head(message: Message) -> None:
                if message["type"] != "http.response.start":
                    return
                await send(message)
                await send({"type": "http.response.body", "body": b""})
                working.cancel()

            try:
                await self._app(as_get, receive, send_head)
            finally:
                scope["route"] = as_get.get("route")  # for the access log
