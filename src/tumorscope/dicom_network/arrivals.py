"""When a study is complete: nothing came for a while, and nobody is still sending.

A sender that was cut off will come again. So a study whose association broke, or was open
when the node itself was stopped, or that an image was refused of, is waited for longer than one
that was sent to the end. If nobody comes, its results say that images may be missing.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from tumorscope.dicom_network.journal import Journal


@dataclass
class Delivery:
    """What one association brought of one study.

    Attributes:
        study: its code.
        new, known: images and other objects that were kept, and that were here already.
        refused: images that could not be kept.
        reopened: whether any came after the study's analysis began.
        confirmed: whether results that were made of a part of the study are now known to need another analysis.
    """

    study: str
    new: int = 0
    known: int = 0
    refused: int = 0
    reopened: bool = False
    confirmed: bool = False


class Arrivals:
    """Who is sending what at the moment.

    Args:
        journal: of the node.
        quiescence_s: a study is complete when nothing came for so long.
        abort_timeout_s: the same for a study whose association broke off.
        clock: seconds that only run forward.
    """

    def __init__(
        self, journal: Journal, quiescence_s: float, abort_timeout_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._journal = journal
        self._quiescence_s = quiescence_s
        self._abort_timeout_s = max(abort_timeout_s, quiescence_s)
        self._clock = clock
        self._lock = threading.Lock()
        # What came before this process began counts from its beginning: senders may be coming back.
        self._started = clock()
        self._last: dict[str, float] = {}
        self._open: dict[Hashable, dict[str, Delivery]] = defaultdict(dict)

    def begins(self, sender: Hashable, study: str) -> None:
        """An association is about to bring an object of a study: from now on it is waited for."""
        with self._lock:
            self._open[sender].setdefault(study, Delivery(study))

    def came(self, sender: Hashable, study: str, new: bool, reopened: bool) -> None:
        """The object is on disk and in the journal."""
        with self._lock:
            self._last[study] = self._clock()
            delivery = self._open[sender].setdefault(study, Delivery(study))
            delivery.new += new
            delivery.known += not new
            delivery.reopened |= reopened

    def missed(self, sender: Hashable, study: str) -> None:
        """An image was offered and could not be kept: the study is not whole, however the association ends."""
        with self._lock:
            self._open[sender].setdefault(study, Delivery(study)).refused += 1
            self._journal.interrupt(study)

    def left(self, sender: Hashable, well: bool) -> list[Delivery]:
        """An association has ended; what it brought.

        Args:
            sender: the association.
            well: it was released, not broken.
        """
        with self._lock:
            deliveries = list(self._open.pop(sender, {}).values())
            others = {study for studies in self._open.values() for study in studies}
            for delivery in deliveries:
                self._last[delivery.study] = self._clock()
                if well and not delivery.refused and delivery.study not in others:
                    delivery.confirmed = self._journal.confirm(delivery.study)
        return deliveries

    def senders(self) -> list[Hashable]:
        """The associations that have brought something and not ended."""
        with self._lock:
            return list(self._open)

    def mark_complete(self) -> list[str]:
        """Mark the studies for which nothing more is expected as ready; their codes."""
        with self._lock:  # held to the end: an image that comes in between must undo the mark, not be missed by it
            now = self._clock()
            busy = {study for studies in self._open.values() for study in studies}
            complete = [
                study.code
                for study in self._journal.in_state("receiving")
                if study.code not in busy
                and now - self._last.get(study.code, self._started)
                >= (self._abort_timeout_s if study.interrupted else self._quiescence_s)
            ]
            for code in complete:
                self._journal.mark_ready(code)
                self._last.pop(code, None)
        return complete
