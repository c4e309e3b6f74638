"""What a single file shows by its own name, or by that of its folder."""

from __future__ import annotations

from pathlib import Path

from tumorscope.core.note import Note
from tumorscope.io.checks import label
from tumorscope.io.formats import stem
from tumorscope.io.sequence_words import FLAIR, FUNCTIONAL, T1, T1C, T2, words_of
from tumorscope.io.sequences import names_other, recognize_sequence

Named = tuple[tuple[str], tuple[Note, ...]]
"""A sequence as a scan has it, and the note on its source."""

_NAMES = FLAIR | T1 | T1C | T2


def sequence_by_name(path: Path) -> Named:
    """The sequence that a file's name states; where it says nothing of sequences, that which its folder's name states.

    Data sets of single images state it so: ``Glioblastoma T1C+/0a1b2c.jpg``.
    """
    own = recognize_sequence(stem(path))
    if own != "unknown":
        return (own,), (Note("sequence_source", f"sequence {own} taken from the name {label(Path(stem(path)))}"),)
    silent = not names_other(stem(path)) and not _NAMES.intersection(words_of(stem(path)))
    return sequence_by_folder(path.resolve().parent) if silent else (("unknown",), ())


def sequence_by_folder(folder: Path) -> Named:
    """The sequence that a folder's name states."""
    sequence = recognize_sequence(folder.name)
    if sequence == "unknown":
        return ("unknown",), ()
    return (sequence,), (Note("sequence_source", f"sequence {sequence} taken from the name {label(folder)}"),)


def not_structural(path: Path) -> str | None:
    """Why a file shows no structural image by its name, such as a map of diffusion; None where the name says no such thing."""
    named = FUNCTIONAL.intersection(words_of(stem(path))) if names_other(stem(path)) else frozenset()
    return f"the file's name says {min(named).upper()}: not a structural image" if named else None
