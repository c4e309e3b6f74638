"""The HTTP server: uvicorn with limits on idle connections.

Every connection uses a file descriptor. Without limits, a few hundred idle connections, by mistake or on
purpose, would leave none for requests.
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
"""The head of the next request must arrive within this time after the connection or the last response."""
_GRACE_S = 10
"""How long responses in progress may take when the service stops."""
_MAX_CONNECTIONS, _OTHER_FILES = 1000, 200
_MAX_FILES = 1 << 16
_ACCEPTED_AT_ONCE, _WAITING = 16, 1024
_TOLD_EVERY_S = 60.0
_NO_FILES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


def serve(app: ASGIApp, listening: socket.socket, on_stop: Callable[[], None] = lambda: None) -> None:
    """Serve requests until SIGTERM or Ctrl-C.

    Args:
        app: the application.
        listening: the listening socket.
        on_stop: called at the beginning of the shutdown, to end long responses.
    """
    config = uvicorn.Config(
        app,
        http=cast(Any, partial(_Connection, most_connections(raise_file_limit()), LogLimit())),
        log_config=None,
        access_log=False,  # its lines contain paths and query strings; see access_log
        server_header=False,
        proxy_headers=False,
        ws="none",
        backlog=_ACCEPTED_AT_ONCE,
        timeout_keep_alive=int(IDLE_S),
        timeout_graceful_shutdown=_GRACE_S,
    )
    # uvicorn re-raises the signal after its shutdown; the caller still has to stop the workers.
    before = {each: signal.signal(each, lambda *_: None) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        _Server(config, on_stop).run(sockets=[listening])
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def raise_file_limit() -> int:
    """Raise this process's limit of open files as far as the system allows; return the new limit."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return _MAX_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, _MAX_FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return _MAX_FILES if soft == resource.RLIM_INFINITY else soft
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft


def most_connections(files: int) -> int:
    """The maximum number of connections that leaves descriptors for files and the database.

    >>> most_connections(256), most_connections(1024), most_connections(65536)
    (64, 824, 1000)
    """
    return min(max(files - _OTHER_FILES, files // 4), _MAX_CONNECTIONS)


class LogLimit:
    """Limits a log message to once per minute."""

    def __init__(self, every_s: float = _TOLD_EVERY_S) -> None:
        self._every_s = every_s
        self._next = 0.0

    def due(self) -> bool:
        """Whether the message may be logged now."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._every_s
        return True


class _Connection(cast(type[Any], AutoHTTPProtocol)):
    """uvicorn's connection class, for either HTTP parser, with the time since when it is idle.

    Args:
        most: the maximum number of connections; one more closes the one that has been idle longest.
        too_many: limits the log message about it.
    """

    def __init__(self, most: int, too_many: LogLimit, **given: Any) -> None:
        super().__init__(**given)
        self._most = most
        self._too_many = too_many
        self.idle_since = time.monotonic()

    @property
    def idle(self) -> bool:
        """Whether no request is in progress; a request counts once its head has arrived."""
        return (self.cycle is None or self.cycle.response_complete) and not self.transport.is_closing()

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        open_connections = [each for each in self.connections if not each.transport.is_closing()]
        if len(open_connections) > self._most:
            # The new connection is idle too, so it is closed itself if all others are busy.
            min((each for each in open_connections if each.idle), key=_idle_since).transport.close()
            if self._too_many.due():
                log.warning("more than %d connections; the longest idle ones are closed", self._most)

    def on_response_complete(self) -> None:
        self.idle_since = time.monotonic()
        super().on_response_complete()


def _idle_since(connection: _Connection) -> float:
    return connection.idle_since


class _Server(uvicorn.Server):
    """Closes connections that have been idle for too long."""

    def __init__(self, config: uvicorn.Config, on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_stop = on_stop
        self._no_files = LogLimit()

    def handle_exit(self, sig: int, frame: Any) -> None:
        self._on_stop()
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(self._handle_loop_error)
        await super().startup(sockets)
        for each in sockets or []:
            # The loop accepts a few connections at a time and counts them in between; the others wait in this backlog.
            each.listen(_WAITING)

    async def on_tick(self, counter: int) -> bool:
        latest = time.monotonic() - IDLE_S
        for each in list(cast(Any, self.server_state.connections)):
            if each.idle and each.idle_since < latest:
                each.transport.close()
        return await super().on_tick(counter)

    def _handle_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log that no connection can be accepted, once per minute instead of at every attempt."""
        error = context.get("exception")
        if not isinstance(error, OSError) or error.errno not in _NO_FILES:
            loop.default_exception_handler(context)
        elif self._no_files.due():
            log.error("no connection can be accepted (%s); trying again every second", (error.strerror or "").lower())
