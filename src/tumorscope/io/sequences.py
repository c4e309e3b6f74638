"""Which MRI sequence a text names: a file's name, a series description, or a user's argument."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.scan import SEQUENCES
from tumorscope.io.checks import printable

_FLAIR = {"flair", "t2f", "tirm"}
_T1 = {"t1", "t1w", "t1n", "mprage", "bravo", "spgr"}
_T1C = {"t1c", "t1ce", "t1gd", "t1post", "t1wce", "t1km", "t1cw"}
_T2 = {"t2", "t2w"}
_CONTRAST = {"gd", "gad", "gado", "ce", "post", "contrast", "postcontrast", "km", "enhanced"}
_EVENTS = {"op", "operative", "surgery", "surgical", "treatment", "therapy", "rt", "biopsy"}
_NO_CONTRAST = {"pre", "without", "no", "non", "nativ", "native", "precontrast", "wo"}
_OTHER = {
    *{"t2star", "star", "swi", "swan", "gre", "hemo", "medic", "map", "maps", "mapping", "pd", "dwi", "adc", "trace"},
    *{"dti", "bold", "fmri", "asl", "perfusion", "relcbf", "cbf", "cbv", "mra", "tof", "angio", "localizer"},
    *{
        "scout",
        "survey",
        "stir",
        "subtraction",
        "subtracted",
        "dual",
        "loc",
        "localizer",
        "mip",
        "minip",
        "psir",
        "dir",
    },
    *{"diffusion", "tensor", "b1000", "eadc", "dsc", "dce", "dynamic", "perf", "mrv", "venogram", "ciss", "fiesta"},
    *{"phase", "pcasl", "spectroscopy", "mrs", "csi"},
}


def recognize_sequence(text: str, contrast: bool = False) -> str:
    """The sequence that a name or a description states, ``"unknown"`` where it is ambiguous.

    Only whole words count, and two different sequences in one text count as none, for a
    wrong name costs more than a missing one.

    Args:
        text: for example ``"BraTS_003_t1ce"`` or ``"AX T2 FLAIR"``.
        contrast: whether a contrast agent is known to have been given.

    >>> [recognize_sequence(text) for text in ("case_flair", "AX T1 post", "AX T2 FLAIR", "T2*", "sagittal")]
    ['flair', 't1c', 'flair', 'unknown', 'unknown']
    """
    found = _words(text)
    if found & _OTHER:
        return "unknown"
    flair, t1, t1c, t2 = (bool(found & names) for names in (_FLAIR, _T1, _T1C, _T2))
    if flair:
        return "unknown" if t1 or t1c else "flair"
    if t2:
        return "unknown" if t1 or t1c else "t2"
    if t1c:
        return "t1c"
    if not t1:
        return "unknown"
    if found & _NO_CONTRAST:
        return "t1"
    return "t1c" if contrast or found & _CONTRAST else "t1"


def names_other(text: str) -> bool:
    """Whether a text names a kind of image that is none of the sequences here, such as an ADC map."""
    return bool(_words(text) & _OTHER)


def check_name(name: str, also: tuple[str, ...] = ()) -> str:
    """The name in lower case, if it is a sequence known here.

    Raises:
        UnreadableScan: with the valid names and the one that may be meant.
    """
    lowered = str(name).strip().lower()
    valid = (*SEQUENCES, *also)
    if lowered in valid:
        return lowered
    recognized = recognize_sequence(lowered)
    near = [recognized] if recognized != "unknown" else get_close_matches(lowered, valid, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise UnreadableScan(f"no sequence is named {printable(str(name)[:40])!r}; the names are {', '.join(valid)}{hint}")


def check_channels(channels: Sequence[str], count: int, name: str) -> tuple[str, ...]:
    """The user's channel names, if they fit the file.

    Args:
        channels: one name per channel; ``"unknown"`` is allowed.
        count: channels in the file.
        name: the file, for the error.

    Raises:
        UnreadableScan: too many, too few, twice the same, or a name that is not known.
    """
    names = tuple(check_name(channel, also=("unknown",)) for channel in channels)
    if len(names) != count:
        raise UnreadableScan(
            f"{name}: {len(names)} channel names ({', '.join(names)}) for {count} channel{'s' if count != 1 else ''}"
        )
    known = [channel for channel in names if channel != "unknown"]
    if len(set(known)) != len(known):
        raise UnreadableScan(f"{name}: the channel names {', '.join(names)} repeat; give each sequence once")
    return names


def _words(text: str) -> set[str]:
    """The words of a text in lower case; without "post" of "post op", which is about another event."""
    lowered = text.lower().replace("t2*", "t2star").replace("+c", " contrast ")
    lowered = re.sub(r"dark[ _-]?fluid", "flair", lowered)
    words = set(re.split(r"[^a-z0-9]+", lowered)) - {""}
    return words - {"post"} if words & _EVENTS else words
