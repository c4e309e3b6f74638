"""Keeping the patient's name out of cases, notes and messages."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from tumorscope.io.checks import label

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydicom import Dataset

_LONG = 4
"""Parts of a name this long are found inside other words; shorter ones only as whole words."""

_WITHOUT_SPACES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]")
"""Kana, Chinese characters and Hangul: texts in them do not part words, so that parts of any length are found inside."""

_LETTERS = {
    "ä": "ae",
    "ö": "oe",
    "ü": "ue",
    "ß": "ss",
    "å": "aa",
    "æ": "ae",
    "ø": "oe",
    "œ": "oe",
    "đ": "dj",
    "ð": "dh",
    "þ": "th",
    "ł": "l",
    "ı": "i",
    "ñ": "ny",
    "ç": "ch",
    "š": "sh",
    "ž": "zh",
    "č": "ch",
}
"""How letters are usually written where only ASCII is allowed, if not by leaving the accent out."""
_CYRILLIC = {
    **dict.fromkeys("ъь", ""),
    **dict(zip("абвгдеёзийклмнопрстуфыэґіўјћ", "abvgdeeziyklmnoprstufyegiujc", strict=True)),
    **dict(zip("жхцчшюя", ("zh", "kh", "ts", "ch", "sh", "yu", "ya"), strict=True)),
    **dict(zip("щєїђљњџ", ("shch", "ye", "yi", "dj", "lj", "nj", "dz"), strict=True)),
}
_IN_PASSPORTS = _CYRILLIC | {"й": "i", "ъ": "ie", "ю": "iu", "я": "ia", "є": "ie", "ї": "i"}
"""Russian, Ukrainian, Belarusian and Serbian in ASCII: as in English texts, and as ICAO's Doc 9303 has it."""
_PLAIN = str.maketrans({"ß": "ss", "æ": "ae", "ø": "o", "œ": "oe", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ı": "i"})
"""Letters that have no accent to leave out."""
_DIGRAPHS = {"ae": "a", "oe": "o", "ue": "u", "aa": "a"}
"""Transliterated, and back to the letter without its accent: ``mueller`` is ``muller``, too."""


def name_tokens(dataset: Dataset) -> frozenset[str]:
    """The parts of the patient's name in lower case; none where the file is marked as anonymized.

    Family and given name count together, too, in either order: folders of ``Li^Na`` may be called ``LiNa``.
    """
    if str(dataset.get("PatientIdentityRemoved", "")).upper() == "YES":
        return frozenset()
    names = f"{dataset.get('PatientName', '')}={dataset.get('OtherPatientNames', '')}"
    words = set()
    for name in unicodedata.normalize("NFC", names.lower()).split("="):  # an accent by itself is not a letter
        parts = [part for part in re.split(r"[\W_\d]+", name) if part]
        words |= {*parts, "".join(parts[:2]), "".join(parts[1::-1])}
    return frozenset(word for word in words if len(word) > 1)


def contains_patient_name(text: str, words: frozenset[str]) -> bool:
    """Whether a text contains a part of the patient's name, with accents, without, or transliterated.

    >>> contains_patient_name("scan_of_doe", frozenset({"doe"})), contains_patient_name("t2_axial", frozenset({"doe"}))
    (True, False)
    >>> [contains_patient_name("Mueller_1", frozenset({name})) for name in ("müller", "muller", "mueller", "miller")]
    [True, True, True, False]
    """
    wanted = _spelled(words)
    texts = _written(text)
    for written in texts | {_shortened(each) for each in texts}:
        own = set(re.split(r"[\W_\d]+", written))
        if any(word in own or (_is_found_inside(word) and word in written) for word in wanted):
            return True
    return False


def _is_found_inside(word: str) -> bool:
    return len(word) >= _LONG or _WITHOUT_SPACES.search(word) is not None


def hide_names(text: str, shown: Iterable[str], words: frozenset[str], instead: str) -> str:
    """A text with a code in place of each of the names that it may quote and that name the patient.

    Args:
        text: a message.
        shown: names of files and folders.
        words: from :func:`name_tokens`.
        instead: the code.

    >>> hide_names("doe_j: damaged (0001.dcm)", ["doe_j", "0001.dcm"], frozenset({"doe"}), "study-1a")
    'study-1a: damaged (0001.dcm)'
    """
    for name in sorted(set(shown), key=len, reverse=True):
        if name and contains_patient_name(name, words):
            text = text.replace(name, instead)
    return text


def _written(text: str) -> set[str]:
    """A text in small letters: with its accents left out, and transliterated in each usual way."""
    lowered = unicodedata.normalize("NFC", text.lower())
    tables = (_LETTERS, _CYRILLIC, _IN_PASSPORTS)
    transliterated = ("".join(table.get(sign, sign) for sign in lowered) for table in tables)
    return {_without_accents(form) for form in (lowered, *transliterated)}


@lru_cache(maxsize=64)
def _spelled(words: frozenset[str]) -> frozenset[str]:
    """The parts of a name as they may be written; kept, since one name is looked for in the name of every file."""
    return frozenset(spelling for word in words for spelling in _spellings(word))


def _spellings(word: str) -> set[str]:
    """How a part of a name may be written; one that is itself transliterated also without that."""
    found = _written(word)
    return found | {short for form in found if len(short := _shortened(form)) >= _LONG}


def _shortened(text: str) -> str:
    return re.sub("|".join(_DIGRAPHS), lambda match: _DIGRAPHS[match[0]], text)


def _without_accents(text: str) -> str:
    return "".join(
        sign for sign in unicodedata.normalize("NFKD", text.translate(_PLAIN)) if not unicodedata.combining(sign)
    )


def series_code(series: str) -> str:
    """A name for a series that does not identify the patient: ``series-1a2b3c4d``.

    Args:
        series: SeriesInstanceUID.
    """
    return f"series-{hashlib.sha256(series.encode()).hexdigest()[-8:]}"


def names_of_object(path: Path, header: Dataset, words: frozenset[str]) -> tuple[str, str]:
    """The case of a DICOM object in a file, and the name for messages; a code where its file's name has a patient's.

    Args:
        path: the file.
        header: of the object.
        words: from :func:`name_tokens`.
    """
    if contains_patient_name(path.stem, words):
        code = series_code(str(header.get("SeriesInstanceUID", "")))
        return code, code
    return path.stem, label(path)
