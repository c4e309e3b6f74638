"""Send results to their destinations until they are stored there.

A result may be sent twice if a connection breaks before the response; its SOP Instance UID is the same, so
an archive stores it once.

If a destination fails temporarily, for example because its disk is full, a result is sent again with growing
pauses until it is stored. An object that is refused permanently is given up after a few attempts. Neither
delays the other results.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from tumorscope.dicom_network.destinations import Destination, Peer, WebArchive
from tumorscope.dicom_network.dicomweb import Refused, Unavailable, connect_to_store
from tumorscope.dicom_network.journal import Journal
from tumorscope.dicom_network.journal_records import Result
from tumorscope.dicom_network.plurals import counted
from tumorscope.dicom_network.upload import Pushed, is_temporary, push_files
from tumorscope.studies.claims import Backoff

log = logging.getLogger(__name__)

MAX_WAIT_S = 300.0
_PAUSE_S = 60.0
_TICK_S = 0.1

_NOT_SUPPORTED = "it does not support this SOP class"


class SenderThread(threading.Thread):
    """Sends results to one destination for the lifetime of the node.

    Args:
        destination: the receiver.
        data: the node's folder.
        journal: of the node.
        aet: this node's AE title.
        stop: set when the node must end.
        first_wait_s: pause before the second attempt; each further pause is twice as long.
    """

    def __init__(
        self,
        destination: Destination,
        data: Path,
        journal: Journal,
        aet: str,
        stop: threading.Event,
        first_wait_s: float = 1.0,
    ) -> None:
        super().__init__(name=f"sender-{destination.name}", daemon=True)
        self._destination = destination
        self._data = data
        self._journal = journal
        self._aet = aet
        self._stopping = stop
        self._backoff = Backoff(first_wait_s, MAX_WAIT_S)
        self._tries = 0
        self._warned = False

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._deliver_next()
            except Exception as error:  # the disk, or an unreadable result; the other threads continue
                log.error("sending to %s pauses for a minute (%s)", self._destination.name, type(error).__name__)
                self._stopping.wait(_PAUSE_S)
                with suppress(sqlite3.Error):
                    self._journal.results.release_all(self._destination.name)

    def _deliver_next(self) -> None:
        results = self._journal.claim_results(self._destination.name)
        if results:
            self._deliver(results)
        else:
            self._stopping.wait(_TICK_S)

    def _deliver(self, results: Sequence[Result]) -> None:
        study = results[0].study
        by_path = {self._data / result.file: result for result in results}
        sent = 0
        try:
            for outcome in self._send(list(by_path)):
                self._tries = 0
                sent += self._record(by_path[outcome.path], outcome)
                if self._stopping.is_set():
                    break
        except Unavailable as error:
            self._tries += 1
            if self._tries == 1:
                waiting = self._journal.waiting_for()[self._destination.name]
                log.warning("%s; %s to send, retrying until sent", error, counted(waiting, "object"))
        for result in results:  # those that were not tried
            self._journal.results.release(result)
        if sent:
            log.info("%s: %s sent to %s", study, counted(sent, "object"), self._destination.name)
        state = self._journal.settle(study)
        if state:
            log.info("%s: %s", study, state)
        if self._tries:
            self._stopping.wait(self._backoff.pause_s(self._tries))

    def _record(self, result: Result, outcome: Pushed) -> bool:
        """Record the outcome of a result; whether the destination has stored it."""
        name = self._destination.name
        if outcome.problem is None:
            self._journal.results.seal(result, "sent")
            self._warned = False
            return True
        pause_s = self._backoff.pause_s(result.attempt)
        if outcome.temporary:
            self._journal.results.release(result, pause_s)
            if not self._warned:
                log.warning("%s stores nothing at the moment (%s); retrying until it does", name, outcome.problem)
            self._warned = True
        elif not self._journal.results.retry_or_fail(result, outcome.problem, pause_s):
            log.error("%s: %s refuses %s: %s; given up", result.study, name, outcome.path.name, outcome.problem)
        return False

    def _send(self, paths: list[Path]) -> Iterator[Pushed]:
        """Yield the outcome of every file; raises Unavailable if a retry may help."""
        present = []
        for path in paths:
            if path.exists():
                present.append(path)
            else:
                yield Pushed(path, "the file is missing")
        if not present:
            return
        yield from send_files(self._destination, present, self._aet)


def send_files(destination: Destination, paths: list[Path], aet: str) -> Iterator[Pushed]:
    """Send DICOM files by STOW-RS or C-STORE and yield the outcome of each.

    Args:
        destination: the receiver.
        paths: files that exist.
        aet: the calling AE title of a C-STORE.

    Raises:
        Unavailable: no connection, or it broke; a retry may help.
    """
    if isinstance(destination, WebArchive):
        yield from _stow(destination, paths)
    else:
        yield from c_store(destination, paths, aet)


def _stow(archive: WebArchive, paths: list[Path]) -> Iterator[Pushed]:
    try:
        client = connect_to_store(archive.url, archive.credentials)
        yield from push_files(client, paths)
    except Refused as error:  # the operator can correct a password or an address meanwhile
        raise Unavailable(str(error)) from error


def c_store(peer: Peer, paths: Sequence[Path], aet: str) -> Iterator[Pushed]:
    """Send files in one association.

    Raises:
        Unavailable: no association, or the connection broke.
    """
    from pydicom import dcmread
    from pynetdicom import AE

    datasets = {}
    for path in paths:
        try:
            datasets[path] = dcmread(path)
        except Exception:  # pydicom raises many types of errors
            yield Pushed(path, "it cannot be read")
    if not datasets:
        return
    ae = AE(aet)
    ae.connection_timeout, ae.acse_timeout, ae.dimse_timeout, ae.network_timeout = 10, 30, 120, 120
    for kind in {(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID) for dataset in datasets.values()}:
        ae.add_requested_context(*kind)
    association = ae.associate(peer.host, peer.port, ae_title=peer.aet)
    if not association.is_established and association.rejected_contexts:
        yield from (Pushed(path, _NOT_SUPPORTED) for path in datasets)
        return
    if not association.is_established:
        why = "rejects the calling or the called AE title" if association.is_rejected else "does not respond"
        raise Unavailable(f"{peer.name} {why}")
    try:
        for path, dataset in datasets.items():
            yield _outcome(peer, path, lambda dataset=dataset: association.send_c_store(dataset))
    finally:
        with suppress(RuntimeError):
            association.release()


def _outcome(peer: Peer, path: Path, store: Callable) -> Pushed:
    try:
        status = store().get("Status")
    except ValueError:  # no presentation context
        return Pushed(path, _NOT_SUPPORTED)
    except RuntimeError as error:  # the association has ended
        raise Unavailable(f"{peer.name} aborted the association") from error
    if status is None:
        raise Unavailable(f"{peer.name} aborted the association")
    if status == 0 or status & 0xF000 == 0xB000:
        return Pushed(path)
    return Pushed(path, f"status {status:04X}", is_temporary(status))
