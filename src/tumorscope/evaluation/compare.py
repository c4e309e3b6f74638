"""Several runs side by side: one table of metrics with intervals, and plots that lay them over each other."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tumorscope.core.files import save_together
from tumorscope.core.notice import NOTICE
from tumorscope.evaluation.compare_plots import COMPARE_PLOTS, draw_comparison
from tumorscope.evaluation.compare_runs import ComparedRun, Evaluated
from tumorscope.evaluation.markdown import table
from tumorscope.evaluation.metric_list import OF_CLASS, SPREADS, Metric, interval, list_metrics, number

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
"""How the metrics' names begin, in the order of the table."""
_DETAILS = re.compile(r"of_class\..*\.(precision|recall|auroc)$|^without_copies.*(brier|ece|balanced_accuracy)$")
"""Metrics that would make a table on the terminal too long."""


@dataclass(frozen=True)
class Comparison:
    """Runs and their metrics.

    Attributes:
        runs: in the order asked for.
        metrics: of each run by name, as published and, where copies were left out, under
            ``without_copies.…`` too.
        warnings: why some metrics should not be held against each other.
    """

    runs: tuple[ComparedRun, ...]
    metrics: tuple[dict[str, Metric], ...]
    warnings: tuple[str, ...]

    @property
    def titles(self) -> dict[str, str]:
        """Every figure that any run has, and its title, alike ones together."""
        titles = {name: figure.title for own in self.metrics for name, figure in own.items()}
        return dict(sorted(titles.items(), key=lambda item: _GROUPS.index(item[0].split(".")[0])))


def compare_runs(runs: Sequence[ComparedRun]) -> Comparison:
    """Gather the metrics of all runs, and what is different about how they were found."""
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
                name: {"title": figure.title, "value": figure.value, "ci95": figure.ci95}
                for name, figure in own.items()
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
    """Where each run's metrics come from: a title and a cell a run, those that say something."""
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
    """A title and a cell a run for every figure, or for the main ones: value and interval."""
    return [
        (title, [_value(own.get(name)) for own in comparison.metrics])
        for name, title in comparison.titles.items()
        if details or not _DETAILS.search(name)
    ]


def _metrics(run: ComparedRun) -> dict[str, Metric]:
    found: list[Metric] = []
    if run.evaluated is not None:
        found += list_metrics(run.evaluated.content, of_class=tuple(OF_CLASS))
        clean = run.evaluated.content.get("without_copies")
        for figure in list_metrics(clean, of_class=()) if clean else ():
            title = f"{figure.title}, without copies"
            found.append(
                Metric(f"without_copies.{figure.name}", title, figure.value, figure.ci95, figure.lower_is_better)
            )
    if run.trained is not None:
        for name, title in _BEST.items():
            points = run.trained.curves.get(f"validation/{name}")
            if points:
                found.append(Metric(f"validation.{name}", title, max(value for _, value in points), None, False))
    return {figure.name: figure for figure in found}


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
        origin["run_by"] = f"{content.get('runtime')}, {content.get('precision')}"
        origin["split_hash"] = content.get("split_hash")
    return origin


def _warnings(runs: Sequence[ComparedRun]) -> list[str]:
    warnings = []
    evaluated = [(run.name, run.evaluated) for run in runs if run.evaluated is not None]
    trained = [(run.name, run.trained) for run in runs if run.trained is not None]
    for words, said in (
        ("evaluated on different splits", [(name, _evaluated_on(one)) for name, one in evaluated]),
        ("trained on different splits", [(name, _short(one.summary.get("split_hash"))) for name, one in trained]),
    ):
        if len({what for _, what in said}) > 1:
            listed = ", ".join(f"{name}: {what or 'unknown'}" for name, what in said)
            warnings.append(f"{words} ({listed}); their metrics should not be held against each other")
    alike = len({_evaluated_on(one) for _, one in evaluated}) == 1
    if alike and len({frozenset(row.case for row in one.slices) for _, one in evaluated}) > 1:
        listed = ", ".join(f"{name}: {one.content['cases']}" for name, one in evaluated)
        warnings.append(f"not the same cases were evaluated ({listed}); some of them may have failed")
    return warnings


def _evaluated_on(one: Evaluated) -> str:
    content = one.content
    said = (content["dataset"], content.get("part"), _short(content.get("split_hash")) or "without a split")
    return " ".join(word for word in said if word)


def _short(split_hash: Any) -> str | None:
    return str(split_hash)[:12] if split_hash else None


def _cell(value: Any, key: str) -> str:
    if value is None:
        return "–"
    if key == "split_hash":
        return _short(value) or "–"
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _value(figure: Metric | None) -> str:
    if figure is None:
        return "–"
    return number(figure.value) + (f" ({interval(figure.ci95)})" if figure.ci95 else "")


def _markdown(comparison: Comparison, plots: Sequence[str]) -> str:
    names = [run.name for run in comparison.runs]
    lines = [f"# Comparison of {len(names)} run{'s' if len(names) > 1 else ''}", ""]
    for warning in comparison.warnings:
        lines += [f"**Warning: {warning}.**", ""]
    lines += table(("run", *names), [(title, *cells) for title, cells in origin_rows(comparison.runs)])
    lines += table(("figure", *names), [(title, *cells) for title, cells in metric_rows(comparison)])
    if any(figure.ci95 for own in comparison.metrics for figure in own.values()):
        lines += ["In brackets: 95 % intervals, by bootstrap over patients.", ""]
    lines += [f"![{name.removesuffix('.png').replace('_', ' ')}]({name})" for name in plots]
    return "\n".join([*lines, "", f"*{NOTICE}*", ""])


def _csv(comparison: Comparison) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("run", "figure", "title", "value", "ci95_low", "ci95_high"))
    for run, own in zip(comparison.runs, comparison.metrics, strict=True):
        for name, figure in own.items():
            writer.writerow((run.name, name, figure.title, round(figure.value, 6), *(figure.ci95 or ("", ""))))
    return text.getvalue().encode()
