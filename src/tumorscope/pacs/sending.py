"""Bringing results to their destinations, until each has them.

A result may be sent twice, after a connection that broke before the answer; it has the same
SOP Instance UID both times, by which an archive keeps one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from tumorscope.pacs.destinations import Destination, Peer, WebArchive
from tumorscope.pacs.dicomweb import Refused, Unavailable, connect_to_store
from tumorscope.pacs.journal import Journal
from tumorscope.pacs.pushing import push_files
from tumorscope.pacs.records import Result
from tumorscope.pacs.wording import counted

log = logging.getLogger(__name__)

LONGEST_WAIT_S = 300.0
_REST_S = 60.0
_TICK_S = 0.1

_NOT_TAKEN = "it takes no objects of this class"

Outcome = tuple[Path, str | None]
"""A file, and why it was refused; None where the destination has it."""


class Courier(threading.Thread):
    """Brings results to one destination, for as long as the node lives.

    Args:
        destination: where to.
        data: the node's folder.
        journal: of the node.
        aet: this node's title.
        stop: set when the node is to end.
        first_wait_s: before the second try; each further wait is twice as long.
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
        super().__init__(name=f"courier-{destination.name}", daemon=True)
        self._destination = destination
        self._data = data
        self._journal = journal
        self._aet = aet
        self._stopping = stop
        self._first_wait_s = first_wait_s
        self._tries = 0

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._bring_next()
            except Exception as error:  # the disk, or a result that cannot be read; others must go on
                log.error("sending to %s rests for a minute (%s)", self._destination.name, type(error).__name__)
                self._stopping.wait(_REST_S)

    def _bring_next(self) -> None:
        waiting = self._journal.unsent(self._destination.name)
        first = [result for result in waiting if (result.study, result.run) == (waiting[0].study, waiting[0].run)]
        refused = min((result.refusals for result in first), default=0)
        if not first:
            self._stopping.wait(_TICK_S)
        elif not refused or not self._stopping.wait(self._wait_s(refused)):
            self._bring([result for result in first if result.refusals == refused], len(waiting))

    def _wait_s(self, tries: int) -> float:
        return min(self._first_wait_s * 2 ** min(tries - 1, 20), LONGEST_WAIT_S)

    def _bring(self, results: Sequence[Result], waiting: int) -> None:
        name, study = self._destination.name, results[0].study
        by_path = {self._data / result.file: result for result in results}
        sent = 0
        try:
            for path, problem in self._send(list(by_path)):
                self._tries = 0
                if problem is None:
                    self._journal.sent(by_path[path])
                    sent += 1
                elif not self._journal.refused(by_path[path], problem):
                    log.error("%s: %s does not take %s: %s; given up", study, name, path.name, problem)
                if self._stopping.is_set():
                    break
        except Unavailable as error:
            self._tries += 1
            if self._tries == 1:
                log.warning("%s; %s to send, tried again until sent", error, counted(waiting, "object"))
        if sent:
            log.info("%s: %s sent to %s", study, counted(sent, "object"), name)
        state = self._journal.settle(study)
        if state:
            log.info("%s: %s", study, state)
        if self._tries:
            self._stopping.wait(self._wait_s(self._tries))

    def _send(self, paths: list[Path]) -> Iterator[Outcome]:
        """Every file with what became of it; raises Unavailable where it is worth another try."""
        present = []
        for path in paths:
            if path.exists():
                present.append(path)
            else:
                yield path, "the file is gone"
        if not present:
            return
        if isinstance(self._destination, WebArchive):
            yield from _stow(self._destination, present)
        else:
            yield from c_store(self._destination, present, self._aet)


def _stow(archive: WebArchive, paths: list[Path]) -> Iterator[Outcome]:
    try:
        client = connect_to_store(archive.url, archive.credentials)
        for pushed in push_files(client, paths):
            yield pushed.path, pushed.problem
    except Refused as error:  # a wrong password or address is mended by people, not by giving up
        raise Unavailable(str(error)) from error


def c_store(peer: Peer, paths: Sequence[Path], aet: str) -> Iterator[Outcome]:
    """Send files in one association.

    Raises:
        Unavailable: no association, a connection that broke, or no room at the other side.
    """
    from pydicom import dcmread
    from pynetdicom import AE

    datasets = {}
    for path in paths:
        try:
            datasets[path] = dcmread(path)
        except Exception:  # pydicom raises many kinds
            yield path, "it cannot be read"
    if not datasets:
        return
    ae = AE(aet)
    ae.connection_timeout, ae.acse_timeout, ae.dimse_timeout, ae.network_timeout = 10, 30, 120, 120
    for kind in {(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID) for dataset in datasets.values()}:
        ae.add_requested_context(*kind)
    association = ae.associate(peer.host, peer.port, ae_title=peer.aet)
    if not association.is_established and association.rejected_contexts:
        yield from ((path, _NOT_TAKEN) for path in datasets)
        return
    if not association.is_established:
        why = "refuses this node's title or its own" if association.is_rejected else "does not answer"
        raise Unavailable(f"{peer.name} {why}")
    try:
        for path, dataset in datasets.items():
            yield path, _answer(peer, lambda dataset=dataset: association.send_c_store(dataset))
    finally:
        with suppress(RuntimeError):
            association.release()


def _answer(peer: Peer, store: Callable) -> str | None:
    try:
        status = store().get("Status")
    except ValueError:  # no presentation context
        return _NOT_TAKEN
    except RuntimeError as error:  # the association is gone
        raise Unavailable(f"{peer.name} broke the association") from error
    if status is None:
        raise Unavailable(f"{peer.name} broke the association")
    if status == 0 or status & 0xF000 == 0xB000:
        return None
    if status & 0xFF00 == 0xA700:
        raise Unavailable(f"{peer.name} has no room")
    return f"status {status:04X}"
