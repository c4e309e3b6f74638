"""`tumorscope compare`: several evaluations and trainings side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tumorscope.evaluation.compare import Comparison


def command(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Output folders of `evaluate` or `train`.", show_default=False),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for tables and plots.")] = Path("compare"),
) -> None:
    """Compare runs: metrics with intervals, learning curves, ROC, reliability, confusion."""
    from tumorscope.evaluation.compare import compare_runs, write_comparison
    from tumorscope.evaluation.compare_runs import read_runs

    comparison = compare_runs(read_runs(runs))
    plots = write_comparison(comparison, out)
    _print(comparison)
    typer.echo(f"Tables and {len(plots)} plot{'' if len(plots) == 1 else 's'}: {out / 'compare.md'}")


def _print(comparison: Comparison) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from tumorscope.evaluation.compare import metric_rows, origin_rows

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("metric", overflow="fold")
    for run in comparison.runs:
        table.add_column(escape(run.name), overflow="fold")
    for title, cells in origin_rows(comparison.runs):
        table.add_row(title, *map(escape, cells), style="dim")
    for title, cells in metric_rows(comparison, details=False):
        table.add_row(escape(title), *map(escape, cells))
    console = Console(highlight=False)
    console.print(table)
    for warning in comparison.warnings:
        console.print(f"warning: {warning}", style="yellow", markup=False)
