"""The attributes of a series, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tumorscope.io.checks import printable
from tumorscope.io.dicom.image_attributes import FunctionalGroups, items_of, number
from tumorscope.io.dicom.image_kind import PLAIN, ImageKind, image_type, kind_of_description, kind_of_frame, texts
from tumorscope.io.dicom.privacy import contains_patient_name

if TYPE_CHECKING:
    from pydicom import Dataset

_NO_AGENT = {"", "no", "none", "n", "0", "without", "nativ", "n/a", "na", "not applicable", "unknown", "off"}


@dataclass(frozen=True)
class SeriesHeader:
    """The attributes by which a series is named and its sequence recognized.

    Enhanced files state the same by other attributes, which are translated.

    Attributes:
        series: SeriesInstanceUID; where it is missing, what else tells series apart.
        number: SeriesNumber, 0 where not given.
        description: SeriesDescription.
        protocol: ProtocolName.
        contrast: whether a contrast agent is recorded.
        kind: a plain image, or which part of a complex signal, Dixon image or map, by image type or description.
        is_derived: whether the images were computed from others.
        scanning: the ScanningSequence codes, SE, IR, GR, EP, RM.
        acquisition_contrast: AcquisitionContrast of enhanced files, such as FLUID_ATTENUATED.
        repetition_ms, echo_ms, inversion_ms: TR, TE and TI, None where not given.
        sop_class: SOPClassUID.
        body_parts: BodyPartExamined and the meanings of AnatomicRegionSequence, with the attribute's name.
        species: PatientSpeciesDescription, empty where not given.
        time_points: NumberOfTemporalPositions, 0 where not given.
    """

    series: str
    number: int
    description: str
    protocol: str
    contrast: bool = False
    kind: ImageKind = PLAIN
    is_derived: bool = False
    scanning: frozenset[str] = frozenset()
    acquisition_contrast: str = ""
    repetition_ms: float | None = None
    echo_ms: float | None = None
    inversion_ms: float | None = None
    sop_class: str = ""
    body_parts: tuple[tuple[str, str], ...] = ()
    species: str = ""
    time_points: int = 0

    @classmethod
    def of(cls, dataset: Dataset, frame: int = 0) -> SeriesHeader:
        """From the header of one file of the series, and one of its frames."""
        groups = FunctionalGroups(dataset, frame)
        scanning = set(texts(dataset.get("ScanningSequence")))
        pulse = str(dataset.get("EchoPulseSequence") or "")
        scanning |= {"SPIN": {"SE"}, "GRADIENT": {"GR"}, "BOTH": {"SE", "GR"}}.get(pulse, set())
        if str(dataset.get("EchoPlanarPulseSequence") or "") == "YES":
            scanning.add("EP")
        inversion = number(dataset.get("InversionTime"))
        if str(groups.get("MRModifierSequence", "InversionRecovery") or "") == "YES":
            scanning.add("IR")
            inversion = inversion or number(next(iter(texts(groups.get("MRModifierSequence", "InversionTimes"))), None))
        series_number = str(dataset.get("SeriesNumber") or 0)
        description = str(dataset.get("SeriesDescription", "") or "").strip()
        kind = kind_of_frame(dataset, groups)
        frame_contrast = groups.get("MRImageFrameTypeSequence", "AcquisitionContrast")
        return cls(
            series=str(dataset.get("SeriesInstanceUID", "") or ""),
            number=int(series_number) if series_number.isdecimal() else 0,
            description=description,
            protocol=str(dataset.get("ProtocolName", "") or "").strip(),
            contrast=_agent_recorded(dataset, groups),
            kind=kind if kind.name else kind_of_description(description),
            is_derived=image_type(dataset, groups)[1][:1] == ("DERIVED",),
            scanning=frozenset(scanning),
            acquisition_contrast=str(frame_contrast or dataset.get("AcquisitionContrast") or "").upper(),
            repetition_ms=groups.number("MRTimingAndRelatedParametersSequence", "RepetitionTime"),
            echo_ms=groups.number("MREchoSequence", "EffectiveEchoTime") or number(dataset.get("EchoTime")),
            inversion_ms=inversion or None,
            sop_class=str(dataset.get("SOPClassUID") or ""),
            body_parts=_body_parts(dataset, groups),
            species=str(dataset.get("PatientSpeciesDescription") or "").strip(),
            time_points=int(number(dataset.get("NumberOfTemporalPositions")) or 0),
        )


def series_key(dataset: Dataset) -> str:
    """The key of a file's series: its UID, or else number, description and protocol."""
    uid = str(dataset.get("SeriesInstanceUID") or "").strip()
    if uid:
        return uid
    parts = (dataset.get(keyword) or "" for keyword in ("SeriesNumber", "SeriesDescription", "ProtocolName"))
    return " ".join(("without UID", *map(str, parts)))


def public_text(text: str, words: frozenset[str]) -> str:
    """A description that may be shown: one line, and empty if it names the patient."""
    return "" if not text or contains_patient_name(text, words) else printable(text)[:60]


def _body_parts(dataset: Dataset, groups: FunctionalGroups) -> tuple[tuple[str, str], ...]:
    regions = items_of(
        groups.get("FrameAnatomySequence", "AnatomicRegionSequence") or dataset.get("AnatomicRegionSequence")
    )
    stated = [("BodyPartExamined", dataset.get("BodyPartExamined"))]
    stated += [("AnatomicRegionSequence", region.get("CodeMeaning")) for region in regions]
    return tuple((keyword, text) for keyword, value in stated if (text := str(value or "").strip()))


def _agent_recorded(dataset: Dataset, groups: FunctionalGroups) -> bool:
    administered = groups.get("ContrastBolusUsageSequence", "ContrastBolusAgentAdministered")
    if administered is not None:
        return str(administered).upper() == "YES"
    if str(dataset.get("ContrastBolusAgent") or "").strip().lower() not in _NO_AGENT:
        return True
    return bool(dataset.get("ContrastBolusAgentSequence"))
