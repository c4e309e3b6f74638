"""Search for exact and near copies among fingerprints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tumorscope.datasets.duplicates.alignment import align, warp
from tumorscope.datasets.duplicates.appearance import (
    DETAIL_PX,
    ORIENTATIONS,
    Orientation,
    hash_distance,
    oriented,
    unit,
)
from tumorscope.datasets.duplicates.fingerprints import Fingerprints

CANDIDATE_THRESHOLD = 0.86
"""Correlation of two unaligned thumbnails from which their details are compared. With 0.84,
four more of the 10,083 images of figshare and kaggle4 have a copy."""

COPY_THRESHOLD = 0.96
"""Correlation of two aligned details from which they are the same slice.

Measured with ``tumorscope datasets duplicates --threshold 0.86`` on the sets as they are packed for
tests. Different slices: at most 0.93 in figshare (6 mm thick), 0.93 between figshare and kaggle4,
0.96 between thin neighbors in LGG. Copies: at least 0.99 between figshare and kaggle4, and 0.97
between tumors within kaggle4. Only in kaggle4's ``notumor``, where copies were sharpened and their
contrast changed, the correlation falls to 0.8; other copies of the same slice then link them.
"""

_EDGE = slice(DETAIL_PX // 20, -(DETAIL_PX // 20))
_ROWS, _PAIRS = 512, 128
"""Images and pairs per block, limited by the CPU cache."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, order=True)
class DuplicatePair:
    """Two images that show the same slice.

    Attributes:
        first: index in the fingerprints; smaller than ``second``.
        second: likewise.
        kind: ``exact`` if the files are identical byte by byte.
        correlation: of the aligned details, 1 for exact copies.
        hash_distance: number of different bits of the 64-bit perceptual hashes.
        orientation: of ``second`` relative to ``first``.
    """

    first: int
    second: int
    kind: Literal["exact", "near"]
    correlation: float
    hash_distance: int
    orientation: Orientation = "same"


def find_duplicates(
    fingerprints: Fingerprints, threshold: float = COPY_THRESHOLD, on_progress: Progress = lambda done, total: None
) -> list[DuplicatePair]:
    """All copies among some images.

    Of byte-identical files, only the first is compared with others, and the others are
    paired with it; :func:`groups` joins them.

    Args:
        fingerprints: of all sets, joined.
        threshold: aligned correlation from which two images are copies.
        on_progress: called with the number of compared images and of all images.

    Returns:
        Pairs in the order of the images.
    """
    first_of: dict[str, int] = {}
    pairs = []
    for index, digest in enumerate(fingerprints.digests):
        first = first_of.setdefault(digest, index)
        if first != index:
            pairs.append(DuplicatePair(first, index, "exact", 1.0, 0))
    kept = np.fromiter(first_of.values(), int)
    alone = fingerprints.take(kept)
    best: dict[tuple[int, int], DuplicatePair] = {}
    for first, second, orientation, correlation in _copies(alone, alone, threshold, on_progress):
        ends = int(kept[first]), int(kept[second])
        if ends not in best or correlation > best[ends].correlation:
            distance = hash_distance(alone.hashes[first], alone.hashes[second], orientation)
            best[ends] = DuplicatePair(*ends, "near", round(correlation, 4), distance, orientation)
    return sorted([*pairs, *best.values()])


def near_copies(
    of: Fingerprints,
    among: Fingerprints,
    threshold: float = COPY_THRESHOLD,
    on_progress: Progress = lambda done, total: None,
) -> np.ndarray:
    """Whether each image is an exact or near copy of an image in another set.

    Args:
        of: the other set, a test set for example.
        among: the images to examine, a training set for example.
        threshold: aligned correlation from which two images are copies.
        on_progress: called with the number of compared images of ``of`` and of all.

    Returns:
        Boolean ``(len(among),)``.
    """
    return originals(of, among, threshold, on_progress) >= 0


def originals(
    of: Fingerprints,
    among: Fingerprints,
    threshold: float = COPY_THRESHOLD,
    on_progress: Progress = lambda done, total: None,
) -> np.ndarray:
    """As :func:`near_copies`, with the index of the most similar image in ``of``.

    Returns:
        Integers ``(len(among),)``; -1 for an image that is not a copy.
    """
    known = dict(zip(reversed(of.digests), range(len(of) - 1, -1, -1), strict=True))
    found = np.array([known.get(digest, -1) for digest in among.digests], int)
    best = np.where(found >= 0, np.inf, -np.inf)
    for original, copy, _, correlation in _copies(of, among, threshold, on_progress):
        if correlation > best[copy]:
            found[copy], best[copy] = original, correlation
    return found


def groups(pairs: Sequence[DuplicatePair]) -> list[tuple[int, ...]]:
    """Groups of copies, including copies of copies, each in order.

    >>> pair = lambda first, second: DuplicatePair(first, second, "near", 0.98, 2)
    >>> groups([pair(1, 4), pair(4, 6), pair(2, 3)])
    [(1, 4, 6), (2, 3)]
    """
    if not pairs:
        return []
    ends = np.array([(pair.first, pair.second) for pair in pairs])
    indices, numbers = np.unique(ends, return_inverse=True)
    rows, columns = numbers.reshape(ends.shape).T
    links = coo_array((np.ones(len(pairs)), (rows, columns)), shape=(len(indices), len(indices)))
    _, belongs = connected_components(links, directed=False)
    found: dict[int, list[int]] = {}
    for index, group in zip(indices.tolist(), belongs.tolist(), strict=True):
        found.setdefault(group, []).append(index)
    return sorted(tuple(group) for group in found.values())


def _copies(
    of: Fingerprints, among: Fingerprints, threshold: float, on_progress: Progress
) -> Iterator[tuple[int, int, Orientation, float]]:
    """Index in ``of``, index in ``among``, orientation, aligned correlation; each pair of one set once."""
    if not len(among):
        return
    within = of is among
    columns = among.thumbs.reshape(len(among), -1).T
    for start in range(0, len(of), _ROWS):
        block = of.thumbs[start : start + _ROWS]
        after = start if within else 0
        for orientation in ORIENTATIONS:
            seen = oriented(block, orientation).reshape(len(block), -1)
            rows, others = np.nonzero(seen @ columns[:, after:] > CANDIDATE_THRESHOLD)
            rows, others = rows + start, others + after
            if within:
                rows, others = rows[rows < others], others[rows < others]
            for some in range(0, len(rows), _PAIRS):
                first, second = rows[some : some + _PAIRS], others[some : some + _PAIRS]
                for index, score in enumerate(_detail_correlation(of, first, among, second, orientation)):
                    if score >= threshold:
                        yield int(first[index]), int(second[index]), orientation, float(score)
        on_progress(min(start + _ROWS, len(of)), len(of))


def _detail_correlation(
    of: Fingerprints, first: np.ndarray, among: Fingerprints, second: np.ndarray, orientation: Orientation
) -> np.ndarray:
    """Correlation of the details of pairs after alignment of their thumbnails."""
    moves = align(oriented(of.thumbs[first], orientation), among.thumbs[second])
    fixed = oriented(of.details[first], orientation).astype(np.float32)
    moved = warp(among.details[second].astype(np.float32), moves)
    return (unit(fixed[:, _EDGE, _EDGE]) * unit(moved[:, _EDGE, _EDGE])).sum(axis=(1, 2))
