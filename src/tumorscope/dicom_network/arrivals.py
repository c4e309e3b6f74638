"""Detect complete studies: no open association sends them, and no image has arrived for a while.

A sender usually comes back after an interruption. So the timeout is longer for a study whose association
was aborted or was open when the node stopped, or of which an image was refused. After that timeout, its
results state that images may be missing.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from tumorscope.dicom_network.journal import Journal
from tumorscope.dicom_network.journal_records import Arrival


@dataclass
class Delivery:
    """The objects of one study in one association.

    Attributes:
        study: its code.
        new, known: numbers of objects that were stored, and that were already present.
        corrected: number of those already present that now state another patient.
        refused: number of images that could not be stored.
        reopened: whether any arrived after the study's analysis began.
        confirmed: whether the end of the association reopened an incomplete study.
    """

    study: str
    new: int = 0
    known: int = 0
    corrected: int = 0
    refused: int = 0
    reopened: bool = False
    confirmed: bool = False


class Arrivals:
    """The open associations and the studies that they send.

    Args:
        journal: of the node.
        quiescence_s: a study is complete when no object has arrived for this time.
        abort_timeout_s: the same after an aborted association.
        clock: monotonic, in seconds.
    """

    def __init__(
        self, journal: Journal, quiescence_s: float, abort_timeout_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._journal = journal
        self._quiescence_s = quiescence_s
        self._abort_timeout_s = max(abort_timeout_s, quiescence_s)
        self._clock = clock
        self._lock = threading.Lock()
        # For earlier objects, time counts from the start of this process: senders may come back.
        self._started = clock()
        self._last: dict[str, float] = {}
        self._open: dict[Hashable, dict[str, Delivery]] = defaultdict(dict)

    def begins(self, sender: Hashable, study: str) -> None:
        """Register an association that is sending an object of a study."""
        with self._lock:
            self._open[sender].setdefault(study, Delivery(study))

    def came(self, sender: Hashable, study: str, arrival: Arrival) -> None:
        """Record that an object is on disk and in the journal."""
        with self._lock:
            self._last[study] = self._clock()
            delivery = self._open[sender].setdefault(study, Delivery(study))
            delivery.new += arrival.new
            delivery.known += not arrival.new
            delivery.corrected += arrival.corrected
            delivery.reopened |= arrival.reopened

    def missed(self, sender: Hashable, study: str) -> None:
        """Record an image that could not be stored: the study is incomplete however the association ends."""
        with self._lock:
            self._open[sender].setdefault(study, Delivery(study)).refused += 1
            self._journal.interrupt(study)

    def left(self, sender: Hashable, well: bool) -> list[Delivery]:
        """Record the end of an association; return its deliveries.

        Args:
            sender: the association.
            well: whether it was released and not aborted.
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
        """The open associations with deliveries."""
        with self._lock:
            return list(self._open)

    def mark_complete(self) -> list[str]:
        """Mark complete studies as ready; return their codes."""
        with self._lock:  # held to the end, so that a new image undoes the mark
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
