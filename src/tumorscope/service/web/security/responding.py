"""Responds that are given before a request reaches its route."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send


async def refuse(
    scope: Scope, receive: Receive, send: Send, status: int, detail: str, headers: Mapping[str, str] | None = None
) -> None:
    """Response with one line, and close the connection: what the request still wants to send is not read."""
    response = JSONResponse({"detail": detail}, status, headers={"connection": "close", **(headers or {})})
    await response(scope, receive, send)


def header_values(scope: Scope, name: bytes) -> list[str]:
    """Every value of a header, in the order in which they came."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]
