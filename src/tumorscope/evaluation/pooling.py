"""Pooling of the evaluations of several folds: every case is evaluated once, by a network not trained on it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tumorscope.core.errors import TumorscopeError
from tumorscope.evaluation.compare_runs import read_evaluated
from tumorscope.evaluation.evaluation_files import CASES_FILE
from tumorscope.evaluation.row_files import read_cases
from tumorscope.evaluation.rows import Evaluation, FailedCase


@dataclass(frozen=True)
class Pooled:
    """Several evaluations as input of :func:`tumorscope.evaluation.evaluation_files.write_report`.

    Attributes:
        evaluation: all their rows. Its ``bundle`` and ``version`` are the folds' own if they
            agree; its ``sha256`` is that of all their checksums, one per line.
        copies: cases that are near-copies of training images of their own fold.
        parts: of each evaluation, the bundle, the part, the split's hash and the number of cases.
    """

    evaluation: Evaluation
    copies: dict[str, str]
    parts: tuple[dict[str, Any], ...]


def pool(folders: Sequence[Path]) -> Pooled:
    """Pool the output folders of ``tumorscope evaluate`` for the folds of a cross-validation.

    Metrics of the pooled rows are over all patients, as if one network had evaluated
    them; their intervals resample patients and do not include the variance between trainings.

    Args:
        folders: two or more evaluations of one data set without common cases.

    Raises:
        TumorscopeError: a folder is not an evaluation, or the evaluations do not fit together.
    """
    if len(folders) < 2:
        raise TumorscopeError("pooling needs two or more evaluations")
    evaluated = [read_evaluated(folder) for folder in folders]
    for folder, run in zip(folders, evaluated, strict=True):
        if run.content["dataset"] != evaluated[0].content["dataset"]:
            raise TumorscopeError(f"{folder}: its dataset differs from that of {folders[0]}")
        if run.flips != evaluated[0].flips:
            raise TumorscopeError(f"{folder}: averaged over flips where {folders[0]} is not, or the other way round")
        if run.classes != evaluated[0].classes:
            raise TumorscopeError(f"{folder}: its classes differ from those of {folders[0]}")
    cases = tuple(row for folder in folders for row in read_cases(folder / CASES_FILE))
    twice = [case for case, count in Counter(row.case for row in cases).items() if count > 1]
    if twice:
        raise TumorscopeError(
            f"{len(twice)} cases were evaluated more than once, such as {twice[0]}; pool folds that share none"
        )
    contents = [run.content for run in evaluated]
    bundles = [content["bundle"] for content in contents]
    evaluation = Evaluation(
        dataset=contents[0]["dataset"],
        classes=evaluated[0].classes,
        bundle=_same([bundle["name"] for bundle in bundles]),
        version=_same([bundle["version"] for bundle in bundles]),
        sha256=hashlib.sha256("\n".join(bundle["sha256"] for bundle in bundles).encode()).hexdigest(),
        runtime=_same([content["runtime"] for content in contents]),
        precision=_same([content["precision"] for content in contents]),
        cases=cases,
        slices=tuple(row for run in evaluated for row in run.slices),
        failed=tuple(FailedCase(**item) for content in contents for item in content["failed"]),
        flips=evaluated[0].flips,
    )
    copies = {case: original for content in contents for case, original in content["copies"].items()}
    parts = tuple({key: content[key] for key in ("bundle", "part", "split_hash", "cases")} for content in contents)
    return Pooled(evaluation, copies, parts)


def _same(names: Sequence[str]) -> str:
    """The common name, or all of them.

    >>> _same(["t1c", "t1c"]), _same(["a", "b", "a"])
    ('t1c', 'a, b')
    """
    return ", ".join(dict.fromkeys(names))
