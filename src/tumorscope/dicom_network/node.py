"""The node: receives studies, analyses those that are complete, sends the results on."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tumorscope.core.errors import TumorscopeError
from tumorscope.dicom_network.analysis_thread import AnalysisThread, recover
from tumorscope.dicom_network.arrivals import Arrivals
from tumorscope.dicom_network.destinations import Destination
from tumorscope.dicom_network.journal import Journal
from tumorscope.dicom_network.plurals import counted
from tumorscope.dicom_network.receiver import Receiver, import_unrecorded
from tumorscope.dicom_network.sender import SenderThread
from tumorscope.dicom_network.store import Store, only_node
from tumorscope.dicom_network.worker import load_processor

log = logging.getLogger(__name__)

_TICK_S = 0.1
_REST_S = 10.0
_HOUR_S = 3600.0
_SHUTDOWN_S = 10.0


@dataclass(frozen=True)
class NodeSettings:
    """How a node runs.

    Attributes:
        data: its folder.
        host, port: where it listens; port 0 lets the system choose.
        aet: its application entity title.
        allowed: calling titles that are let in; empty lets everyone in.
        destinations: who gets the results; none leaves them in the folder.
        quiescence_s: a study is complete when nothing came for so long.
        abort_timeout_s: the same where its sender was cut off.
        bundle: a name, a folder, or ``auto``.
        keep_days: studies that have been done for so long are removed; None keeps them.
        processor: ``module:function`` that analyses a study.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 11112
    aet: str = "TUMORSCOPE"
    allowed: tuple[str, ...] = ()
    destinations: tuple[Destination, ...] = field(default=())
    quiescence_s: float = 30.0
    abort_timeout_s: float = 600.0
    bundle: str = "auto"
    keep_days: float | None = None
    processor: str = "tumorscope.dicom_network.study_processor:process_study"


def run_node(settings: NodeSettings, stop: threading.Event, reanalyze: Sequence[str] = ()) -> None:
    """Run until ``stop`` is set.

    Args:
        settings: how.
        stop: ends the node: the object that is being received or sent is finished first, an
            analysis begins again at the next start.
        again: studies, by UID or code, to analyze once more. If a node runs in this folder
            already, it is told of them, and this returns.

    Raises:
        TumorscopeError: the port is taken, the folder cannot be used, a study is not known.
    """
    _quiet_libraries()
    load_processor(settings.processor)
    store = Store(settings.data)
    with only_node(settings.data) as alone:
        if not alone and not reanalyze:
            raise TumorscopeError(f"{settings.data}: another node works in this folder; give it its own with --data")
        journal = Journal(settings.data / "journal.sqlite")
        try:
            for name in reanalyze:
                log.info("%s: will be re-analyzed, as requested", journal.reanalyze(name))
            if alone:
                _serve(settings, store, journal, stop)
        finally:
            journal.close()


def _serve(settings: NodeSettings, store: Store, journal: Journal, stop: threading.Event) -> None:
    names = [destination.name for destination in settings.destinations]
    adopted = import_unrecorded(store, journal)
    if adopted:
        log.info("%s on disk, but not yet in the journal: entered", counted(adopted, "object"))
    recover(store, journal, names)
    for name, count in journal.waiting_for().items():
        if name not in names:
            log.warning("%s for %s, which --send-to does not name", counted(count, "result"), name)
    arrivals = Arrivals(journal, settings.quiescence_s, settings.abort_timeout_s)
    receiver = Receiver(store, journal, arrivals, settings.aet, settings.allowed)
    port = receiver.listen(settings.host, settings.port)
    threads: list[threading.Thread] = [AnalysisThread(store, journal, names, settings.processor, settings.bundle, stop)]
    threads += [SenderThread(each, settings.data, journal, settings.aet, stop) for each in settings.destinations]
    for thread in threads:
        thread.start()
    log.info("%s listens at %s:%d; results go to %s", settings.aet, settings.host, port, ", ".join(names) or "no one")
    try:
        _watch(settings, store, journal, arrivals, receiver, stop)
    finally:
        stop.set()
        receiver.close()
        for thread in threads:
            thread.join(_SHUTDOWN_S)
        log.info("stopped")


def _watch(
    settings: NodeSettings,
    store: Store,
    journal: Journal,
    arrivals: Arrivals,
    receiver: Receiver,
    stop: threading.Event,
) -> None:
    next_expiry = time.monotonic()
    while not stop.wait(_TICK_S):
        try:
            receiver.sweep()
            complete = arrivals.mark_complete()
        except sqlite3.Error as error:  # a full disk: what is running goes on, and this when there is room
            log.error("the journal cannot be written (%s)", error)
            stop.wait(_REST_S)
            continue
        for code in complete:
            study = journal.study(code)
            if study and study.interrupted:
                log.warning(
                    "%s: its sender did not finish and did not come back; its results will say that images may be missing",
                    code,
                )
        if settings.keep_days is not None and time.monotonic() >= next_expiry:
            next_expiry = time.monotonic() + _HOUR_S
            expire(store, journal, time.time() - settings.keep_days * 86400)


def expire(store: Store, journal: Journal, before: float) -> None:
    """Remove what has been done or failed since before a moment, in seconds since 1970."""
    for code in journal.settled_before(before):
        journal.forget(code, lambda code=code: store.hide(code))
        log.info("%s: forgotten", code)


def _quiet_libraries() -> None:
    """What these log quotes names, UIDs and titles; the node says itself what matters."""
    import warnings

    warnings.simplefilter("ignore")
    for name in ("pynetdicom", "pydicom", "dicomweb_client", "urllib3"):
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.handlers = [logging.NullHandler()]
