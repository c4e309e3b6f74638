"""HEAD is GET without the body (RFC 9110, 9.3.2), for every address that GET knows."""

from __future__ import annotations

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class ResponseHead:
    """Has HEAD worked on as GET, and ends it at the response's first byte: no file is read, no archive packed."""

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
                scope["route"] = as_get.get("route")  # for the log, as with any other method
