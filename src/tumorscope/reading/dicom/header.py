"""What a series says about itself, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tumorscope.reading.checks import printable
from tumorscope.reading.dicom.frames import FunctionalGroups, number
from tumorscope.reading.dicom.privacy import names_patient

if TYPE_CHECKING:
    from pydicom import Dataset

_NO_AGENT = {"", "no", "none", "n", "0", "without", "nativ", "n/a", "na", "not applicable", "unknown", "off"}


@dataclass(frozen=True)
class SeriesHeader:
    """The attributes by which a series is named and its sequence recognised.

    pydicom decodes an attribute when it is first asked for, and a damaged one raises then;
    so all are asked for at once, here. Enhanced files say the same in other words, which
    are translated.

    Attributes:
        series: SeriesInstanceUID; where it is missing, what else tells series apart.
        number: SeriesNumber, 0 where not given.
        description: SeriesDescription.
        protocol: ProtocolName.
        contrast: whether a contrast agent is recorded.
        image_type: the ImageType values in capitals.
        scanning: the ScanningSequence codes, SE, IR, GR, EP, RM.
        variant: the SequenceVariant codes, such as MP for prepared magnetisation.
        acquisition_contrast: AcquisitionContrast of enhanced files, such as FLUID_ATTENUATED.
        repetition_ms, echo_ms, inversion_ms: TR, TE and TI, None where not given.
    """

    series: str
    number: int
    description: str
    protocol: str
    contrast: bool = False
    image_type: tuple[str, ...] = ()
    scanning: frozenset[str] = frozenset()
    variant: frozenset[str] = frozenset()
    acquisition_contrast: str = ""
    repetition_ms: float | None = None
    echo_ms: float | None = None
    inversion_ms: float | None = None

    @classmethod
    def of(cls, dataset: Dataset) -> SeriesHeader:
        """From the header of one file of the series."""
        groups = FunctionalGroups(dataset, 0)
        scanning = set(_values(dataset.get("ScanningSequence")))
        pulse = str(dataset.get("EchoPulseSequence") or "")
        scanning |= {"SPIN": {"SE"}, "GRADIENT": {"GR"}, "BOTH": {"SE", "GR"}}.get(pulse, set())
        if str(dataset.get("EchoPlanarPulseSequence") or "") == "YES":
            scanning.add("EP")
        inversion = number(dataset.get("InversionTime"))
        if str(groups.get("MRModifierSequence", "InversionRecovery") or "") == "YES":
            scanning.add("IR")
            inversion = inversion or number(
                next(iter(_values(groups.get("MRModifierSequence", "InversionTimes"))), None)
            )
        series_number = str(dataset.get("SeriesNumber") or 0)
        frame_contrast = groups.get("MRImageFrameTypeSequence", "AcquisitionContrast")
        return cls(
            series=str(dataset.get("SeriesInstanceUID", "") or ""),
            number=int(series_number) if series_number.isdecimal() else 0,
            description=str(dataset.get("SeriesDescription", "") or "").strip(),
            protocol=str(dataset.get("ProtocolName", "") or "").strip(),
            contrast=_agent_recorded(dataset, groups),
            image_type=tuple(value.upper() for value in _values(dataset.get("ImageType"))),
            scanning=frozenset(scanning),
            variant=frozenset(_values(dataset.get("SequenceVariant"))),
            acquisition_contrast=str(dataset.get("AcquisitionContrast") or frame_contrast or "").upper(),
            repetition_ms=groups.number("MRTimingAndRelatedParametersSequence", "RepetitionTime"),
            echo_ms=groups.number("MREchoSequence", "EffectiveEchoTime") or number(dataset.get("EchoTime")),
            inversion_ms=inversion or None,
        )


def series_key(dataset: Dataset) -> str:
    """What tells a file's series from others: its UID, or else number, description and protocol."""
    uid = str(dataset.get("SeriesInstanceUID") or "").strip()
    if uid:
        return uid
    parts = (dataset.get(keyword) or "" for keyword in ("SeriesNumber", "SeriesDescription", "ProtocolName"))
    return " ".join(("without UID", *map(str, parts)))


def public_text(text: str, words: frozenset[str]) -> str:
    """A description that may be shown: one line, and empty if it names the patient."""
    return "" if not text or names_patient(text, words) else printable(text)[:60]


def _agent_recorded(dataset: Dataset, groups: FunctionalGroups) -> bool:
    administered = groups.get("ContrastBolusUsageSequence", "ContrastBolusAgentAdministered")
    if administered is not None:
        return str(administered).upper() == "YES"
    if str(dataset.get("ContrastBolusAgent") or "").strip().lower() not in _NO_AGENT:
        return True
    return bool(dataset.get("ContrastBolusAgentSequence"))


def _values(value: Any) -> tuple[str, ...]:
    """A DICOM value of any multiplicity as texts."""
    if value is None or value == "":
        return ()
    several = isinstance(value, list | tuple) or type(value).__name__ == "MultiValue"
    return tuple(str(item).strip() for item in value) if several else (str(value).strip(),)
