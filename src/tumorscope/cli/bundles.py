"""`tumorscope bundles`: which networks there are, and how good they were found to be."""

from __future__ import annotations

from typing import Annotated, Any

import typer


def command(
    bundle: Annotated[str | None, typer.Argument(help="Show one bundle's card whole: a name or a folder.")] = None,
) -> None:
    """List the shipped bundles, or show one bundle's card."""
    from rich.console import Console

    from tumorscope.bundles import load_bundle, shipped_bundles

    if bundle is not None:
        Console().print_json(load_bundle(bundle).card.model_dump_json(by_alias=True))
        return
    for found in shipped_bundles():
        card = found.card
        megabytes = sum((found.folder / model.file).stat().st_size for model in card.models) / 1e6
        typer.echo(f"{card.name} {card.version} ({megabytes:.1f} MB): {card.title}")
        typer.echo(f"  takes {', '.join(card.inputs.sequences)}; gives {', '.join(card.outputs)}")
        test = card.figures.get("test", {})
        figures: dict[str, Any] = test.get("int8") or test.get("float") or {}
        if figures:
            typer.echo(f"  on {figures['patients']} test patients, with 95 % intervals:")
            typer.echo(f"    mean whole-patient Dice {_interval(figures.get('patient_dice'), 'mean')}")
            typer.echo(f"    AUROC of slice presence {_interval(figures.get('presence', {}).get('auroc'), 'value')}")


def _interval(figure: dict[str, Any] | None, key: str) -> str:
    if not figure:
        return "-"
    low, high = figure["ci95"]
    return f"{figure[key]:.3f} ({low:.3f}–{high:.3f})"
