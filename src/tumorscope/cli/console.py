"""Output in consoles that cannot show every character: what they lack is replaced, and nothing fails."""

from __future__ import annotations

import codecs
import io
import sys
import unicodedata

_REPLACE = "tumorscope-replace"
_ALIKE = {"×": "x", "–": "-", "—": "-", "−": "-", "·": ".", "•": "*", "“": '"', "”": '"', "‘": "'", "’": "'"}
_ALIKE |= {"≤": "<=", "≥": ">=", "±": "+/-", "→": "->", "≈": "~", "µ": "u", "μ": "u", "°": " deg", "ß": "ss", "ø": "o"}
_ALIKE |= dict.fromkeys("─━═╸╺╴╶", "-") | dict.fromkeys("│┃║", "|")


def replace_unknown_characters() -> None:
    """Make standard output and error replace characters that their encoding lacks, by others alike or ``?``."""
    codecs.register_error(_REPLACE, _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_REPLACE)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_alike(sign, error.encoding) for sign in lacking), error.end


def _alike(sign: str, encoding: str) -> str:
    """What is shown for a character: one alike, the letter without its accent, or a question mark.

    >>> _alike("×", "ascii"), _alike("é", "cp1251"), _alike("²", "ascii"), _alike("脑", "cp437")
    ('x', 'e', '2', '?')
    """
    found = _ALIKE.get(sign) or "".join(
        part for part in unicodedata.normalize("NFKD", sign) if not unicodedata.combining(part)
    )
    try:
        found.encode(encoding)
    except UnicodeEncodeError:
        return "?"
    return found or "?"
