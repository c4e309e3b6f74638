"""Follow the changes of a study by server-sent events, or by polling."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tumorscope.client.connection import Connection, Refused, Unavailable
from tumorscope.client.responses import Study

SILENCE_S = 45.0
"""The service sends data at least every 15 s."""
_FIRST_PAUSE_S, _MAX_PAUSE_S, _POLL_INTERVAL_S = 0.25, 5.0, 2.0


def changes(connection: Connection, study: str, reconnect_timeout_s: float) -> Iterator[Study]:
    """Yield the study now and whenever it may have changed; never ends by itself.

    A broken connection is re-established. Without events (a proxy that buffers them, an old service) the
    study is polled every two seconds.

    Args:
        reconnect_timeout_s: how long to retry an unreachable service.

    Raises:
        Unavailable: the service was unreachable for this time.
        Refused: the study no longer exists, access is denied and the like.
    """
    path = f"/api/studies/{study}"
    by_events, pause_s, reached = True, _FIRST_PAUSE_S, time.monotonic()
    while True:
        received = False
        try:
            yield connection.value(Study, "GET", path)
            reached = time.monotonic()
            if by_events:
                for now in _events(connection, f"{path}/events"):
                    received, pause_s, reached = True, _FIRST_PAUSE_S, time.monotonic()
                    yield now
                by_events = received
        except Unavailable:
            if not received and time.monotonic() - reached > reconnect_timeout_s:
                raise
        time.sleep(pause_s if by_events else _POLL_INTERVAL_S)
        pause_s = min(pause_s * 2, _MAX_PAUSE_S)


def _events(connection: Connection, path: str) -> Iterator[Study]:
    """Yield the studies of the event stream until it ends."""
    received = False
    try:
        with connection.events(path, SILENCE_S) as source:
            for event in source:
                if event.event == "study":
                    received = True
                    yield connection.read(Study, event.data)
    except Refused as error:
        if error.status in (401, 403, 404):
            raise
    except Unavailable:
        if received:
            raise
