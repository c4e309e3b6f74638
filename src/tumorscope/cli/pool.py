"""`tumorscope pool`: one evaluation over the folds of a cross-validation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    folds: Annotated[
        list[Path],
        typer.Argument(
            metavar="EVALUATION...", help="The folder that `evaluate` wrote for each fold.", show_default=False
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for metrics, tables and plots.")] = Path("pooled"),
) -> None:
    """Pool the evaluations of several folds: every case once, metrics over all patients."""
    from tumorscope.cli.evaluate import print_metrics
    from tumorscope.evaluation.evaluation_files import write_report
    from tumorscope.evaluation.pooling import pool

    pooled = pool(folds)
    metrics = write_report(
        pooled.evaluation,
        out,
        part=f"{len(folds)} folds",
        command="tumorscope pool " + " ".join("EVALUATION" for _ in folds),
        copies=pooled.copies,
        pooled=pooled.parts,
    )
    print_metrics(metrics)
    typer.echo(f"Tables and plots: {out / 'evaluation.md'}")
