"""Which connections the node keeps, so that idle ones never keep a sender out.

A connection costs threads, an association a place among few. Those that ask for nothing are closed
after a while, or as soon as there are many of them. When all places are taken, a sender waits for
one, and the association that has been idle for longest gives up its own. Connections are closed from
outside, since a library thread that waits for the rest of a message does not look at its timers.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from pynetdicom.association import Association

log = logging.getLogger(__name__)

_TICK_S = 0.05
_WARNED_EVERY_S = 60.0


class Connection(Protocol):
    """What is needed of an association: whether its thread still runs."""

    def is_alive(self) -> bool: ...


@dataclass(frozen=True)
class Limits:
    """How many connections are kept, and how long.

    Attributes:
        associations: at most. Each holds an object in memory, and an enhanced one may be large.
        connections: that have not asked for an association yet, or wait for a place.
        request_s: within which a new connection has to ask for an association.
        idle_s: after which an association gives up its place when another one needs it.
        wait_s: for which a sender waits for a place.
        silence_s: after which an association is taken for dead.
    """

    associations: int = 8
    connections: int = 32
    request_s: float = 10.0
    idle_s: float = 5.0
    wait_s: float = 20.0
    silence_s: float = 60.0


class Admission:
    """Keeps the connections of a node within limits.

    Args:
        limits: how many, and how long.
        close: ends a connection; called from any thread.
        clock: seconds that only run forward.
    """

    def __init__(
        self, limits: Limits, close: Callable[[Connection], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits = limits
        self._close = close
        self._clock = clock
        self._lock = threading.Lock()
        self._new: dict[Connection, float] = {}
        self._waiting: set[Connection] = set()
        self._heard: dict[Connection, float] = {}
        self._busy: set[Connection] = set()
        self._warned = float("-inf")

    def connected(self, connection: Connection) -> None:
        """A connection was opened; the oldest that asks for nothing makes room for it."""
        with self._lock:
            self._new[connection] = self._clock()
            many = len(self._new) + len(self._waiting) > self._limits.connections
            oldest = next(iter(self._new)) if many else None
            if oldest is not None:
                del self._new[oldest]
        if oldest is not None:
            self._end(oldest, "more connections are open than can be served")

    def admit(self, connection: Connection) -> bool:
        """Wait for a place for an association; False if none becomes free. Called in the association's thread."""
        with self._lock:
            self._new.pop(connection, None)
            self._waiting.add(connection)
        end = self._clock() + self._limits.wait_s
        try:
            while not self._placed(connection):
                if self._clock() >= end:
                    return False
                time.sleep(_TICK_S)
            return True
        finally:
            with self._lock:
                self._waiting.discard(connection)

    def heard(self, connection: Connection) -> None:
        """Something came or went on an association."""
        with self._lock:
            if connection in self._heard:
                self._heard[connection] = self._clock()

    @contextmanager
    def serving(self, connection: Connection) -> Iterator[None]:
        """The node itself is at work for an association, which is not idle meanwhile."""
        with self._lock:
            self._busy.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._busy.discard(connection)
            self.heard(connection)

    def sweep(self) -> None:
        """Close connections without a request, and associations without traffic, for too long."""
        now = self._clock()
        with self._lock:
            self._forget_dead()
            silent = [each for each, since in self._new.items() if now - since > self._limits.request_s]
            dead = [each for each in self._idle() if now - self._heard[each] > self._limits.silence_s]
            for each in silent:
                del self._new[each]
            for each in dead:
                del self._heard[each]
        for each in silent:
            self._end(each, "connections ask for nothing")
        for each in dead:
            self._end(each, f"nothing came on an association for {self._limits.silence_s:g} s")

    def _placed(self, connection: Connection) -> bool:
        """Take a free place, or that of the association that has been idle for longest."""
        now = self._clock()
        with self._lock:
            self._forget_dead()
            idle = None
            if len(self._heard) >= self._limits.associations:
                idle = min(self._idle(), key=self._heard.__getitem__, default=None)
                if idle is None or now - self._heard[idle] < self._limits.idle_s:
                    return False
                del self._heard[idle]
            self._heard[connection] = now
        if idle is not None:
            self._end(idle, "an idle association gave its place to another one")
        return True

    def _idle(self) -> list[Connection]:
        return [each for each in self._heard if each not in self._busy]

    def _forget_dead(self) -> None:
        for known in (self._new, self._heard):
            # A new connection's thread has not begun when it is entered.
            for each in [each for each in known if not each.is_alive() and self._clock() - known[each] > 1]:
                del known[each]

    def _end(self, connection: Connection, why: str) -> None:
        now = self._clock()
        if now - self._warned >= _WARNED_EVERY_S:  # a flood of connections must not become one of the log
            self._warned = now
            log.warning("connections are being closed: %s", why)
        self._close(connection)


def close_connection(association: Connection) -> None:
    """Close the connection under an association of pynetdicom: whatever its threads wait for, they end."""
    wrapped = cast("Association", association).dul.socket
    connection = wrapped.socket if wrapped is not None else None
    if connection is not None:
        with suppress(OSError):  # closed by the other side
            connection.shutdown(socket.SHUT_RDWR)
