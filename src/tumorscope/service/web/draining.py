"""Reading on for a while after an early response.

Where a connection is closed with bytes in it that nobody has read, the client's system throws away
the response together with the connection: a browser would show "network error" in place of the line
that says why an upload was refused.
"""

from __future__ import annotations

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 64 << 20
LONGEST_S = 10.0


class DrainMiddleware:
    """Holds back the end of an response until the request's body has come, within limits."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _sends_body(scope):
            await self._app(scope, receive, send)
            return
        ended = False

        async def receive_and_note() -> Message:
            nonlocal ended
            message = await receive()
            ended = ended or not message.get("more_body", False)
            return message

        async def send_and_drain(message: Message) -> None:
            last = message["type"] == "http.response.body" and not message.get("more_body", False)
            if last and not ended:
                await send({**message, "more_body": True})
                await _read_on(receive_and_note)
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        await self._app(scope, receive_and_note, send_and_drain)


def _sends_body(scope: Scope) -> bool:
    """Whether a body is on its way; a client that first asks whether it may send one has not begun."""
    headers = dict(scope["headers"])
    if headers.get(b"expect", b"").lower() == b"100-continue":
        return False
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


async def _read_on(receive: Receive) -> None:
    read, more = 0, True
    with anyio.move_on_after(LONGEST_S):
        while more and read < MOST_BYTES:
            message = await receive()
            read += len(message.get("body", b""))
            more = message.get("more_body", False)
