"""Which sequences the files of one folder show, by their names: each by its own, or by its place among the others'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path

from tumorscope.io.bids_names import parse_bids_name
from tumorscope.io.dataset_description import described_channels
from tumorscope.io.formats import stem
from tumorscope.io.sequence_words import FLAIR, OTHER, PROCESSED, T1, T1C, T2, TERSE, words_of
from tumorscope.io.sequences import recognize_sequence, stated_sequence

_NAMES = FLAIR | T1 | T1C | T2


def file_sequence(path: Path) -> str:
    """The sequence that a file shows by its own name, or by the ``dataset.json`` of its data set."""
    sequence = recognize_sequence(stem(path))
    described = described_channels(path) if sequence == "unknown" else ()
    return described[0] if len(described) == 1 else sequence


def file_sequences(files: Sequence[Path], stated: Mapping[str, str] | None = None) -> dict[Path, str]:
    """The sequence of each file, ``unknown`` where nothing tells it.

    What the user states comes first, then the file's own name. Words with which all names begin tell nothing: of
    ``P1_T1_FLAIR`` and ``P1_T1_T2``, the T1 is a point in time. Terse words count only in the place where the others
    name their sequences: ``P1_PRE`` and ``P1_POST`` beside ``P1_T2`` are T1 without and with contrast.

    Args:
        files: of one folder, without masks.
        stated: sequence by file name, where the user says so.
    """
    by_user = {path: stated_sequence(path, stated or {}) for path in files}
    own = {path: file_sequence(path) for path in files} | _after_common_words(files)
    named = {path: by_user[path] or own[path] for path in files}
    return named | {path: name for path, name in _by_place(named).items() if by_user[path] is None}


def words_before_sequence(words: Sequence[str]) -> list[str]:
    """The words before the one that names the sequence, or another kind of image."""
    return list(takewhile(lambda word: word not in _NAMES | OTHER, words))


def _after_common_words(files: Sequence[Path]) -> dict[Path, str]:
    """Sequences by what follows the words with which all names begin, where a sequence is among these words."""
    words = {path: words_of(stem(path)) for path in files if parse_bids_name(stem(path)) is None}
    if len(words) < 2 or len(words) < len(files):
        return {}
    common = sum(1 for _ in takewhile(lambda alike: len(set(alike)) == 1, zip(*words.values(), strict=False)))
    first = next(iter(words.values()))
    if not _NAMES.intersection(first[:common]):
        return {}
    rest = {path: recognize_sequence(" ".join(own[common:])) for path, own in words.items()}
    return rest if "unknown" not in rest.values() else {}


def _by_place(named: Mapping[Path, str]) -> dict[Path, str]:
    """Sequences of files without one, whose names have a terse word in the place of the others' sequences."""
    places = {tuple(words_before_sequence(words_of(stem(path)))) for path, name in named.items() if name != "unknown"}
    found: dict[Path, str] = {}
    for path in (path for path, name in named.items() if name == "unknown"):
        words = words_of(stem(path))
        meant = {TERSE[words[len(place)]] for place in places if _is_terse(words, place)}
        if len(meant) == 1:
            found[path] = meant.pop()
    return found


def _is_terse(words: Sequence[str], place: tuple[str, ...]) -> bool:
    """Whether words begin as those before the others' sequences, go on with a terse one, and say no more."""
    begins, following = tuple(words[: len(place)]) == place, words[len(place) :]
    return begins and bool(TERSE.keys() & following[:1]) and PROCESSED.issuperset(following[1:])
