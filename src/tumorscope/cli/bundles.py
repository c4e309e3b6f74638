"""`tumorscope bundles`: which networks there are, and how good they were found to be."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def command(
    bundle: Annotated[str | None, typer.Argument(help="Show one bundle's card whole: a name or a folder.")] = None,
) -> None:
    """List the shipped bundles, or show one bundle's card."""
    from rich.console import Console
    from rich.table import Table

    from tumorscope.bundles import load_bundle, shipped_bundles

    console = Console()
    if bundle is not None:
        found = load_bundle(bundle)
        console.print_json(found.card.model_dump_json(by_alias=True))
        return
    table = Table("bundle", "version", "takes", "gives", "test patients", "Dice (95 %)", "AUROC (95 %)", "MB", box=None)
    for found in shipped_bundles():
        card = found.card
        test = card.figures.get("test", {})
        figures: dict[str, Any] = test.get("int8") or test.get("float") or {}
        megabytes = sum(Path(found.folder / model.file).stat().st_size for model in card.models) / 1e6
        table.add_row(
            card.name,
            card.version,
            ", ".join(card.inputs.sequences),
            ", ".join(card.outputs),
            str(figures.get("patients", "-")),
            _interval(figures.get("patient_dice"), "mean"),
            _interval(figures.get("presence", {}).get("auroc"), "value"),
            f"{megabytes:.1f}",
        )
    console.print(table)


def _interval(figure: dict[str, Any] | None, key: str) -> str:
    if not figure:
        return "-"
    low, high = figure["ci95"]
    return f"{figure[key]:.3f} ({low:.3f}–{high:.3f})"
