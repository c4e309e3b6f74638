"""pynetdicom's associations with threads that block until there is something to do.

An association has two threads: one receives and sends PDUs, the other serves messages. pynetdicom's poll every
millisecond, which delays each object several times and takes CPU time while nothing comes. Here they block and are
notified. What is received, sent and served, and in which order, stays pynetdicom's: subclasses override only how its
threads wait, how much they read at once, when TCP acknowledges, and how one response is encoded.
"""

from __future__ import annotations

import queue
import select
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from pynetdicom import evt
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.transport import AssociationSocket

from tumorscope.dicom_network.encodings import store_response

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.dimse import _QueueItem
    from pynetdicom.dimse_primitives import DimsePrimitiveType
    from pynetdicom.events import Event
    from pynetdicom.pdu_primitives import _PDUPrimitiveType

_DATA_TRANSFER = "Sta6"
"""The state of an association that is established and not being released (PS3.8 9.2.1)."""
_WAIT_S = 0.1
"""The longest wait. Threads are notified of everything they wait for; this is a safeguard."""
_POLL_S = 0.001
"""The interval of polling while an association is being requested, released or aborted: pynetdicom's."""
_PIECE = 2**16
"""Bytes read at once. Memory grows with what has arrived, not with the length that a PDU states."""
_COMMAND = b"\x03"
"""The control header of the last fragment of a command set (PS3.8 E.2)."""
_PDV_HEADER = 6
"""Bytes of a PDV before its fragment: length, context and control header."""


def make_event_driven(association: Association) -> None:
    """Let the threads of an accepted connection block until there is something to do.

    Args:
        association: whose threads have not started, as when pynetdicom triggers ``EVT_CONN_OPEN``. It stays as it is if
            no file descriptors are free.
    """
    try:
        wake_up = _WakeUp()
    except OSError:
        return
    connection = cast("AssociationSocket", association.dul.socket).socket
    association.dimse = _Messages(association)
    association.dul = _UpperLayer(association, wake_up)
    association.set_socket(_Connection(association, connection, wake_up))
    # The upper layer holds the timers, which these set:
    association.acse_timeout = association.acse_timeout
    association.network_timeout = association.network_timeout
    association.bind(evt.EVT_FSM_TRANSITION, _notify_of_end)


def _notify_of_end(event: Event) -> None:
    """Wake the thread that serves messages, which checks for a release or an abort before it waits again."""
    if event.next_state != _DATA_TRANSFER:
        event.assoc.dimse.msg_queue.put((None, None))  # pynetdicom's own sign that no message will come


class _WakeUp:
    """Ends another thread's wait for a socket."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._notifier, self._notified = socket.socketpair()
        self._notifier.setblocking(False)
        self._notified.setblocking(False)

    def wait(self, connection: socket.socket) -> None:
        """Wait until a socket can be read or is closed, or until :meth:`notify` is or has been called."""
        try:
            select.select([connection, self._notified], [], [], _WAIT_S)
        except (OSError, ValueError):  # closed in this moment
            time.sleep(_POLL_S)
        with suppress(OSError):  # no notification
            self._notified.recv(_PIECE)

    def notify(self) -> None:
        with self._lock, suppress(OSError):  # many notifications are pending, or the thread has ended
            self._notifier.send(b"\0")

    def close(self) -> None:
        with self._lock:  # a closed descriptor may at once belong to another file
            self._notifier.close()
        self._notified.close()


class _Connection(AssociationSocket):
    """A connection that blocks until there is data during an association, and reads large pieces."""

    def __init__(self, association: Association, connection: socket.socket | None, wake_up: _WakeUp) -> None:
        super().__init__(association, client_socket=connection)
        self._wake_up = wake_up

    @property
    def ready(self) -> bool:
        """Whether there is data to read. pynetdicom asks when there is nothing to send; this waits for either."""
        if super().ready:
            return True
        if self.socket is None or self.assoc.dul.state_machine.current_state != _DATA_TRANSFER:
            time.sleep(_POLL_S)
            return False
        _acknowledge(self.socket)
        self._wake_up.wait(self.socket)
        return super().ready

    def recv(self, nr_bytes: int) -> bytearray:
        """Read this many bytes, or fewer if the connection is closed before."""
        connection, received = cast("socket.socket", self.socket), bytearray()
        while len(received) < nr_bytes:
            if received:
                _acknowledge(connection)
            piece = connection.recv(min(nr_bytes - len(received), _PIECE))
            if not piece:
                break
            received += piece
        return received


def _acknowledge(connection: socket.socket) -> None:
    """Acknowledge what has been received now and not 40 ms later.

    Senders write a message in several pieces, and unless they have disabled Nagle's algorithm a small piece is sent only
    when the one before is acknowledged. Linux delays that in the hope of data to send with it. The option holds until it
    next decides to.
    """
    if hasattr(socket, "TCP_QUICKACK"):
        with suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


class _UpperLayer(DULServiceProvider):
    """The thread that receives and sends PDUs. It waits in :attr:`_Connection.ready` and nowhere else."""

    def __init__(self, association: Association, wake_up: _WakeUp) -> None:
        super().__init__(association)
        self._run_loop_delay = 0  # between two polls, in seconds
        self._wake_up = wake_up

    def send_pdu(self, primitive: _PDUPrimitiveType) -> None:
        super().send_pdu(primitive)
        self._wake_up.notify()

    def run_reactor(self) -> None:
        try:
            super().run_reactor()
        finally:
            self._wake_up.close()


class _Messages(DIMSEServiceProvider):
    """The messages that one thread receives and the other one serves."""

    def get_msg(self, block: bool = False) -> _QueueItem:
        """The next message, waited for even where pynetdicom would poll again in a millisecond."""
        if block:
            return super().get_msg(block)
        try:
            return self.msg_queue.get(timeout=_WAIT_S)
        except queue.Empty:
            return None, None

    def send_msg(self, primitive: DimsePrimitiveType, context_id: int) -> None:
        """Send a message; a plain response to C-STORE without ``EVT_DIMSE_SENT``."""
        command = _plain_response(primitive)
        if command is None or 0 < self.maximum_pdu_size < len(command) + _PDV_HEADER:
            super().send_msg(primitive, context_id)
            return
        data = P_DATA()
        data.presentation_data_value_list.append((context_id, _COMMAND + command))
        self.dul.send_pdu(data)


def _plain_response(message: DimsePrimitiveType) -> bytes | None:
    """The command set of a response to C-STORE that has a status and no comment; None for any other message."""
    if not isinstance(message, C_STORE) or message.MessageIDBeingRespondedTo is None:
        return None
    kind, instance, status = message.AffectedSOPClassUID, message.AffectedSOPInstanceUID, message.Status
    if kind is None or instance is None or status is None or message.ErrorComment or message.OffendingElement:
        return None
    return store_response(kind, instance, message.MessageIDBeingRespondedTo, status)
