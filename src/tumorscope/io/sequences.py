"""Which MRI sequence a text names: a file's name, a series description, or a user's argument."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import without
from tumorscope.core.scan import SEQUENCES, Scan
from tumorscope.io import sequence_words as vocabulary
from tumorscope.io.bids_names import parse_bids_name
from tumorscope.io.checks import printable, public_name
from tumorscope.io.sequence_words import words_of


def recognize_sequence(text: str, contrast: bool = False) -> str:
    """The sequence that a name or a description states, ``"unknown"`` where it is ambiguous.

    Only whole words count, and two different sequences in one text count as none, for a
    wrong name costs more than a missing one. Of a BIDS name only the suffix and the labels of ``acq-`` and ``ce-``
    speak of the sequence.

    Args:
        text: for example ``"BraTS_003_t1ce"``, ``"sub-01_ce-gadolinium_T1w"`` or ``"AX T2 FLAIR"``.
        contrast: whether a contrast agent is known to have been given.

    >>> [recognize_sequence(text) for text in ("case_flair", "T1 nach KM", "sub-01_ses-post_T1w", "T2*", "sagittal")]
    ['flair', 't1c', 't1', 'unknown', 'unknown']
    """
    words, agent = _words(text)
    found = set(words)
    if found & vocabulary.OTHER:
        return "unknown"
    flair, t1, t1c, t2 = (
        bool(found & names) for names in (vocabulary.FLAIR, vocabulary.T1, vocabulary.T1C, vocabulary.T2)
    )
    if flair or t2:
        if t1 or t1c or (not flair and found & vocabulary.GRADIENT_ECHO):
            return "unknown"
        return "flair" if flair else "t2"
    if t1c:
        return "t1c"
    return _with_or_without(words, agent, contrast) if t1 else "unknown"


def names_other(text: str) -> bool:
    """Whether a text names a kind of image that is none of the sequences here, such as an ADC map."""
    return bool(set(_words(text)[0]) & vocabulary.OTHER)


def _with_or_without(words: Sequence[str], agent: bool | None, recorded: bool) -> str:
    """T1 with or without contrast agent, by the other words of the text.

    Args:
        words: of the text.
        agent: what BIDS's ``ce-`` states, None where it is not there.
        recorded: whether a header records one.
    """
    if agent is not None:
        return "t1c" if agent else "t1"
    following = [*words[1:], ""]
    meant = {
        word
        for word, after in zip(words, following, strict=True)
        if not (after in vocabulary.EVENTS and word in vocabulary.AFTER | vocabulary.BEFORE)
        and not (word in vocabulary.NOT and (after in vocabulary.LEFT_OUT or after.isdigit()))  # "no fs", "no 5"
    }
    after = bool(meant & vocabulary.AFTER)
    if meant & (vocabulary.BEFORE | vocabulary.NOT):
        return "unknown" if after else "t1"
    return "t1c" if recorded or after or meant & vocabulary.AGENT else "t1"


def _words(text: str) -> tuple[list[str], bool | None]:
    """The words that speak of the sequence, and what BIDS's ``ce-`` states on contrast agent."""
    name = parse_bids_name(text)
    if name is None:
        return _without_subject(words_of(text)), None
    label = name.entities.get("ce")
    none = label is not None and set(words_of(label)) & (vocabulary.BEFORE | vocabulary.NOT | {"none"})
    phase = ["phase"] if name.entities.get("part", "mag") != "mag" else []
    words = [*words_of(name.entities.get("acq", ""), glued=True), *words_of(name.rest), *phase]
    return words, None if label is None else not none


def _without_subject(words: list[str]) -> list[str]:
    """The words; ``sub`` is "subtraction" and makes another kind of image, unless a subject's number follows."""
    numbered = {
        index for index, after in enumerate([*words[1:], ""]) if after[:1].isdigit() and after not in ("2d", "3d")
    }
    return [
        "subtraction" if word in ("sub", "subs") and index not in numbered else word for index, word in enumerate(words)
    ]


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


def stated_sequence(path: Path, stated: Mapping[str, str]) -> str | None:
    """The sequence that the user states for a file or a folder, by its name in any case; None where nothing is stated.

    Args:
        path: of the file.
        stated: sequence, or ``unknown``, by name; a path counts by its last part.
    """
    return next((sequence for name, sequence in stated.items() if names_it(name, {path.name.lower()})), None)


def names_it(name: str, names: Collection[str]) -> bool:
    """Whether one of ``names``, in lower case, is the one that the user states; of a path the last part counts, too."""
    return name.strip().lower() in names or Path(name).name.lower() in names


def as_stated(scan: Scan, sequence: str | None) -> Scan:
    """The scan with the sequence that the user states for its file, whatever its name says; unchanged without one.

    Raises:
        UnreadableScan: the file has several channels.
    """
    if sequence is None:
        return scan
    names = check_channels([sequence], len(scan.sequences), public_name(scan))
    return replace(scan, sequences=names, notes=without(scan.notes, "sequence_source"), rejection_reason=None)


def check_stated(stated: Mapping[str, str]) -> dict[str, str]:
    """What files show as the user states it, with the names of sequences as they are written here.

    Raises:
        UnreadableScan: a name that is not a sequence.
    """
    return {name: check_name(sequence, also=("unknown",)) for name, sequence in stated.items()}


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
