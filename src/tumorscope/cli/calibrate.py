"""`tumorscope calibrate`: calibrate a bundle's probabilities on other patients, without training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tumorscope.cli.datafolders import DatasetArgument
from tumorscope.core.errors import TumorscopeError


def command(
    dataset: DatasetArgument,
    path: Annotated[Path, typer.Argument(help="Its folder.")],
    bundle: Annotated[str, typer.Option(help="A shipped bundle's name, or a bundle's folder.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The calibrated bundle's folder.")],
    split: Annotated[Path | None, typer.Option(help="A split's JSON file; the bundle's own if not given.")] = None,
    part: Annotated[str, typer.Option(help="The split's part to calibrate on; `all` takes every patient.")] = (
        "validation"
    ),
) -> None:
    """Write a copy of a bundle with temperatures fitted to validation patients, and print their effect."""
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

    from tumorscope.datasets.registry import open_dataset
    from tumorscope.datasets.split import Split
    from tumorscope.evaluation.recalibration import PLOT_FILE, recalibrate, write_recalibrated
    from tumorscope.inference.bundles import load_bundle
    from tumorscope.inference.engine import load_engine
    from tumorscope.interface.evaluating import cases_of_part

    if part == "test":
        raise TumorscopeError("--part test: test patients are for evaluation; calibrate on others")
    engine = load_engine(load_bundle(bundle))
    if out.exists():
        raise TumorscopeError(f"{out}: exists; name another folder with -o")
    chosen = Split.load(split or engine.bundle.folder / "split.json") if part != "all" else None
    cases = cases_of_part(open_dataset(dataset, path), chosen, part)
    with Progress(transient=True) as progress:
        task = progress.add_task("cases", total=len(cases))
        fitted = recalibrate(engine, cases, lambda: progress.advance(task))
    written = write_recalibrated(engine.bundle, fitted, out)
    table = Table("", "temperature", "ECE before", "ECE after", box=None, pad_edge=False, header_style="bold")
    if fitted.presence is not None:
        presence = fitted.presence
        table.add_row(
            "presence", f"{presence.temperature:.3f}", f"{presence.ece_before:.4f}", f"{presence.ece_after:.4f}"
        )
    if fitted.classes is not None:
        metrics = fitted.classes
        table.add_row(
            "class", f"{metrics['temperature']:.3f}", f"{metrics['ece_before']:.4f}", f"{metrics['ece_after']:.4f}"
        )
    console = Console()
    console.print(f"{len(cases)} cases, {fitted.slices} slices")
    console.print(table)
    if fitted.classes is not None and fitted.classes["accuracy_of_named"] is not None:
        console.print(
            f"A class is named from confidence {fitted.type_confidence:.2f} on: {100 * fitted.classes['coverage']:.0f} % of slices, "
            f"of which {100 * fitted.classes['accuracy_of_named']:.1f} % correctly"
        )
    typer.echo(f"Saved: bundle {written.name} in {out}; plot: {out / PLOT_FILE}")
