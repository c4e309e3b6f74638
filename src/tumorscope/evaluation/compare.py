"""Comparison of several runs: one table of metrics with intervals, and common plots."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tumorscope.core.files import save_together
from tumorscope.core.notice import NOTICE
from tumorscope.evaluation.compare_plots import COMPARE_PLOTS, draw_comparison
from tumorscope.evaluation.compare_runs import ComparedRun, Evaluated
from tumorscope.evaluation.markdown import table, value_and_interval
from tumorscope.evaluation.metric_list import OF_CLASS, SPREADS, Metric, list_metrics

COMPARE_SCHEMA = "tumorscope.compare/1"
_BEST = {
    "score": "best validation score",
    "dice": "best validation Dice",
    "macro_f1": "best validation macro-F1",
    "auroc": "best validation AUROC",
    "accuracy": "best validation accuracy",
}


_GROUPS = (
    *SPREADS,
    "empty_slice_false_positive_rate",
    "classes",
    "presence",
    "activation",
    "without_copies",
    "validation",
)
"""First parts of the metrics' names, in the order of the table."""
_DETAILS = re.compile(r"of_class\..*\.(precision|recall|auroc)$|^without_copies.*(brier|ece|balanced_accuracy)$")
"""Metrics that the table on the terminal omits."""


@dataclass(frozen=True)
class Comparison:
    """Runs and their metrics.

    Attributes:
        runs: in the given order.
        metrics: of each run by name; those without copies have names ``without_copies.…``.
        warnings: the reasons why some metrics are not comparable.
    """

    runs: tuple[ComparedRun, ...]
    metrics: tuple[dict[str, Metric], ...]
    warnings: tuple[str, ...]

    @property
    def titles(self) -> dict[str, str]:
        """The titles of all metrics of all runs, in the order of the table."""
        titles = {name: metric.title for own in self.metrics for name, metric in own.items()}
        return dict(sorted(titles.items(), key=lambda item: _GROUPS.index(item[0].split(".")[0])))


def compare_runs(runs: Sequence[ComparedRun]) -> Comparison:
    """The metrics of all runs, with warnings about differences in their evaluation."""
    return Comparison(tuple(runs), tuple(_metrics(run) for run in runs), tuple(_warnings(runs)))


def write_comparison(comparison: Comparison, folder: Path) -> list[str]:
    """Write ``compare.md``, ``compare.csv``, ``compare.json`` and plots; all appear together or none does.

    Returns:
        The names of the plots.

    Raises:
        TumorscopeError: the folder cannot be written.
    """
    plots = draw_comparison(comparison.runs)
    content = {
        "schema": COMPARE_SCHEMA,
        "runs": [{"name": run.name, **_origin(run)} for run in comparison.runs],
        "warnings": list(comparison.warnings),
        "metrics": {
            run.name: {
                name: {"title": metric.title, "value": metric.value, "ci95": metric.ci95}
                for name, metric in own.items()
            }
            for run, own in zip(comparison.runs, comparison.metrics, strict=True)
        },
        "notice": NOTICE,
    }
    save_together(
        folder,
        {
            **plots,
            "compare.csv": _csv(comparison),
            "compare.md": _markdown(comparison, list(plots)).encode(),
            "compare.json": (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode(),
        },
        outdated=tuple(name for name in COMPARE_PLOTS if name not in plots),
    )
    return list(plots)


def origin_rows(runs: Sequence[ComparedRun]) -> list[tuple[str, list[str]]]:
    """The origin of each run's metrics: a title and one cell per run, without empty rows."""
    origins = [_origin(run) for run in runs]
    titles = {
        "bundle": "bundle",
        "recipe": "recipe",
        "network": "network",
        "evaluated_on": "evaluated on",
        "split_hash": "split",
        "cases": "cases evaluated",
        "run_by": "run by",
        "parameters": "parameters",
        "epochs": "epochs",
        "minutes": "minutes of training",
    }
    return [
        (title, [_cell(origin.get(key), key) for origin in origins])
        for key, title in titles.items()
        if any(origin.get(key) is not None for origin in origins)
    ]


def metric_rows(comparison: Comparison, *, details: bool = True) -> list[tuple[str, list[str]]]:
    """A title and one cell per run for every metric, or for the main ones: value and interval."""
    return [
        (title, [value_and_interval(own.get(name)) for own in comparison.metrics])
        for name, title in comparison.titles.items()
        if details or not _DETAILS.search(name)
    ]


def _metrics(run: ComparedRun) -> dict[str, Metric]:
    metrics: list[Metric] = []
    if run.evaluated is not None:
        metrics += list_metrics(run.evaluated.content, of_class=tuple(OF_CLASS))
        clean = run.evaluated.content.get("without_copies")
        metrics += [
            replace(metric, name=f"without_copies.{metric.name}", title=f"{metric.title}, without copies")
            for metric in (list_metrics(clean, of_class=()) if clean else ())
        ]
    if run.trained is not None:
        for name, title in _BEST.items():
            points = run.trained.curves.get(f"validation/{name}")
            if points:
                metrics.append(Metric(f"validation.{name}", title, max(value for _, value in points), None, False))
    return {metric.name: metric for metric in metrics}


def _origin(run: ComparedRun) -> dict[str, Any]:
    origin: dict[str, Any] = {}
    if run.trained is not None:
        recipe, summary = run.trained.recipe, run.trained.summary
        origin["recipe"] = recipe.get("name")
        origin["network"] = (recipe.get("network") or {}).get("kind")
        origin |= {key: summary.get(key) for key in ("split_hash", "parameters", "epochs", "minutes")}
    if run.evaluated is not None:
        content = run.evaluated.content
        bundle = content["bundle"]
        origin["bundle"] = f"{bundle.get('name')} {bundle.get('version')}"
        origin["evaluated_on"] = (
            f"{content['dataset']}, {content['part']}" if content.get("part") else content["dataset"]
        )
        origin["cases"] = content["cases"]
        averaged = ", averaged over flips" if run.evaluated.flips else ""
        origin["run_by"] = f"{content.get('runtime')}, {content.get('precision')}{averaged}"
        origin["split_hash"] = content.get("split_hash")
    return origin


def _warnings(runs: Sequence[ComparedRun]) -> list[str]:
    warnings = []
    evaluated = [(run.name, run.evaluated) for run in runs if run.evaluated is not None]
    trained = [(run.name, run.trained) for run in runs if run.trained is not None]
    for words, splits in (
        ("evaluated on different splits", [(name, _evaluated_on(run)) for name, run in evaluated]),
        ("trained on different splits", [(name, _short(run.summary.get("split_hash"))) for name, run in trained]),
    ):
        if len({split for _, split in splits}) > 1:
            listed = ", ".join(f"{name}: {split or 'unknown'}" for name, split in splits)
            warnings.append(f"{words} ({listed}); their metrics are not comparable")
    same_split = len({_evaluated_on(run) for _, run in evaluated}) == 1
    if same_split and len({frozenset(row.case for row in run.slices) for _, run in evaluated}) > 1:
        listed = ", ".join(f"{name}: {run.content['cases']}" for name, run in evaluated)
        warnings.append(f"not the same cases were evaluated ({listed}); some of them may have failed")
    return warnings


def _evaluated_on(run: Evaluated) -> str:
    content = run.content
    words = (content["dataset"], content.get("part"), _short(content.get("split_hash")) or "without a split")
    return " ".join(word for word in words if word)


def _short(split_hash: Any) -> str | None:
    return str(split_hash)[:12] if split_hash else None


def _cell(value: Any, key: str) -> str:
    if value is None:
        return "–"
    if key == "split_hash":
        return _short(value) or "–"
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _markdown(comparison: Comparison, plots: Sequence[str]) -> str:
    names = [run.name for run in comparison.runs]
    lines = [f"# Comparison of {len(names)} run{'s' if len(names) > 1 else ''}", ""]
    for warning in comparison.warnings:
        lines += [f"**Warning: {warning}.**", ""]
    lines += table(("run", *names), [(title, *cells) for title, cells in origin_rows(comparison.runs)])
    lines += table(("metric", *names), [(title, *cells) for title, cells in metric_rows(comparison)])
    if any(metric.ci95 for own in comparison.metrics for metric in own.values()):
        lines += ["In brackets: 95 % intervals, by bootstrap over patients.", ""]
    lines += [f"![{name.removesuffix('.png').replace('_', ' ')}]({name})" for name in plots]
    return "\n".join([*lines, "", f"*{NOTICE}*", ""])


def _csv(comparison: Comparison) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("run", "metric", "title", "value", "ci95_low", "ci95_high"))
    for run, own in zip(comparison.runs, comparison.metrics, strict=True):
        for name, metric in own.items():
            writer.writerow((run.name, name, metric.title, round(metric.value, 6), *(metric.ci95 or ("", ""))))
    return text.getvalue().encode()
