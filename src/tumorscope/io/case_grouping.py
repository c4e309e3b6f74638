"""Which files of one folder are one scan, by their names: volumes by subject and session, images by counting up."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from pathlib import Path

from tumorscope.io.bids_names import parse_bids_name
from tumorscope.io.dataset_description import described_case
from tumorscope.io.file_sequences import file_sequences, words_before_sequence
from tumorscope.io.formats import stem
from tumorscope.io.image_stacks import is_one_scan
from tumorscope.io.sequence_words import PROCESSED, VOCABULARY, words_of
from tumorscope.io.sequences import names_other, recognize_sequence

_SERIES_NUMBER = re.compile(r"[1-9]\d{0,3}|(s|se|ser|series|scan|img|im|mr|run|acq|e)\d{1,4}|\d+mm")
"""Words in front of the sequence that number the series of one patient rather than patients."""
_SERIES = frozenset({"s", "se", "ser", "series", "scan", "img", "im", "mr", "run", "acq", "nr", "no"})
DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)[-_.]([01]\d)[-_.]([0-3]\d)(?!\d)")
_YEAR = re.compile(r"(19|20)\d\d")
_COUNTER = re.compile(r"(?<![A-Za-z])c?t[12][A-Za-z]*(?![A-Za-z0-9])|(\d+)", re.IGNORECASE)
"""A number in a name, as a group; those of T1 and T2 are none."""
_NUMBERED = re.compile(r"[a-z]*\d+")

_SEPARATORS = "_-. +("
_KINDS = 3
"""So many kinds of images that share a counter are no coincidence."""

_DENSE = 0.5
"""Images whose numbers fill at least this share of the range from the first to the last count up."""


@dataclass(frozen=True)
class FileGroup:
    """Files that belong to one scan.

    Attributes:
        name: what their names have in common, such as ``sub-01_ses-02`` or ``BraTS_001``.
        files: sorted by name.
    """

    name: str
    files: tuple[Path, ...]


def group_volumes(files: Sequence[Path], stated: Mapping[str, str] | None = None) -> list[FileGroup]:
    """The volumes of one folder by subject and session.

    BIDS states both, and nnU-Net the case. Elsewhere they are the words before the sequence's, ``BraTS_001`` in
    ``BraTS_001_flair``, or a number at the start or the end of all names. Small numbers that only count the series of
    one patient, as dcm2niix writes them, separate nothing, and neither do words without a digit as long as no sequence
    is there twice.

    Files none of which names a sequence are scans of their own.

    Args:
        files: without masks.
        stated: sequence by file name, where the user says so.
    """
    stating: dict[str, list[Path]] = {}
    others = []
    for path in sorted(files):
        case = stated_case(path)
        if case is not None:
            stating.setdefault(case, []).append(path)
        else:
            others.append(path)
    groups = [FileGroup(case, tuple(own)) for case, own in stating.items()]
    groups += [FileGroup(_group_name(own), tuple(own)) for own in _by_words(others, stated or {})]
    return sorted(groups, key=lambda group: group.files)


def group_images(files: Sequence[Path]) -> list[FileGroup]:
    """The images of one folder: those whose names count up are the slices of one scan, others are cases of their own.

    Names count up where they differ in one number alone and at least half of the numbers between the first and the
    last are there: ``slice_1``, ``slice_2``, ``slice_4``. Of several numbers that differ the last one counts. Data sets
    number unrelated images alike, so the images themselves must agree (:mod:`tumorscope.io.image_stacks`).

    Args:
        files: without masks.
    """
    templates: dict[Hashable, list[Path]] = {}
    for path in sorted(files):
        templates.setdefault((_COUNTER.sub(_template, path.stem), path.suffix.lower()), []).append(path)
    stacks = [sorted(own, key=_numbers) for alike in templates.values() for own in _in_stacks(alike)]
    counted = [own for own in stacks if _count_up([_numbers(path) for path in own])]
    scans = [] if _share_a_counter(counted) else [own for own in counted if is_one_scan(own)]
    names = Counter(_common_name(own) for own in scans)
    groups = [FileGroup(path.stem, (path,)) for own in stacks if own not in scans for path in own]
    for own in scans:
        name = _common_name(own)
        groups.append(FileGroup(name if names[name] == 1 else _common_start(own).rstrip(_SEPARATORS), tuple(own)))
    return sorted(groups, key=lambda group: group.files)


def stated_case(path: Path) -> str | None:
    """Subject and session of a BIDS name, or the case of a channel that a ``dataset.json`` describes."""
    name = parse_bids_name(stem(path))
    return name.case if name is not None else described_case(path)


def _by_words(files: Sequence[Path], stated: Mapping[str, str]) -> list[list[Path]]:
    """Files without entities of BIDS, by the words in their names that state a patient."""
    if not files:
        return []
    named = file_sequences(files, stated)
    known = [path for path in files if named[path] != "unknown"]
    if not known:
        return [[path] for path in files]
    by_prefix = _grouped(known, patient_words)
    if len(by_prefix) > 1:
        common = set.intersection(*(set(prefix) for prefix in by_prefix))
        telling = {word for prefix in by_prefix for word in prefix} - common
        if any(character.isdigit() for word in telling for character in word) or _repeats(known, named):
            return _with_unnamed(by_prefix, files, known)
        return [list(files)]
    if _repeats(known, named):
        for number in (_first_number, _last_number):
            groups = _grouped(known, number)
            unique = all(not _repeats(own, named) for own in groups.values())
            together = len({named[path] for path in known}) == 1 or any(len(own) > 1 for own in groups.values())
            if len(groups) > 1 and None not in groups and unique and together:
                return [list(own) for own in groups.values()]
    return [list(files)]


def _with_unnamed(
    groups: dict[tuple[str, ...], list[Path]], files: Sequence[Path], known: Sequence[Path]
) -> list[list[Path]]:
    """The groups, with the files that name no sequence in the group whose words theirs begin with, or the reverse."""
    found = {prefix: list(own) for prefix, own in groups.items()}
    for path in files:
        if path not in known:
            words = patient_words(path)
            fitting = [prefix for prefix in groups if words[: len(prefix)] == prefix]
            if not fitting and names_other(stem(path)):  # a map of all whose names go on, and no scan of its own
                fitting = [prefix for prefix in groups if prefix[: len(words)] == words][:1]
            found.setdefault(max(fitting, key=len, default=words), []).append(path)
    return [sorted(own) for own in found.values()]


def _grouped(files: Sequence[Path], key: Callable[[Path], Hashable]) -> dict:
    groups: dict[Hashable, list[Path]] = {}
    for path in files:
        groups.setdefault(key(path), []).append(path)
    return groups


def _repeats(files: Sequence[Path], named: dict[Path, str]) -> bool:
    return any(count > 1 for count in Counter(named[path] for path in files).values())


def _before_sequence(path: Path) -> list[str]:
    """The words before the one that names the sequence; a date is one word."""
    return words_before_sequence(words_of(DATE.sub(r"\1\2\3", stem(path))))


def patient_words(path: Path) -> tuple[str, ...]:
    """The words in front of the sequence that may state a patient: no numbers of series, planes or techniques."""
    kept: list[str] = []
    for word in _before_sequence(path):
        leading = not kept and word.isdigit() and len(word) <= 4
        counted = _SERIES_NUMBER.fullmatch(word) and not (kept and _YEAR.fullmatch(word))
        if not leading and not counted and word not in VOCABULARY | PROCESSED | _SERIES:
            kept.append(word)
    return tuple(kept)


def _first_number(path: Path) -> str | None:
    """The last number in front of the sequence's word."""
    return next((word for word in reversed(_before_sequence(path)) if _NUMBERED.fullmatch(word)), None)


def _last_number(path: Path) -> str | None:
    word = words_of(stem(path))[-1]
    return word if _NUMBERED.fullmatch(word) and word not in VOCABULARY else None


def _group_name(files: Sequence[Path]) -> str:
    """What the names of the scans among volumes have in common; those of maps may be shorter."""
    return _common_name([path for path in files if not names_other(stem(path))] or files)


def _common_name(files: Sequence[Path]) -> str:
    """What the names have in common at their start, in whole words and without the sequence's."""
    common = _common_start(files)
    while (match := re.search(r"[^A-Za-z0-9]*([A-Za-z0-9]+)[^A-Za-z0-9]*$", common)) and set(
        words_of(match[1])
    ) <= VOCABULARY | PROCESSED:
        common = common[: match.start()]
    numbers = {_last_number(path) for path in files}
    number = numbers.pop() if len(numbers) == 1 else None
    return common.rstrip(_SEPARATORS) or number or (files[0].parent.name if len(files) > 1 else "") or stem(files[0])


def _common_start(files: Sequence[Path]) -> str:
    """What the names have in common at their start, in whole words."""
    stems = [stem(path) for path in files]
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*stems, strict=False))
    common = "".join(letters[0] for letters in alike)
    if any(each[len(common) : len(common) + 1].isalnum() for each in stems) and common[-1:].isalnum():
        common = re.sub(r"[A-Za-z0-9]+$", "", common)
    return common


def _in_stacks(files: Sequence[Path]) -> list[list[Path]]:
    """Files that differ in numbers alone, those together that differ in the last of these numbers alone."""
    numbers = {path: _numbers(path) for path in files}
    differing = [index for index in range(len(numbers[files[0]])) if len({own[index] for own in numbers.values()}) > 1]
    if not differing:
        return [list(files)]
    last = differing[-1]
    return list(_grouped(files, lambda path: (*numbers[path][:last], *numbers[path][last + 1 :])).values())


def _numbers(path: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in _COUNTER.findall(path.stem) if number)


def _template(match: re.Match[str]) -> str:
    return "#" if match[1] else match[0]


def _share_a_counter(stacks: Sequence[Sequence[Path]]) -> bool:
    """Whether one counter runs through images of several kinds, as a data set numbers them: BRISC's ``00001_gl_ax``.

    The series of one study may share a counter, too: then their names state different sequences.
    """
    numbered = [(_counter(own), own[0]) for own in stacks]
    ranges = sorted((min(values), max(values)) for (_text, values), _path in numbered)
    apart = all(one[1] < other[0] for one, other in pairwise(ranges))
    texts = {text for (text, _values), _path in numbered}
    sequences = {recognize_sequence(path.stem) for _counter, path in numbered}
    return len(stacks) >= _KINDS and apart and len(texts) == len(sequences) == 1


def _counter(files: Sequence[Path]) -> tuple[str, list[int]]:
    """What the names of files that count up say before the number in which they differ, and these numbers."""
    numbers = [_numbers(path) for path in files]
    index = next(index for index in range(len(numbers[0])) if len({own[index] for own in numbers}) > 1)
    counters = [match for match in _COUNTER.finditer(files[0].stem) if match[1]]
    return files[0].stem[: counters[index].start()], [own[index] for own in numbers]


def _count_up(numbers: Sequence[tuple[int, ...]]) -> bool:
    """Whether the one number in which names differ runs without large gaps."""
    if len(numbers) < 2:
        return False
    values = [
        next(own[index] for index in range(len(own)) if len({each[index] for each in numbers}) > 1) for own in numbers
    ]
    return len(set(values)) == len(values) and len(values) >= _DENSE * (max(values) - min(values) + 1)
