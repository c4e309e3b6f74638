"""Responses of middleware that rejects a request before its route."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send


async def reject(
    scope: Scope, receive: Receive, send: Send, status: int, detail: str, headers: Mapping[str, str] | None = None
) -> None:
    """Respond with one line and close the connection; the rest of the request is not read."""
    response = JSONResponse({"detail": detail}, status, headers={"connection": "close", **(headers or {})})
    await response(scope, receive, send)


def header_values(scope: Scope, name: bytes) -> list[str]:
    """All values of a header in their order."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]
