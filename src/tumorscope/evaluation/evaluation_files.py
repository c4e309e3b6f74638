"""The files of an evaluation: JSON, CSV, Markdown and plots."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tumorscope.core.files import save_together
from tumorscope.core.notice import NOTICE
from tumorscope.evaluation.markdown import markdown
from tumorscope.evaluation.metric_summary import summarize, without
from tumorscope.evaluation.plots import PLOTS, draw_plots
from tumorscope.evaluation.row_files import cases_csv, slices_csv
from tumorscope.evaluation.rows import Evaluation

SCHEMA = "tumorscope.evaluation/3"
REPORT_FILE, SLICES_FILE, CASES_FILE = "evaluation.json", "slices.csv", "cases.csv"
_EARLIER = ("patients.csv",)
"""Files of earlier versions, which are removed."""


def write_report(
    evaluation: Evaluation,
    folder: Path,
    *,
    split_hash: str | None = None,
    part: str | None = None,
    bundle_folder: str | None = None,
    command: str | None = None,
    copies: Mapping[str, str] | None = None,
    sanity: dict[str, Any] | None = None,
    pooled: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Write ``evaluation.json``, ``evaluation.md``, ``cases.csv``, ``slices.csv`` and plots.

    All files appear together or none does.

    Args:
        evaluation: from :func:`tumorscope.evaluation.evaluate`.
        folder: created if necessary.
        split_hash: of the split.
        part: of the split.
        bundle_folder: the name of the folder of a bundle that does not ship; two of one name are told apart by it.
        command: the command that gives the same metrics.
        copies: cases that are near-copies of training images, each with that image; if given, all
            metrics are also computed without these cases. Names of other cases are ignored.
        sanity: from :func:`tumorscope.evaluation.map_sanity.check_maps`.
        pooled: the evaluations that were pooled, from :func:`tumorscope.evaluation.pooling.pool`.

    Returns:
        The content of ``evaluation.json``: the origin of the metrics, the metrics of
        :func:`tumorscope.evaluation.summarize`, and under ``without_copies`` the
        same metrics without the cases in ``copies``; None if all or none are copies.

    Raises:
        TumorscopeError: the folder cannot be written.
    """
    evaluated = {row.case for row in evaluation.cases}
    copied = {case: original for case, original in sorted((copies or {}).items()) if case in evaluated}
    content = {
        "schema": SCHEMA,
        "dataset": evaluation.dataset,
        "part": part,
        "split_hash": split_hash,
        "bundle": {
            "name": evaluation.bundle,
            "version": evaluation.version,
            "sha256": evaluation.sha256,
            **({"folder": bundle_folder} if bundle_folder else {}),
        },
        "runtime": evaluation.runtime,
        "precision": evaluation.precision,
        "flips": evaluation.flips,
        "command": command,
        **({"pooled": list(pooled)} if pooled else {}),
        **summarize(evaluation),
        "sanity": sanity,
        "copies": copied,
        "without_copies": _without(evaluation, copied),
        "notice": NOTICE,
    }
    plots = draw_plots(evaluation)
    save_together(
        folder,
        {
            **plots,
            CASES_FILE: cases_csv(evaluation.cases),
            SLICES_FILE: slices_csv(evaluation.slices, evaluation.classes),
            "evaluation.md": markdown(evaluation, content, list(plots)).encode(),
            REPORT_FILE: (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode(),
        },
        outdated=(*_EARLIER, *(name for name in PLOTS if name not in plots)),
    )
    return content


def _without(evaluation: Evaluation, copied: Mapping[str, str]) -> dict[str, Any] | None:
    kept = without(evaluation, copied)
    if not copied or not kept.cases:
        return None
    metrics = summarize(kept)
    return {name: value for name, value in metrics.items() if name not in ("policy", "definitions", "failed")}
