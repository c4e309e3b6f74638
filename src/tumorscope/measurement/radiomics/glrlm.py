"""The gray level run length matrix, GLRLM (IBSI 3.7; Galloway 1975)."""

from __future__ import annotations

import numpy as np

from tumorscope.measurement.radiomics.aggregation import Offset, by_direction
from tumorscope.measurement.radiomics.counts import Counts, count, emphases, merge

RUN_TAGS = [
    "sre",
    "lre",
    "lgre",
    "hgre",
    "srlge",
    "srhge",
    "lrlge",
    "lrhge",
    "glnu",
    "glnu_norm",
    "rlnu",
    "rlnu_norm",
    "r_perc",
    "gl_var",
    "rl_var",
    "rl_entr",
]


def run_lengths(levels: np.ndarray, aggregation: str) -> dict[str, float]:
    """The 16 features; arguments as in :func:`tumorscope.measurement.radiomics.cooccurrence.cooccurrence`."""
    return by_direction(levels, aggregation, run_length_matrix, merge, _features)


def run_length_matrix(levels: np.ndarray, offset: Offset) -> Counts:
    """Runs of one level along a direction.

    Voxels are sorted by their line and their position on it; a run ends where
    the line, the level or the chain of places ends.

    Args:
        levels: ``(slice, row, column)``, 0 outside the region.
        offset: one step along the direction; its first step that is not 0 is 1 or -1.
    """
    places = np.argwhere(levels > 0)
    step = np.array(offset)
    axis = int(np.flatnonzero(step)[0])
    along = places[:, axis] * step[axis]
    lines = places - along[:, None] * step
    order = np.lexsort((along, *lines.T))
    along, lines, level = along[order], lines[order], levels[levels > 0][order]
    ends = (np.diff(lines, axis=0) != 0).any(axis=1) | (np.diff(along) != 1) | (np.diff(level) != 0)
    starts = np.flatnonzero(np.concatenate([[True], ends]))
    return count(level[starts], np.diff(np.append(starts, len(level))), len(level))


def _features(counts: Counts) -> dict[str, float]:
    return {f"rlm_{name}": value for name, value in zip(RUN_TAGS, emphases(counts), strict=True)}
