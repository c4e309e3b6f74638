"""Reading a DICOM file as far as needed.

Some writers leave megabytes of zeros behind the pixels, which pydicom would parse as a
hundred thousand empty elements; nothing here reads past the pixels.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from tumorscope.core.errors import UnreadableScan
from tumorscope.io.checks import label
from tumorscope.io.dicom.deflated import refuse_deflated_bomb
from tumorscope.io.dicom.image_attributes import B_VALUES
from tumorscope.io.dicom.image_kind import GE_IMAGE_TYPE

if TYPE_CHECKING:
    from pydicom import FileDataset

_PATIENT_ID, _STUDY_INSTANCE_UID, _SERIES_INSTANCE_UID = 0x00100020, 0x0020000D, 0x0020000E
_FIRST_PIXEL_TAG, _PIXEL_DATA = 0x7FE00001, 0x7FE00010
"""Offset tables and pixels with decimals come before the usual Pixel Data (DICOM PS3.6)."""

_PIXELS = (0x7FE00008, 0x7FE00009, _PIXEL_DATA)
PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")

DAMAGED = "damaged or truncated DICOM; export it again"

_HEAD = 4096
"""The attributes of the study are within so many bytes. Parsed from memory they take less time, for pydicom
queries the position in the file at every element."""

_NEEDED = (
    *("ImageType", "SOPClassUID", "SOPInstanceUID", "Modality", "SeriesDescription", "PatientName", "PatientID"),
    *("OtherPatientNames", "PatientIdentityRemoved", "ContrastBolusAgent", "ContrastBolusAgentSequence"),
    *("ScanningSequence", "SequenceVariant", "SliceThickness", "RepetitionTime", "EchoTime", "InversionTime"),
    *("ProtocolName", "SpacingBetweenSlices", "AcquisitionContrast", "EchoPulseSequence", "EchoPlanarPulseSequence"),
    *("InversionRecovery", "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "AcquisitionNumber"),
    *("InstanceNumber", "ImagePositionPatient", "ImageOrientationPatient", "TemporalPositionIdentifier"),
    *("DiffusionBValue", "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns"),
    *("PixelSpacing", "RescaleIntercept", "RescaleSlope", "SharedFunctionalGroupsSequence"),
    *("PerFrameFunctionalGroupsSequence", "ComplexImageComponent", "BodyPartExamined", "AnatomicRegionSequence"),
    *("PatientSpeciesDescription", "NumberOfTemporalPositions"),
)
"""The attributes that decide whether and how an image is read; all others are skipped."""


@contextmanager
def damage_told(message: str) -> Iterator[None]:
    """Turn whatever a library raises while it reads a damaged file into one line.

    Nothing else belongs inside: a fault of the program's own would be taken for a damaged file.

    Raises:
        UnreadableScan: with the message.
        OSError: the file cannot be read at all, which is not its fault.
    """
    try:
        yield
    except (UnreadableScan, MemoryError):
        raise
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # these are raised for lengths that lead out of the file
            raise
        raise UnreadableScan(message) from error
    except Exception as error:  # pydicom and the decoders raise many kinds
        raise UnreadableScan(message) from error


def read_header(path: Path) -> tuple[FileDataset, bool]:
    """The deciding attributes before the pixels, and whether pixels follow.

    Every value is decoded, so that a damaged one is found here and not on access.

    Raises:
        UnreadableScan: it is damaged, or deflated and would not fit into memory.
    """
    refuse_deflated_bomb(path)
    with damage_told(f"{label(path)}: {DAMAGED}"), path.open("rb") as file:
        dataset, met = _read_until(file, _FIRST_PIXEL_TAG, _needed_tags())
        _decode_values(dataset)
    return dataset, met is not None and met <= _PIXEL_DATA


def read_study(path: Path) -> tuple[str, str]:
    """Which study and which patient a file states: StudyInstanceUID and PatientID, empty where not given.

    Raises:
        UnreadableScan: it is damaged, or deflated and would not fit into memory.
    """
    return read_study_and_series(path)[0]


def read_study_and_series(path: Path) -> tuple[tuple[str, str], str]:
    """The same, and SeriesInstanceUID."""
    refuse_deflated_bomb(path)
    stop, tags = _SERIES_INSTANCE_UID + 1, (_PATIENT_ID, _STUDY_INSTANCE_UID, _SERIES_INSTANCE_UID)
    with damage_told(f"{label(path)}: {DAMAGED}"), path.open("rb") as file:
        dataset = _read_head(file, stop, tags)
        if dataset is None:
            file.seek(0)
            dataset, _ = _read_until(file, stop, tags)
        _decode_values(dataset)
    return study_of(dataset), str(dataset.get("SeriesInstanceUID") or "").strip()


def read_series_uid(path: Path) -> str:
    """Which series a file states: SeriesInstanceUID, empty where not given."""
    return read_study_and_series(path)[1]


def study_of(dataset: Any) -> tuple[str, str]:
    """StudyInstanceUID and PatientID, empty where not given."""
    study, patient = dataset.get("StudyInstanceUID"), dataset.get("PatientID")
    return str(study or "").strip(), str(patient or "").strip()


def read_with_pixels(path: Path) -> FileDataset:
    """The file up to the end of its pixels.

    Raises:
        UnreadableScan: it is deflated and would not fit into memory.
        Exception: of many kinds, where it is damaged.
    """
    from pydicom.filereader import read_partial

    met = []

    def after_pixels(tag: Any, _vr: str | None, _length: int) -> bool:
        if met:
            return True
        if tag in _PIXELS:
            met.append(tag)
        return False

    refuse_deflated_bomb(path)
    with path.open("rb") as file:
        return read_partial(file, after_pixels, force=True)  # type: ignore[return-value]


def _read_head(file: BinaryIO, stop: int, tags: tuple[int, ...]) -> FileDataset | None:
    """The tags that are before ``stop``, None where that is not within the first bytes."""
    try:
        dataset, met = _read_until(BytesIO(file.read(_HEAD)), stop, tags)
    except Exception:  # pydicom raises many kinds where the rest of the file is missing
        return None
    return None if met is None else dataset


def _read_until(file: BinaryIO, stop: int, tags: tuple[int, ...]) -> tuple[FileDataset, int | None]:
    """The tags before ``stop``, and the first tag from there on, None at the end of the file."""
    from pydicom.filereader import read_partial

    met: list[int] = []

    def reached(tag: Any, _vr: str | None, _length: int) -> bool:
        if int(tag) < stop:
            return False
        met.append(int(tag))
        return True

    dataset = read_partial(file, reached, force=True, specific_tags=list(tags))
    return dataset, met[0] if met else None  # type: ignore[return-value]


def _decode_values(dataset: Any) -> None:
    """Decode every value at once; pydicom would find a damaged one only when it is first asked for."""
    for element in dataset.iterall():  # which decodes all but names
        if element.VR == "PN":
            str(element.value)


@cache
def _needed_tags() -> tuple[int, ...]:
    from pydicom.datadict import tag_for_keyword

    standard = [tag for keyword in _NEEDED if (tag := tag_for_keyword(keyword)) is not None]
    # Private creators of the first block, which is where scanners write.
    private = {
        tag
        for group, element, _ in (GE_IMAGE_TYPE, *B_VALUES)
        for tag in (group << 16 | 0x10, group << 16 | 0x1000 | element)
    }
    return (*standard, *sorted(private))
