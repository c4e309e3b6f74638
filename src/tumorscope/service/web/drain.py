"""Read the rest of a request's body after an early response.

If a connection is closed while unread bytes are in it, the client's system discards the response: a
browser would show "network error" instead of the reason for a rejected upload.
"""

from __future__ import annotations

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BYTES = 64 << 20
MAX_S = 10.0


class DrainMiddleware:
    """Delays the end of a response until the request's body has arrived, within limits."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _sends_body(scope):
            await self._app(scope, receive, send)
            return
        ended = False

        async def receive_and_track() -> Message:
            nonlocal ended
            message = await receive()
            ended = ended or not message.get("more_body", False)
            return message

        async def send_and_drain(message: Message) -> None:
            last = message["type"] == "http.response.body" and not message.get("more_body", False)
            if last and not ended:
                await send({**message, "more_body": True})
                await _drain(receive_and_track)
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        await self._app(scope, receive_and_track, send_and_drain)


def _sends_body(scope: Scope) -> bool:
    """Whether a body is being sent; with ``Expect: 100-continue`` the client still waits for permission."""
    headers = dict(scope["headers"])
    if headers.get(b"expect", b"").lower() == b"100-continue":
        return False
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


async def _drain(receive: Receive) -> None:
    read, more = 0, True
    with anyio.move_on_after(MAX_S):
        while more and read < MAX_BYTES:
            message = await receive()
            read += len(message.get("body", b""))
            more = message.get("more_body", False)
