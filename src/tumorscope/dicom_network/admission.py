"""Limits on connections and associations, so that idle ones never block a sender.

A connection needs threads, and the number of associations is small. Connections without a request are
closed after a timeout, or earlier if there are many of them. If the maximum of associations is reached, a
sender waits, and the longest idle association is closed for it. Connections are closed from outside the
library, whose thread does not check its timers while it waits for the rest of a message.
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
_WARNING_INTERVAL_S = 60.0


class Connection(Protocol):
    """The required part of an association's interface."""

    def is_alive(self) -> bool: ...


@dataclass(frozen=True)
class Limits:
    """Maximum numbers of connections, and timeouts.

    Attributes:
        associations: the maximum number. Each holds an object in memory, and an enhanced one may be large.
        connections: the maximum number of connections without an association.
        request_s: time for a new connection to request an association.
        idle_s: an association idle for this time may be closed for another one.
        wait_s: how long a sender waits for an association.
        silence_s: an association without traffic for this time counts as dead.
    """

    associations: int = 8
    connections: int = 32
    request_s: float = 10.0
    idle_s: float = 5.0
    wait_s: float = 20.0
    silence_s: float = 60.0


class Admission:
    """Enforces the limits on a node's connections.

    Args:
        limits: maximum numbers and timeouts.
        close: closes a connection; called from any thread.
        clock: monotonic, in seconds.
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
        self._last_traffic: dict[Connection, float] = {}
        self._busy: set[Connection] = set()
        self._warned = float("-inf")

    def connected(self, connection: Connection) -> None:
        """Register a new connection; above the maximum, the oldest one without a request is closed."""
        with self._lock:
            self._new[connection] = self._clock()
            many = len(self._new) + len(self._waiting) > self._limits.connections
            oldest = next(iter(self._new)) if many else None
            if oldest is not None:
                del self._new[oldest]
        if oldest is not None:
            self._end(oldest, "too many open connections")

    def admit(self, connection: Connection) -> bool:
        """Wait until an association is allowed; False after the timeout. Called in the association's thread."""
        with self._lock:
            self._new.pop(connection, None)
            self._waiting.add(connection)
        end = self._clock() + self._limits.wait_s
        try:
            while not self._register(connection):
                if self._clock() >= end:
                    return False
                time.sleep(_TICK_S)
            return True
        finally:
            with self._lock:
                self._waiting.discard(connection)

    def traffic(self, connection: Connection) -> None:
        """Record traffic on an association."""
        with self._lock:
            if connection in self._last_traffic:
                self._last_traffic[connection] = self._clock()

    @contextmanager
    def serving(self, connection: Connection) -> Iterator[None]:
        """Mark an association as busy for the duration of the block."""
        with self._lock:
            self._busy.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._busy.discard(connection)
            self.traffic(connection)

    def sweep(self) -> None:
        """Close connections without a request and associations without traffic after their timeouts."""
        now = self._clock()
        with self._lock:
            self._remove_dead()
            silent = [each for each, since in self._new.items() if now - since > self._limits.request_s]
            dead = [each for each in self._idle() if now - self._last_traffic[each] > self._limits.silence_s]
            for each in silent:
                del self._new[each]
            for each in dead:
                del self._last_traffic[each]
        for each in silent:
            self._end(each, "no request on a connection")
        for each in dead:
            self._end(each, f"no traffic on an association for {self._limits.silence_s:g} s")

    def _register(self, connection: Connection) -> bool:
        """Register an association if the maximum allows it or after closing the longest idle one."""
        now = self._clock()
        with self._lock:
            self._remove_dead()
            idle = None
            if len(self._last_traffic) >= self._limits.associations:
                idle = min(self._idle(), key=self._last_traffic.__getitem__, default=None)
                if idle is None or now - self._last_traffic[idle] < self._limits.idle_s:
                    return False
                del self._last_traffic[idle]
            self._last_traffic[connection] = now
        if idle is not None:
            self._end(idle, "an idle association was closed for another one")
        return True

    def _idle(self) -> list[Connection]:
        return [each for each in self._last_traffic if each not in self._busy]

    def _remove_dead(self) -> None:
        for known in (self._new, self._last_traffic):
            # The thread of a new connection starts after its registration.
            for each in [each for each in known if not each.is_alive() and self._clock() - known[each] > 1]:
                del known[each]

    def _end(self, connection: Connection, why: str) -> None:
        now = self._clock()
        if now - self._warned >= _WARNING_INTERVAL_S:  # many connections must not flood the log
            self._warned = now
            log.warning("connections are being closed: %s", why)
        self._close(connection)


def close_connection(association: Connection) -> None:
    """Close the connection of a pynetdicom association, which ends its threads whatever they wait for."""
    wrapped = cast("Association", association).dul.socket
    connection = wrapped.socket if wrapped is not None else None
    if connection is not None:
        with suppress(OSError):  # closed by the other side
            connection.shutdown(socket.SHUT_RDWR)
