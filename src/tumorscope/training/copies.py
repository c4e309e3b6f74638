"""Keeping copies of the pictures one is judged on out of the training."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tumorscope.datasets.labelled import LabelledCase
from tumorscope.files import save_whole

LEFT_OUT_FILE = "left_out.csv"
_COLUMNS = ("case", "copy_of")


def leave_out_copies(parts: Mapping[str, Sequence[LabelledCase]], folder: Path) -> dict[str, list[LabelledCase]]:
    """The parts of a split without pictures that would make judging a matter of memory.

    Copies of test pictures leave training and validation. Of a copy in training and
    validation, the one leaves that does not know its patient, and of two such the one in
    validation. Pictures are compared once; what was found stands in ``left_out.csv``, which a
    resumed training reads again.

    Args:
        parts: cases by ``train``, ``validation`` and ``test``.
        folder: the run's folder.
    """
    path = folder / LEFT_OUT_FILE
    if path.exists():
        with path.open(newline="") as file:
            left_out = {row["case"]: row["copy_of"] for row in csv.DictReader(file)}
    else:
        left_out = find_copies(parts)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows(sorted(left_out.items()))
        save_whole(path, text.getvalue().encode())
    kept = {part: [case for case in cases if case.case not in left_out] for part, cases in parts.items()}
    for part, cases in parts.items():
        print(f"{part}: {len(cases) - len(kept[part])} copies left out", file=sys.stderr)
    return kept


def find_copies(parts: Mapping[str, Sequence[LabelledCase]]) -> dict[str, str]:
    """For each case to be left out, the case that it copies."""
    raise NotImplementedError
