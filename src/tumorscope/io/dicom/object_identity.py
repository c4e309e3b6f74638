"""The patient, equipment and identifiers of a DICOM object.

All identifiers come out of what the object is made from: the same findings in the same images of the same
patient by the same bundle are the same object, however often they are sent, and others are another.
"""

from __future__ import annotations

import hashlib
import io
import re
from datetime import datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Any

from tumorscope.inference.analysis import Analysis
from tumorscope.io.dicom.items import encode_sequences

if TYPE_CHECKING:
    from pydicom import Dataset

MANUFACTURER = "Tumorscope"
CHARACTER_SET = "ISO_IR 192"
"""UTF-8, which can hold every patient's name and every warning."""

_PATIENT_AND_STUDY = (
    # Patient (PS3.3 C.7.1.1)
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientBirthTime", "PatientSex"),
    *("OtherPatientIDsSequence", "OtherPatientNames", "EthnicGroup", "PatientComments"),
    *("PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence"),
    # General Study (C.7.2.1)
    *("StudyInstanceUID", "StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber"),
    *("IssuerOfAccessionNumberSequence", "StudyDescription"),
    # Patient Study (C.7.2.2)
    *("AdmittingDiagnosesDescription", "PatientAge", "PatientSize", "PatientWeight"),
)
_MUST_BE_THERE = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber"),
)
"""Type 2: written even if empty."""

_WHOSE = (
    *("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex"),
    "StudyInstanceUID",
)
"""What an archive may correct in images whose UIDs stay: objects for another patient must have other UIDs."""


def unique_identifier(*parts: str) -> str:
    """A UID that depends on the parts only.

    >>> unique_identifier("a", "b") == unique_identifier("a", "b") != unique_identifier("ab")
    True
    """
    from pydicom.uid import generate_uid

    return str(generate_uid(entropy_srcs=["\n".join(("tumorscope", *parts))]))


def series_uid(analysis: Analysis, kind: str) -> str:
    """The series of all objects of one kind that a bundle makes of the same images."""
    return unique_identifier("series", kind, _origin(analysis))


def object_uid(analysis: Analysis, kind: str, content: bytes) -> str:
    """The object of one kind with this content."""
    return unique_identifier("object", kind, _origin(analysis), hashlib.sha256(content).hexdigest())


def tracking_uid(analysis: Analysis, lesion: int) -> str:
    """The lesion with this number, from one, or the whole scan with 0: the same in every object of an analysis."""
    # Two compartments by one bundle may be the same voxels.
    compartment = [analysis.label] if analysis.bundle.card.compartments else []
    return unique_identifier("lesion", str(lesion), _origin(analysis), _content(analysis), *compartment)


def label_uid(analysis: Analysis) -> str:
    """All of one label: the same in every object of an analysis."""
    return unique_identifier("label", analysis.label, _origin(analysis), _content(analysis))


def _content(analysis: Analysis) -> str:
    return str((analysis.mask.shape, analysis.mask_sha256))


def equipment(analysis: Analysis) -> dict[str, Any]:
    """The equipment module, as highdicom's keywords."""
    from tumorscope import __version__

    cards = [label.bundle.card for label in analysis.by_bundle]
    return {
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": f"Tumorscope {'+'.join(card.name for card in cards)}"[:64],
        "software_versions": (__version__, *(f"{card.name} {card.version}"[:64] for card in cards)),
        "device_serial_number": analysis.bundle.sha256[:16],
    }


def algorithm(analysis: Analysis) -> dict[str, str]:
    """Name, version and parameters of the algorithm."""
    card = analysis.bundle.card
    parameters = {"sha256": analysis.bundle.sha256, "runtime": analysis.runtime, "precision": analysis.precision}
    if analysis.flips:
        parameters["flips"] = "left-right"
    return {
        "name": f"Tumorscope {card.name}"[:64],
        "version": card.version[:64],
        "parameters": ",".join(f"{key}={value}" for key, value in parameters.items()),
    }


def encode_object(dataset: Dataset, header: Dataset, made_at: datetime) -> bytes:
    """The content of the object's file, for the patient and the study of ``header``.

    Args:
        dataset: complete but for patient, study and times.
        header: of an image of the study.
        made_at: every time in the object that is not the study's.
    """
    from pydicom import dcmwrite

    zone = _stated_zone(header)
    made_at = made_at.astimezone(zone)
    if zone is not None:
        dataset.TimezoneOffsetFromUTC = f"{made_at:%z}"
    date, time = made_at.strftime("%Y%m%d"), made_at.strftime("%H%M%S")
    for event in ("InstanceCreation", "Content", "Series"):
        setattr(dataset, f"{event}Date", date)
        setattr(dataset, f"{event}Time", time)
    for item in dataset.get("ContributingEquipmentSequence") or ():
        if item.get("ManufacturerModelName") == "highdicom":
            item.ContributionDateTime = f"{made_at:%Y%m%d%H%M%S%z}"[:19]  # seconds of an offset are not DICOM's
    encode_sequences(dataset, CHARACTER_SET)
    _copy_patient_and_study(header, dataset)
    file = io.BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def in_zone_of(header: Dataset, moment: datetime) -> datetime:
    """A moment in the time zone that a study states, or else in this machine's.

    An object's offset from UTC is that of all its dates and times (PS3.3 C.12.1), those copied from the study too.
    So where the study states none, an object must not state this machine's.

    Args:
        header: of an image of the study.
        moment: without a zone it is this machine's local time.
    """
    return moment.astimezone(_stated_zone(header))


def _stated_zone(header: Dataset) -> tzinfo | None:
    return _zone(str(header.get("TimezoneOffsetFromUTC") or "").strip())


def _zone(offset: str) -> tzinfo | None:
    """The zone of ``+HHMM`` or ``-HHMM``; None for any other text."""
    found = re.fullmatch(r"([+-])(0\d|1[0-4])([0-5]\d)", offset)
    if found is None:
        return None
    away = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(-away if found[1] == "-" else away)


def _origin(analysis: Analysis) -> str:
    """The images, whose they are, the bundles and how they were run, as one hash."""
    digest = hashlib.sha256()
    for label in analysis.by_bundle:
        digest.update(label.bundle.sha256.encode())
        digest.update(f"{label.runtime} {label.precision}{' flips' if label.flips else ''}\n".encode())
    for source in analysis.scan.source_images:
        digest.update(f"{source.header.get('SOPInstanceUID', '')} {source.frame}\n".encode())
    for source in analysis.scan.source_images[:1]:
        for keyword in _WHOSE:
            digest.update(f"{keyword} {_text_of(source.header, keyword)}\n".encode("utf-8", "replace"))
    return digest.hexdigest()


def _text_of(header: Dataset, keyword: str) -> str:
    """An attribute as text, empty where it is absent or damaged, as in the objects that it is copied into."""
    try:
        return str(header.get(keyword) or "").strip()
    except Exception:  # pydicom decodes a value when it is first asked for, and raises many kinds
        return ""


def _copy_patient_and_study(header: Dataset, dataset: Dataset) -> None:
    # Copied here rather than by highdicom, which refuses or logs names that are not quite as the
    # standard wants them; the attributes of the patient must not change, nor reach a log.
    for keyword in _PATIENT_AND_STUDY:
        try:
            element = header[keyword]
            element.value  # noqa: B018  # pydicom decodes a value when it is first asked for
        except Exception:  # not there, or damaged
            if keyword in _MUST_BE_THERE:
                setattr(dataset, keyword, None)
            continue
        dataset[keyword] = element
    dataset.SpecificCharacterSet = CHARACTER_SET
