"""Output to consoles whose encoding lacks characters: similar ones replace them, and printing never fails."""

from __future__ import annotations

import codecs
import io
import sys
import unicodedata

_REPLACE = "tumorscope-replace"
_SIMILAR = {"×": "x", "–": "-", "—": "-", "−": "-", "·": ".", "•": "*", "“": '"', "”": '"', "‘": "'", "’": "'"}
_SIMILAR |= {
    "≤": "<=",
    "≥": ">=",
    "±": "+/-",
    "→": "->",
    "≈": "~",
    "µ": "u",
    "μ": "u",
    "°": " deg",
    "ß": "ss",
    "ø": "o",
}
_SIMILAR |= dict.fromkeys("─━═╸╺╴╶", "-") | dict.fromkeys("│┃║", "|")


def replace_unknown_characters() -> None:
    """Let standard output and error replace characters that their encoding lacks by similar ones or ``?``."""
    codecs.register_error(_REPLACE, _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_REPLACE)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(_similar(sign, error.encoding) for sign in missing), error.end


def _similar(sign: str, encoding: str) -> str:
    """The replacement of a character: a similar one, the letter without its accent, or a question mark.

    >>> _similar("×", "ascii"), _similar("é", "cp1251"), _similar("²", "ascii"), _similar("脑", "cp437")
    ('x', 'e', '2', '?')
    """
    found = _SIMILAR.get(sign) or "".join(
        part for part in unicodedata.normalize("NFKD", sign) if not unicodedata.combining(part)
    )
    try:
        found.encode(encoding)
    except UnicodeEncodeError:
        return "?"
    return found or "?"
