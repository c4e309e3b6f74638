"""`tumorscope consistency`: consistency of findings under changes of contrast, resolution and orientation."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tumorscope.cli.analyze import EngineChoice, EngineOption, PrecisionChoice, PrecisionOption
from tumorscope.cli.datafolders import DatasetArgument

if TYPE_CHECKING:
    from tumorscope.evaluation.consistency import ConsistencyRow

_TITLES = {
    "still_found": "still found",
    "agreement": "Dice before-after",
    "dice_before": "Dice before",
    "dice": "Dice after",
    "false_alarms_before": "false alarms before",
    "false_alarms": "after",
    "refused": "refused",
}


def command(
    dataset: DatasetArgument,
    path: Annotated[Path, typer.Argument(help="Its folder.")],
    bundle: Annotated[str, typer.Option(help="A shipped bundle's name, or a bundle's folder.")] = "lgg",
    split: Annotated[Path | None, typer.Option(help="A split's JSON file; the bundle's own if not given.")] = None,
    part: Annotated[str, typer.Option(help="The split's part; `all` takes every patient.")] = "test",
    channel: Annotated[
        str | None, typer.Option(help="Use only this sequence of a data set of several, such as flair.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Number of cases, spread over the part.")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for consistency.json and consistency.md.")] = Path(
        "consistency"
    ),
    engine: EngineOption = EngineChoice.auto,
    precision: PrecisionOption = PrecisionChoice.auto,
) -> None:
    """Analyze cases before and after changes of contrast, resolution and orientation, and compare."""
    import numpy as np
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

    from tumorscope.core.files import save_together
    from tumorscope.datasets.combined import CombinedDataset
    from tumorscope.datasets.registry import open_dataset
    from tumorscope.datasets.split import Split
    from tumorscope.evaluation.consistency import CHANGES, compare_changes, summarize_changes
    from tumorscope.inference.bundles import load_bundle
    from tumorscope.inference.engine import load_engine
    from tumorscope.interface.evaluating import cases_of_part

    loaded = load_engine(load_bundle(bundle), engine.value, precision.value)
    opened = open_dataset(dataset, path)
    chosen = Split.load(split or loaded.bundle.folder / "split.json") if part != "all" else None
    if channel is not None:
        opened = CombinedDataset.join({dataset: opened}, {dataset: (channel,)})
    cases = cases_of_part(opened, chosen, part)
    if limit is not None and limit < len(cases):
        cases = [cases[index] for index in np.linspace(0, len(cases) - 1, limit).astype(int)]
    with Progress(transient=True) as progress:
        task = progress.add_task("cases", total=len(cases))
        compared = compare_changes(cases, loaded, CHANGES, lambda: progress.advance(task))
    rows, count = summarize_changes(compared), len({row.case for row in compared})
    shown = [name for name in _TITLES if any(getattr(row, name) is not None for row in rows)]
    table = Table("change", *(_TITLES[name] for name in shown), box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(row.change, *_cells(row, shown))
    Console().print(table)
    if count < len(cases):
        typer.echo(f"{len(cases) - count} of {len(cases)} cases could not be read and are not in the table", err=True)
    content = {
        "schema": "tumorscope.consistency/1",
        "bundle": loaded.bundle.name,
        "sha256": loaded.bundle.sha256,
        "dataset": dataset,
        "part": part,
        "cases": count,
        "rows": [asdict(row) for row in rows],
    }
    lines = [
        f"| change | {' | '.join(_TITLES[name] for name in shown)} |",
        f"|---|{'---|' * len(shown)}",
        *(f"| {row.change} | {' | '.join(_cells(row, shown))} |" for row in rows),
    ]
    save_together(
        out,
        {
            "consistency.json": (json.dumps(content, indent=1) + "\n").encode(),
            "consistency.md": ("\n".join(lines) + "\n").encode(),
        },
    )
    typer.echo(f"Saved: {out / 'consistency.json'}, {out / 'consistency.md'}")


def _cells(row: ConsistencyRow, shown: list[str]) -> list[str]:
    values = (getattr(row, name) for name in shown)
    return ["" if value is None else f"{value:.3f}" for value in values]
