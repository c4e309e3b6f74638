"""Reading a request's body in pieces of a useful size, with limits on bytes and patience."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
from starlette.requests import Request

from tumorscope.service.web.refusal import ApiError
from tumorscope.service.web.uploads.limits import MIB
from tumorscope.service.web.uploads.multipart import check_size

PATIENCE_S = 60.0
"""A client that sends nothing for so long is gone, or means to keep the service busy."""


async def pieces(request: Request, most: int) -> AsyncIterator[bytes]:
    """The body, about one MiB at a time.

    Raises:
        ApiError: it is larger than ``most``, by its header or by what comes, or nothing comes for too long.
    """
    stated = request.headers.get("content-length", "")
    if stated.isdecimal():
        check_size(int(stated), most)
    gathered, total = bytearray(), 0
    stream = request.stream()
    while True:
        try:
            with anyio.fail_after(PATIENCE_S):
                piece = await anext(stream, None)
        except TimeoutError:
            raise ApiError(408, f"nothing came for {PATIENCE_S:g} s; send it again") from None
        if piece is None:
            break
        total += len(piece)
        check_size(total, most)
        gathered += piece
        if len(gathered) >= MIB:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


async def whole_body(request: Request, most: int) -> bytes:
    """A short body.

    Raises:
        ApiError: see :func:`pieces`.
    """
    return b"".join([piece async for piece in pieces(request, most)])
