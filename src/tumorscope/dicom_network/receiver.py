"""The node's service class provider: C-ECHO and C-STORE.

An object is on disk and in the journal before its sender receives Success; after any earlier failure the
sender receives an error status and still has the object. The journal's entry need not be on disk yet: files without
one are entered as the node starts. That a file replaced another one is on disk in the journal first.
"""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import threading
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tumorscope.core.errors import TumorscopeError
from tumorscope.dicom_network.admission import Admission, Limits, close_connection
from tumorscope.dicom_network.arrivals import Arrivals, Delivery
from tumorscope.dicom_network.encodings import file_header
from tumorscope.dicom_network.journal import Journal
from tumorscope.dicom_network.journal_records import Arrival
from tumorscope.dicom_network.plurals import counted
from tumorscope.dicom_network.store import Store, image_code, study_code

if TYPE_CHECKING:
    from pydicom import Dataset
    from pynetdicom import AE
    from pynetdicom.dimse_primitives import C_STORE
    from pynetdicom.events import Event
    from pynetdicom.pdu_primitives import A_ASSOCIATE
    from pynetdicom.transport import ThreadedAssociationServer

log = logging.getLogger(__name__)

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
NOT_OF_ITS_CLASS = 0xA900
CANNOT_UNDERSTAND = 0xC000
CANNOT_STORE = 0xC001

INPUT_CLASSES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.4",  # MR Image
        "1.2.840.10008.5.1.4.1.1.4.1",  # Enhanced MR Image
        "1.2.840.10008.5.1.4.1.1.4.4",  # Legacy Converted Enhanced MR Image
    }
)
"""Objects that are analyzed. Other objects of a study are stored but start no analysis; otherwise the node's
own results would, if an archive sends them back."""

PRIVATE_CLASSES = {
    "1.3.12.2.1107.5.9.1": "SiemensCSANonImageStorage",
    "1.3.46.670589.11.0.0.12.1": "PhilipsMRSpectrumStorage",
    "1.3.46.670589.11.0.0.12.2": "PhilipsMRSeriesDataStorage",
    "1.3.46.670589.11.0.0.12.4": "PhilipsMRExamcardStorage",
}
"""Scanners' own objects that archives keep in MR studies; many senders end a transfer at the first that is not taken."""

TRANSFER_SYNTAXES = (
    "1.2.840.10008.1.2.1",  # Explicit VR Little Endian
    "1.2.840.10008.1.2",  # Implicit VR Little Endian
    "1.2.840.10008.1.2.1.99",  # Deflated
    "1.2.840.10008.1.2.2",  # Explicit VR Big Endian
    "1.2.840.10008.1.2.4.50",  # JPEG baseline
    "1.2.840.10008.1.2.4.51",  # JPEG extended
    "1.2.840.10008.1.2.4.57",  # JPEG Lossless
    "1.2.840.10008.1.2.4.70",  # JPEG Lossless, first-order prediction
    "1.2.840.10008.1.2.4.80",  # JPEG-LS
    "1.2.840.10008.1.2.4.81",  # JPEG-LS, near lossless
    "1.2.840.10008.1.2.4.90",  # JPEG 2000, lossless
    "1.2.840.10008.1.2.4.91",  # JPEG 2000
    "1.2.840.10008.1.2.4.201",  # High-Throughput JPEG 2000, lossless
    "1.2.840.10008.1.2.4.202",  # High-Throughput JPEG 2000, lossless, with RPCL options
    "1.2.840.10008.1.2.4.203",  # High-Throughput JPEG 2000
    "1.2.840.10008.1.2.5",  # RLE
)
"""The transfer syntaxes that the readers decode."""

_PATIENT = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber")
"""What a department corrects when images were filed under a wrong patient or order."""

_LOCAL_LIMIT_EXCEEDED = (0x02, 0x03, 0x02)
"""Result, source and reason of an A-ASSOCIATE-RJ (PS3.8 9.3.4): rejected-transient, local limit exceeded."""
_NO_LIMIT = 10**6

_MAX_PDU = 2**17
"""Bytes, as much as DCMTK sends at most; pynetdicom offers 16,382, and each PDU takes time of its own."""

_FULL = (errno.ENOSPC, errno.EDQUOT)


class Receiver:
    """Receives objects.

    Args:
        store, journal, arrivals: of the node.
        aet: this node's application entity title.
        allowed: the accepted calling AE titles; all if empty.
        limits: of the connections.
    """

    def __init__(
        self,
        store: Store,
        journal: Journal,
        arrivals: Arrivals,
        aet: str,
        allowed: tuple[str, ...],
        limits: Limits | None = None,
    ) -> None:
        self._store = store
        self._journal = journal
        self._arrivals = arrivals
        limits = limits or Limits()
        self._ae = _application_entity(aet, allowed, limits.request_s)
        self._admission = Admission(limits, close_connection)
        self._warned_full = threading.Event()

    def listen(self, host: str, port: int) -> int:
        """Start listening; return the port, which the system chooses for 0.

        Raises:
            TumorscopeError: the port is in use or not allowed.
        """
        from pynetdicom import evt

        handlers = [
            (evt.EVT_CONN_OPEN, self._connected),
            (evt.EVT_REQUESTED, self._requested),
            (evt.EVT_PDU_RECV, lambda event: self._admission.traffic(event.assoc)),
            (evt.EVT_PDU_SENT, lambda event: self._admission.traffic(event.assoc)),
            (evt.EVT_C_ECHO, lambda _event: SUCCESS),
            (evt.EVT_C_STORE, self._store_object),
            (evt.EVT_RELEASED, lambda event: self._association_ended(event, well=True)),
            (evt.EVT_ABORTED, lambda event: self._association_ended(event, well=False)),
            (evt.EVT_REJECTED, self._rejected),
        ]
        try:
            server = self._ae.start_server((host, port), block=False, evt_handlers=handlers)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise TumorscopeError(
                f"cannot listen on {host}:{port} ({reason.lower()}); choose another --port or --host"
            ) from error
        return int(cast("ThreadedAssociationServer", server).server_address[1])

    def sweep(self) -> None:
        """Close idle connections, and handle associations whose thread ended without an event."""
        self._admission.sweep()
        for sender in self._arrivals.senders():
            if isinstance(sender, threading.Thread) and not sender.is_alive():
                self._log_deliveries(self._arrivals.left(sender, well=False), well=False)

    def close(self) -> None:
        """Stop listening and abort open associations; their senders know which objects were not stored."""
        self._ae.shutdown()

    def _connected(self, event: Event) -> None:
        from tumorscope.dicom_network.event_driven import make_event_driven

        make_event_driven(event.assoc)
        self._admission.connected(event.assoc)

    def _requested(self, event: Event) -> None:
        """Apply the limits to an association with an accepted title; pynetdicom rejects the others."""
        association = event.assoc
        request = cast("A_ASSOCIATE", association.requestor.primitive)
        titles = [title.strip() for title in self._ae.require_calling_aet]
        if titles and request.calling_ae_title not in titles:
            return
        if not self._admission.admit(association):
            log.warning("an association was rejected: too many are open")
            association.acse.send_reject(*_LOCAL_LIMIT_EXCEEDED)
            association.kill()

    def _store_object(self, event: Event) -> int:
        try:
            with self._admission.serving(event.assoc):
                return self._accept(event)
        except OSError as error:
            if error.errno in _FULL:
                return self._full()
            log.error("an object could not be stored (%s)", (error.strerror or type(error).__name__).lower())
            return CANNOT_STORE
        except sqlite3.Error as error:
            if "full" in str(error):
                return self._full()
            log.error("an object could not be entered in the journal (%s)", type(error).__name__)
            return CANNOT_STORE
        except Exception as error:  # pydicom raises many kinds; the message may quote the patient
            log.error("an object could not be understood (%s)", type(error).__name__)
            return CANNOT_UNDERSTAND

    def _accept(self, event: Event) -> int:
        content = _dicom_file(event)
        header = _header(BytesIO(content))
        study, image = str(header.get("StudyInstanceUID") or ""), str(header.get("SOPInstanceUID") or "")
        if not study or not image:
            log.error("an object without study or instance UID was refused")
            return CANNOT_UNDERSTAND
        kind = str(header.get("SOPClassUID") or "")
        request = cast("C_STORE", event.request)
        if (image, kind) != (str(request.AffectedSOPInstanceUID), str(request.AffectedSOPClassUID)):
            log.error("an object that does not match its C-STORE request was refused")
            return NOT_OF_ITS_CLASS
        code, is_input = study_code(study), kind in INPUT_CLASSES
        self._arrivals.begins(event.assoc, code)
        try:
            arrival = self._keep(code, header, content, is_input)
        except (OSError, sqlite3.Error):
            if is_input:
                with suppress(sqlite3.Error):  # usually a full disk; the end of the association is handled anyway
                    self._arrivals.missed(event.assoc, code)
            raise
        self._arrivals.came(event.assoc, code, arrival)
        self._warned_full.clear()
        return SUCCESS

    def _keep(self, code: str, header: Dataset, content: bytes, is_input: bool) -> Arrival:
        """Write an object to disk and into the journal.

        One that is there already stays, unless its patient has been corrected since: under one SOPInstanceUID, the
        last statement counts. With a part of its images under the wrong patient a study could not be read. The journal
        is the first to know of a correction: once its file is replaced, nothing else tells that there was one.
        """
        if not self._store.has_room():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        study, image = str(header.StudyInstanceUID), str(header.SOPInstanceUID)
        before = self._store.path_of(code, image_code(image))
        corrected = before.exists() and _patient(_header(before)) != _patient(header)
        file = before.relative_to(self._store.data).as_posix()
        if not corrected:
            self._store.keep(code, image_code(image), content)
            return self._journal.receive(code, study, image, file, is_input)
        arrival = self._journal.receive(code, study, image, file, is_input, corrected=True)
        self._store.keep(code, image_code(image), content, replace=True)
        return arrival

    def _full(self) -> int:
        if not self._warned_full.is_set():
            self._warned_full.set()
            log.error("the disk is nearly full: images are refused until there is space")
        return OUT_OF_RESOURCES

    def _association_ended(self, event: Event, well: bool) -> None:
        self._log_deliveries(self._arrivals.left(event.assoc, well), well)

    def _log_deliveries(self, deliveries: list[Delivery], well: bool) -> None:
        for delivery in deliveries:
            if not (delivery.new or delivery.known or delivery.refused):
                continue  # its objects were invalid, which has been logged
            refused = f", {counted(delivery.refused, 'image')} could not be stored" if delivery.refused else ""
            known = f", {delivery.known} already present" if delivery.known else ""
            corrected = f", {delivery.corrected} with another patient than before" if delivery.corrected else ""
            broken = "" if well else "; the association was aborted"
            received = f"{counted(delivery.new, 'object')} received{known}{corrected}{refused}{broken}"
            log.info("%s: %s", delivery.study, received)
            if delivery.reopened:
                log.info("%s: these arrived after its analysis began; it will be re-analyzed", delivery.study)
            elif delivery.confirmed:
                log.info("%s: is now known to be complete; it will be re-analyzed", delivery.study)

    def _rejected(self, event: Event) -> None:
        # Without the title, which serves as a kind of password.
        address = getattr(event.assoc.requestor, "address", "?")
        log.warning("an association from %s was rejected: its AE title is not allowed", address)


def import_unrecorded(store: Store, journal: Journal) -> int:
    """Record objects that are on disk but not in the journal; return their number.

    They exist after a crash between the two steps, or if the journal was lost.
    """
    known = journal.files()
    imported = 0
    for path in store.received():
        file = path.relative_to(store.data).as_posix()
        if file in known:
            continue
        try:
            header = _header(path)
            study, image = str(header.StudyInstanceUID), str(header.SOPInstanceUID)
        except Exception:  # a file of another origin
            log.warning("%s: not an object of this node; ignored", file)
            continue
        journal.receive(study_code(study), study, image, file, str(header.SOPClassUID) in INPUT_CLASSES)
        imported += 1
    return imported


def _dicom_file(event: Event) -> bytes:
    """A received object as a file, its data set as it was sent."""
    request = cast("C_STORE", event.request)
    header = file_header(
        cast("str", request.AffectedSOPClassUID),
        cast("str", request.AffectedSOPInstanceUID),
        event.context.transfer_syntax,
    )
    return b"".join((header, event.encoded_dataset(include_meta=False)))


def _header(file: Path | BytesIO) -> Dataset:
    from pydicom import dcmread

    tags = ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", *_PATIENT]
    return dcmread(file, stop_before_pixels=True, specific_tags=list(tags))


def _patient(header: Dataset) -> tuple[str, ...]:
    """Whose an object is, and of which order, as text."""
    return tuple(str(header.get(keyword) or "").strip() for keyword in _PATIENT)


def _application_entity(aet: str, allowed: tuple[str, ...], request_s: float) -> AE:
    from pynetdicom import AE, AllStoragePresentationContexts, _config, register_uid
    from pynetdicom.service_class import StorageServiceClass
    from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

    try:
        ae = AE(aet)
        ae.require_calling_aet = list(allowed)
    except (ValueError, TypeError) as error:
        raise TumorscopeError(
            "application entity titles have 1 to 16 plain characters; correct --aet or --allow"
        ) from error
    _config.LOG_HANDLER_LEVEL = "none"  # else each message is put into words, which :func:`silence_libraries` discards
    # Admission sets the limits: pynetdicom counts idle connections too, and its timers wait for partial messages.
    ae.maximum_associations = _NO_LIMIT
    ae.maximum_pdu_size = _MAX_PDU
    ae.network_timeout = None
    ae.acse_timeout = request_s
    ae.add_supported_context(Verification)
    for kind, keyword in PRIVATE_CLASSES.items():
        register_uid(kind, keyword, StorageServiceClass)
    for kind in (*(str(context.abstract_syntax) for context in AllStoragePresentationContexts), *PRIVATE_CLASSES):
        ae.add_supported_context(kind, list(TRANSFER_SYNTAXES))
    return ae
