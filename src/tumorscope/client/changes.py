"""A study as it changes: by events where they come through, else by asking again."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tumorscope.client.connection import Connection, Refused, Unavailable
from tumorscope.client.models import Study

SILENCE_S = 45.0
"""The service says at least every 15 s that it is there."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _BETWEEN_ASKING_S = 0.25, 5.0, 2.0


def changes(connection: Connection, study: str, reconnect_timeout_s: float) -> Iterator[Study]:
    """The study as it is now, and again whenever it may have changed; never ends by itself.

    A connection that breaks is made anew. Where no event comes through (a proxy that
    collects them, an old service) the study is asked for every two seconds.

    Args:
        reconnect_timeout_s: for how long a service that cannot be reached is tried again.

    Raises:
        Unavailable: it could not be reached for so long.
        Refused: the study is not there any more, access is denied and the like.
    """
    path = f"/api/studies/{study}"
    by_events, pause_s, reached = True, _FIRST_PAUSE_S, time.monotonic()
    while True:
        heard = False
        try:
            yield connection.value(Study, "GET", path)
            reached = time.monotonic()
            if by_events:
                for now in _events(connection, f"{path}/events"):
                    heard, pause_s, reached = True, _FIRST_PAUSE_S, time.monotonic()
                    yield now
                by_events = heard
        except Unavailable:
            if not heard and time.monotonic() - reached > reconnect_timeout_s:
                raise
        time.sleep(pause_s if by_events else _BETWEEN_ASKING_S)
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)


def _events(connection: Connection, path: str) -> Iterator[Study]:
    """The studies that are told; ends where nothing (more) comes."""
    heard = False
    try:
        with connection.events(path, SILENCE_S) as source:
            for event in source:
                if event.event == "study":
                    heard = True
                    yield connection.read(Study, event.data)
    except Refused as error:
        if error.status in (401, 403, 404):
            raise
    except Unavailable:
        if heard:
            raise
