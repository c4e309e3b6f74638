"""The node: receives studies, analyzes complete ones, and sends the results."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tumorscope.core.errors import TumorscopeError
from tumorscope.dicom_network.arrivals import Arrivals
from tumorscope.dicom_network.destinations import Destination
from tumorscope.dicom_network.journal import Journal
from tumorscope.dicom_network.node_worker import WorkerSettings, load_processor, record_committed, recover
from tumorscope.dicom_network.plurals import counted
from tumorscope.dicom_network.receiver import Receiver, import_unrecorded
from tumorscope.dicom_network.sender import SenderThread
from tumorscope.dicom_network.store import Store, only_node
from tumorscope.studies.supervisor import Supervisor
from tumorscope.studies.worker_process import silence_libraries

log = logging.getLogger(__name__)

_TICK_S = 0.1
_RETRY_S = 10.0
_HOUR_S = 3600.0
_SHUTDOWN_S = 10.0


@dataclass(frozen=True)
class NodeSettings:
    """Settings of a node.

    Attributes:
        data: its folder.
        host, port: its address; the system chooses a port for 0.
        aet: its application entity title.
        allowed: accepted calling AE titles; all if empty.
        destinations: receive the results; without any, results stay in the folder.
        quiescence_s: a study is complete when no image has arrived for this time.
        abort_timeout_s: the same after an aborted association.
        bundle: a name, a folder, or ``auto``.
        register: whether to co-register the series of every study.
        location: whether to name lobe and hemisphere of lesions by an atlas.
        contours: whether to send an RT Structure Set beside the segmentation.
        flips: average the network's outputs over left-right flips.
        keep_days: finished studies are removed after this time; None keeps them.
        processor: ``module:function`` that analyzes a study.
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
    register: bool = False
    location: bool = False
    contours: bool = False
    flips: bool = False
    keep_days: float | None = None
    processor: str = "tumorscope.dicom_network.study_processor:process_study"


def run_node(settings: NodeSettings, stop: threading.Event, reanalyze: Sequence[str] = ()) -> None:
    """Run until ``stop`` is set.

    Args:
        settings: of the node.
        stop: ends the node after the current object has been received or sent; a running analysis is
            repeated at the next start.
        reanalyze: studies, by UID or code, to re-analyze. If a node is already running in this folder, it
            receives the request through the journal, and this returns.

    Raises:
        TumorscopeError: the port is in use, the folder cannot be used, or a study is unknown.
    """
    silence_libraries()
    load_processor(settings.processor)
    store = Store(settings.data)
    with only_node(settings.data) as alone:
        if not alone and not reanalyze:
            raise TumorscopeError(f"{settings.data}: another node uses this folder; choose another one with --data")
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
    imported = import_unrecorded(store, journal)
    if imported:
        log.info("%s on disk, but not in the journal: recorded", counted(imported, "object"))
    recover(store, journal, names)
    for name, count in journal.waiting_for().items():
        if name not in names:
            log.warning("%s for %s, which is not among the --send-to destinations", counted(count, "result"), name)
    arrivals = Arrivals(journal, settings.quiescence_s, settings.abort_timeout_s)
    receiver = Receiver(store, journal, arrivals, settings.aet, settings.allowed)
    port = receiver.listen(settings.host, settings.port)
    worker = WorkerSettings(
        settings.data,
        names,
        settings.processor,
        settings.bundle,
        settings.flips,
        settings.register,
        settings.location,
        settings.contours,
    )

    def repeat(name: str, end: str) -> None:
        record_committed(store, journal, names, name)
        journal.expire_leases(name, f"the analysis {end}")

    senders = [SenderThread(each, settings.data, journal, settings.aet, stop) for each in settings.destinations]
    for sender in senders:
        sender.start()
    log.info(
        "%s listens at %s:%d; results go to %s", settings.aet, settings.host, port, ", ".join(names) or "no destination"
    )
    try:
        with Supervisor(worker.command(), [os.environ], repeat, shutdown_s=0):
            _watch(settings, store, journal, arrivals, receiver, stop)
    finally:
        stop.set()
        receiver.close()
        for sender in senders:
            sender.join(_SHUTDOWN_S)
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
        except sqlite3.Error as error:  # a full disk: other work continues, this when there is space
            log.error("the journal cannot be written (%s)", error)
            stop.wait(_RETRY_S)
            continue
        for code in complete:
            study = journal.study(code)
            if study and study.interrupted:
                log.warning(
                    "%s: its sender did not finish and did not come back; its results will state that images may be missing",
                    code,
                )
        if settings.keep_days is not None and time.monotonic() >= next_expiry:
            next_expiry = time.monotonic() + _HOUR_S
            expire(store, journal, time.time() - settings.keep_days * 86400)


def expire(store: Store, journal: Journal, before: float) -> None:
    """Remove studies done or failed since before a moment, in seconds since 1970."""
    moment = datetime.fromtimestamp(before, UTC)
    for code in journal.expired(moment):
        # An image that arrives meanwhile is either recorded before, and the study stays, or its file is missing, and
        # its sender receives an error status.
        if journal.delete(code, moment, lambda code=code: store.hide(code)):
            log.info("%s: expired, removed", code)
