"""Read a request's body in large chunks, with limits on size and time."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
from starlette.requests import Request

from tumorscope.service.web.api_error import ApiError
from tumorscope.service.web.uploads.limits import MIB
from tumorscope.service.web.uploads.multipart import check_size

BODY_TIMEOUT_S = 60.0
"""A client that sends nothing for this time is disconnected."""


async def body_chunks(request: Request, most: int) -> AsyncIterator[bytes]:
    """The body, about one MiB at a time.

    Raises:
        ApiError: it is larger than ``most``, by its header or its content, or the client sends nothing for too long.
    """
    stated = request.headers.get("content-length", "")
    if stated.isdecimal():
        check_size(int(stated), most)
    buffer, total = bytearray(), 0
    stream = request.stream()
    while True:
        try:
            with anyio.fail_after(BODY_TIMEOUT_S):
                chunk = await anext(stream, None)
        except TimeoutError:
            raise ApiError(408, f"nothing was received for {BODY_TIMEOUT_S:g} s; send it again") from None
        if chunk is None:
            break
        total += len(chunk)
        check_size(total, most)
        buffer += chunk
        if len(buffer) >= MIB:
            yield bytes(buffer)
            buffer.clear()
    if buffer:
        yield bytes(buffer)


async def read_body(request: Request, most: int) -> bytes:
    """The complete body, for short ones.

    Raises:
        ApiError: see :func:`body_chunks`.
    """
    return b"".join([chunk async for chunk in body_chunks(request, most)])
