"""Reading a DICOM file as far as needed.

Some writers leave megabytes of zeros behind the pixels, which pydicom would parse as a
hundred thousand empty elements; nothing here reads past the pixels.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from tumorscope.reading.dicom.deflated import refuse_deflated_bomb

if TYPE_CHECKING:
    from pydicom import FileDataset

_PATIENT_ID, _STUDY_INSTANCE_UID, _SERIES_INSTANCE_UID = 0x00100020, 0x0020000D, 0x0020000E
_FIRST_PIXEL_TAG, _PIXEL_DATA = 0x7FE00001, 0x7FE00010

_HEAD = 4096
"""The study stands within so many bytes. Parsed from memory they take less time, for pydicom
asks the file where it is at every element."""

_NEEDED = (
    *("ImageType", "SOPClassUID", "SOPInstanceUID", "Modality", "SeriesDescription", "PatientName", "PatientID"),
    *("OtherPatientNames", "PatientIdentityRemoved", "ContrastBolusAgent", "ContrastBolusAgentSequence"),
    *("ScanningSequence", "SequenceVariant", "SliceThickness", "RepetitionTime", "EchoTime", "InversionTime"),
    *("ProtocolName", "SpacingBetweenSlices", "AcquisitionContrast", "EchoPulseSequence", "EchoPlanarPulseSequence"),
    *("InversionRecovery", "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "AcquisitionNumber"),
    *("InstanceNumber", "ImagePositionPatient", "ImageOrientationPatient", "TemporalPositionIdentifier"),
    *("DiffusionBValue", "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns"),
    *("PixelSpacing", "RescaleIntercept", "RescaleSlope", "SharedFunctionalGroupsSequence"),
    "PerFrameFunctionalGroupsSequence",
)
"""What decides whether, where and as what an image is read; all else is skipped on the way."""


def read_header(path: Path) -> tuple[FileDataset, bool]:
    """What decides about a file, of all that stands before the pixels, and whether pixels follow.

    Raises:
        UnreadableScan: it is deflated and would not fit into memory.
    """
    refuse_deflated_bomb(path)
    with path.open("rb") as file:
        dataset, met = _read_until(file, _FIRST_PIXEL_TAG, _needed_tags())
    return dataset, met == _PIXEL_DATA


def read_study(path: Path) -> tuple[str, str]:
    """Which study and which patient a file states: StudyInstanceUID and PatientID, empty where not given."""
    return study_of(_read_identity(path, _PATIENT_ID, _STUDY_INSTANCE_UID))


def read_series_uid(path: Path) -> str:
    """Which series a file states: SeriesInstanceUID, empty where not given."""
    return str(_read_identity(path, _SERIES_INSTANCE_UID).get("SeriesInstanceUID") or "").strip()


def _read_identity(path: Path, *tags: int) -> FileDataset:
    """A few tags that stand among the first, in ascending order."""
    refuse_deflated_bomb(path)
    stop = tags[-1] + 1
    with path.open("rb") as file:
        try:
            dataset, met = _read_until(BytesIO(file.read(_HEAD)), stop, tags)
        except Exception:  # pydicom raises many kinds where the rest is missing
            dataset, met = None, None
        if dataset is None or met is None:
            file.seek(0)
            dataset, _ = _read_until(file, stop, tags)
    return dataset


def study_of(dataset: Any) -> tuple[str, str]:
    """StudyInstanceUID and PatientID, empty where not given."""
    study, patient = dataset.get("StudyInstanceUID"), dataset.get("PatientID")
    return str(study or "").strip(), str(patient or "").strip()


def read_with_pixels(path: Path) -> FileDataset:
    """The file up to the end of its pixels."""
    from pydicom.filereader import read_partial

    met = []

    def after_pixels(tag: Any, _vr: str | None, _length: int) -> bool:
        if met:
            return True
        if tag == _PIXEL_DATA:
            met.append(tag)
        return False

    refuse_deflated_bomb(path)
    with path.open("rb") as file:
        return read_partial(file, after_pixels, force=True)  # type: ignore[return-value]


def _read_until(file: BinaryIO, stop: int, tags: tuple[int, ...]) -> tuple[FileDataset, int | None]:
    """The tags that stand before ``stop``, and the first tag from there on, None at the end of the file."""
    from pydicom.filereader import read_partial

    met: list[int] = []

    def reached(tag: Any, _vr: str | None, _length: int) -> bool:
        if int(tag) < stop:
            return False
        met.append(int(tag))
        return True

    dataset = read_partial(file, reached, force=True, specific_tags=list(tags))
    return dataset, met[0] if met else None  # type: ignore[return-value]


@cache
def _needed_tags() -> tuple[int, ...]:
    from pydicom.datadict import tag_for_keyword

    return tuple(tag for keyword in _NEEDED if (tag := tag_for_keyword(keyword)) is not None)
