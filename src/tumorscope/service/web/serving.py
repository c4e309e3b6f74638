"""The server in front of the application: uvicorn, with limits on connections that do nothing.

A connection costs a file descriptor. Without limits, a few hundred that were opened and say nothing, by
mistake or on purpose, leave none for those that ask something.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.auto import AutoHTTPProtocol

log = logging.getLogger(__name__)

IDLE_S = 30.0
"""Within this time after a connection is made, or an response is complete, the next request's head must be here."""
_GRACE_S = 10
"""How long responses that are under way may take when the service is to stop."""
_MOST_CONNECTIONS, _OTHER_FILES = 1000, 200
_MOST_FILES = 1 << 16
_ACCEPTED_AT_ONCE, _WAITING = 16, 1024
_TOLD_EVERY_S = 60.0
_NO_FILES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


def serve(app: ASGIApp, listening: socket.socket, on_stop: Callable[[], None] = lambda: None) -> None:
    """Response requests until SIGTERM or Ctrl-C.

    Args:
        app: the application.
        listening: where requests come in.
        on_stop: called as soon as the service is to stop: what would be waited for ends.
    """
    config = uvicorn.Config(
        app,
        http=cast(Any, partial(_Connection, most_connections(raise_file_limit()), Seldom())),
        log_config=None,
        access_log=False,  # its lines hold paths and query strings; the service writes its own
        server_header=False,
        proxy_headers=False,
        ws="none",
        backlog=_ACCEPTED_AT_ONCE,
        timeout_keep_alive=int(IDLE_S),
        timeout_graceful_shutdown=_GRACE_S,
    )
    # uvicorn raises the signal anew once it has stopped; the workers are still to be told then.
    before = {each: signal.signal(each, lambda *_: None) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        _Server(config, on_stop).run(sockets=[listening])
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def raise_file_limit() -> int:
    """Let this process open as many files as the system allows it; how many that is."""
    try:
        import resource
    except ImportError:  # Windows knows no such limit
        return _MOST_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return _MOST_FILES if soft == resource.RLIM_INFINITY else soft
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft


def most_connections(files: int) -> int:
    """How many connections there may be, so that files and the database can still be opened.

    >>> most_connections(256), most_connections(1024), most_connections(65536)
    (64, 824, 1000)
    """
    return min(max(files - _OTHER_FILES, files // 4), _MOST_CONNECTIONS)


class Seldom:
    """Lets a line into the log once a minute, however often there is reason for it."""

    def __init__(self, every_s: float = _TOLD_EVERY_S) -> None:
        self._every_s = every_s
        self._next = 0.0

    def due(self) -> bool:
        """Whether the line may be written now."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._every_s
        return True


class _Connection(cast(type[Any], AutoHTTPProtocol)):
    """uvicorn's, whichever parser it is built on; knows since when nothing has been asked on it.

    Args:
        most: how many connections there may be; one more ends the one that has been idle for longest.
        too_many: when that may be told.
    """

    def __init__(self, most: int, too_many: Seldom, **given: Any) -> None:
        super().__init__(**given)
        self._most = most
        self._too_many = too_many
        self.idle_since = time.monotonic()

    @property
    def idle(self) -> bool:
        """Whether no request is under way; one whose head is not here yet is none."""
        return (self.cycle is None or self.cycle.response_complete) and not self.transport.is_closing()

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        open_ones = [each for each in self.connections if not each.transport.is_closing()]
        if len(open_ones) > self._most:
            # This one is idle too: it is ended itself where all others are at work.
            min((each for each in open_ones if each.idle), key=_idle_since).transport.close()
            if self._too_many.due():
                log.warning("more than %d connections; those that are idle for longest are closed", self._most)

    def on_response_complete(self) -> None:
        self.idle_since = time.monotonic()
        super().on_response_complete()


def _idle_since(connection: _Connection) -> float:
    return connection.idle_since


class _Server(uvicorn.Server):
    """Ends connections on which nothing was asked for long."""

    def __init__(self, config: uvicorn.Config, on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_stop = on_stop
        self._no_files = Seldom()

    def handle_exit(self, sig: int, frame: Any) -> None:
        self._on_stop()
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(self._hear)
        await super().startup(sockets)
        for each in sockets or []:
            # The loop accepts a few at a time, so that it sees in between how many there are; the rest waits here.
            each.listen(_WAITING)

    async def on_tick(self, counter: int) -> bool:
        latest = time.monotonic() - IDLE_S
        for each in list(cast(Any, self.server_state.connections)):
            if each.idle and each.idle_since < latest:
                each.transport.close()
        return await super().on_tick(counter)

    def _hear(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """The event loop tells of every connection that it cannot accept, again and again."""
        error = context.get("exception")
        if not isinstance(error, OSError) or error.errno not in _NO_FILES:
            loop.default_exception_handler(context)
        elif self._no_files.due():
            log.error("no connection can be accepted (%s); trying again every second", (error.strerror or "").lower())
