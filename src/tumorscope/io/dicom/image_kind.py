"""The kind of image that a frame is: plain, a part of a complex signal, a Dixon image or a map.

Scanners file several kinds under one SeriesInstanceUID. Classic files tell them apart by ImageType
(DICOM PS3.3 C.8.3.1.1.1), enhanced files by the frame type and the complex image component
(C.8.13.3.1), GE by a private code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom import Dataset

    from tumorscope.io.dicom.image_attributes import FunctionalGroups

_MAPS = {
    *("ADC", "EADC", "EXP_ADC", "TRACE", "TRACEW", "FA", "COLFA", "TENSOR", "DIFFUSION", "PERFUSION", "ASL", "FMRI"),
    *(
        "BOLD",
        "RCBF",
        "RCBV",
        "CBF",
        "CBV",
        "RELCBF",
        "RELCBV",
        "MTT",
        "TTP",
        "TMAX",
        "T1 MAP",
        "T2 MAP",
        "T2_STAR MAP",
    ),
    *("R2 MAP", "R2_STAR MAP", "B0 MAP", "B1 MAP", "FIELD_MAP", "SUBTRACT", "SUBTRACTION", "SUB", "MIP", "MAX_IP"),
    *("MIN_IP", "MNIP", "PROJECTION IMAGE", "LOCALIZER", "FLOW", "VELOCITY", "VELOCITY MAP", "SCREEN SAVE", "REPORT"),
}
"""Values of ImageType that mean a map, a projection, a functional image or a localizer."""

MOSAIC = "MOSAIC"
"""Siemens' ImageType of images in which all slices of a functional or diffusion volume are tiled."""

_COMPLEX = {
    **dict.fromkeys(("P", "PHASE", "PHASE MAP"), "phase image"),
    **dict.fromkeys(("R", "REAL"), "real part"),
    **dict.fromkeys(("I", "IMAGINARY"), "imaginary part"),
}
GE_IMAGE_TYPE = (0x0043, 0x2F, "GEMS_PARM_01")
_GE_COMPLEX = {1.0: "phase image", 2.0: "real part", 3.0: "imaginary part"}
"""GE's private image type: its ImageType is OTHER for all of them."""

WATER, IN_PHASE, OPPOSED_PHASE, FAT = (f"Dixon {name} image" for name in ("water", "in-phase", "opposed-phase", "fat"))
_DIXON = {
    **dict.fromkeys(("W", "WATER"), WATER),
    **dict.fromkeys(("IP", "IN_PHASE", "INPHASE"), IN_PHASE),
    **dict.fromkeys(("OP", "OPP_PHASE", "OUT_PHASE", "OUTPHASE", "OPPOSED_PHASE", "OUT_OF_PHASE"), OPPOSED_PHASE),
    **dict.fromkeys(("F", "FAT", "FF", "FAT_FRACTION", "FATFRACTION"), FAT),
}
_IN_DESCRIPTIONS = {
    FAT: (("_f", "_fat"), ("fat",), ("fat only",)),
    OPPOSED_PHASE: (("_opp",), ("outphase",), ("opp phase", "out phase", "opposed phase", "out of phase")),
    IN_PHASE: (("_in",), ("inphase",), ("in phase",)),
    WATER: (("_w", "_water"), ("water",), ("water only",)),
}
"""What scanners write into the series descriptions of Dixon images: the endings, what precedes a
colon, and phrases, as in ``t1_vibe_dixon_F`` and ``FAT: Ax T1 FLEX``."""

_OTHER_ENDINGS = ("t1_w", "t2_w", "pd_w", "no_fat", "sat_fat", "without_fat")
"""Endings that only look so: "weighted", and fat that is suppressed."""

_PREFERENCE = ("", WATER, IN_PHASE, OPPOSED_PHASE)


@dataclass(frozen=True)
class ImageKind:
    """A kind of image.

    Attributes:
        name: empty for a plain image.
        stated: the attribute and value that state it, such as ``ImageType ADC``.
    """

    name: str = ""
    stated: str = ""

    @property
    def is_structural(self) -> bool:
        """Whether such an image can show anatomy as a network expects it."""
        return self.name in _PREFERENCE

    @property
    def preference(self) -> int:
        """Of several kinds of one acquisition the lowest is the best to read."""
        return _PREFERENCE.index(self.name) if self.is_structural else len(_PREFERENCE)


PLAIN = ImageKind()


def kind_of_frame(dataset: Dataset, groups: FunctionalGroups) -> ImageKind:
    """The kind of one frame, by its header."""
    component = str(groups.get("MRImageFrameTypeSequence", "ComplexImageComponent") or "").strip().upper()
    if component in _COMPLEX:
        return ImageKind(_COMPLEX[component], f"ComplexImageComponent {component}")
    code = private_number(dataset, *GE_IMAGE_TYPE)
    if code in _GE_COMPLEX:
        return ImageKind(_GE_COMPLEX[code], f"GE's image type (0043,102F) {code:g}")
    keyword, values = image_type(dataset, groups)
    return kind_of_values(values[1:], keyword)


def image_type(dataset: Dataset, groups: FunctionalGroups) -> tuple[str, tuple[str, ...]]:
    """The keyword and the values in capitals: the frame's own FrameType, or else the file's ImageType."""
    frame_type = texts(groups.get("MRImageFrameTypeSequence", "FrameType"))
    keyword, values = ("FrameType", frame_type) if frame_type else ("ImageType", texts(dataset.get("ImageType")))
    return keyword, tuple(value.upper() for value in values)


def kind_of_values(values: Iterable[str], keyword: str = "ImageType") -> ImageKind:
    """The kind by values of ImageType or FrameType, in capitals.

    >>> kind_of_values(("PRIMARY", "M", "ND")).name, kind_of_values(("PRIMARY", "P", "ND")).name
    ('', 'phase image')
    """
    known = tuple(values)
    for names in ((MOSAIC,), _MAPS, _COMPLEX, _DIXON):
        value = next((value for value in known if value in names), None)
        if value is not None:
            return ImageKind(names[value] if isinstance(names, dict) else value, f"{keyword} {value}")
    return PLAIN


def kind_of_description(description: str) -> ImageKind:
    """The kind of Dixon image that a series description names.

    >>> kind_of_description("t1_vibe_dixon_tra_F").name, kind_of_description("AX T1 FAT SAT").name
    ('Dixon fat image', '')
    """
    raw = description.strip().lower()
    start = raw.partition(":")[0].strip() if ":" in raw else ""
    words = " ".join(("", *re.split(r"[\W_]+", raw), ""))
    if raw.endswith(_OTHER_ENDINGS):
        return PLAIN
    for name, (endings, starts, named) in _IN_DESCRIPTIONS.items():
        if raw.endswith(endings) or start in starts or any(f" {phrase} " in words for phrase in named):
            return ImageKind(name, "SeriesDescription")
    return PLAIN


def without_dixon_phase(text: str) -> str:
    """A description without "in phase", "opposed phase" and the like, which are not phase images.

    >>> without_dixon_phase("AX T1 in-phase +C")
    'AX T1  +C'
    """
    return re.sub(r"(?<![^\W_])(in|out|opp|opposed|out[ _-]of)[ _-]?phase(?![^\W_])", "", text, flags=re.IGNORECASE)


def private_number(dataset: Dataset, group: int, element: int, creator: str) -> float | None:
    """The first number of a private attribute, or None."""
    try:
        value = dataset.get_private_item(group, element, creator).value
        return float(value if isinstance(value, int | float) else texts(value)[0])
    except (KeyError, ValueError, IndexError):  # not there, or not a number
        return None


def texts(value: Any) -> tuple[str, ...]:
    """A DICOM value of any multiplicity as texts."""
    if value is None or value == "":
        return ()
    several = isinstance(value, list | tuple) or type(value).__name__ == "MultiValue"
    return tuple(str(item).strip() for item in value) if several else (str(value).strip(),)
