"""Stop on signals."""

from __future__ import annotations

import queue
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def set_on_signals(stop: threading.Event) -> Iterator[None]:
    """Set an event on SIGINT or SIGTERM; handle them as before when the block ends.

    A handler interrupts the main thread anywhere, even while it holds the event's own lock in ``stop.wait``. Setting the
    event from the handler would then wait for that lock forever, so a thread sets it; ``SimpleQueue.put`` is reentrant.
    """
    arrived: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def watch() -> None:
        if arrived.get():
            stop.set()

    threading.Thread(target=watch, name="signals", daemon=True).start()
    before = {each: signal.signal(each, lambda *_: arrived.put(True)) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        arrived.put(False)
