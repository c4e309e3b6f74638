"""`tumorscope bundles`: the shipped bundles and their metrics."""

from __future__ import annotations

from typing import Annotated, Any

import typer


def command(
    bundle: Annotated[
        str | None, typer.Argument(help="Show the model card of this bundle: a name or a folder.")
    ] = None,
) -> None:
    """List the shipped bundles, or show one bundle's model card."""
    from rich.console import Console

    from tumorscope.inference.bundles import load_bundle, shipped_bundles

    if bundle is not None:
        Console().print_json(load_bundle(bundle).card.model_dump_json(by_alias=True))
        return
    for found in shipped_bundles():
        card = found.card
        megabytes = sum((found.folder / model.file).stat().st_size for model in card.models) / 1e6
        typer.echo(f"{card.name} {card.version} ({megabytes:.1f} MB): {card.title}")
        typer.echo(f"  input: {', '.join(card.inputs.sequences)}; output: {', '.join(card.outputs)}")
        test = card.metrics.get("test", {})
        metrics: dict[str, Any] = test.get("int8") or test.get("float") or {}
        for name, own in ({"": metrics} if "patients" in metrics else metrics).items():
            _print(own, name)


def _print(metrics: dict[str, Any], dataset: str) -> None:
    """The main metrics of a model card on one data set."""
    where = f" of {dataset}" if dataset else ""
    cases = f"{metrics['patients']} test patients" if metrics["patients"] < metrics["slices"] else "test images"
    typer.echo(f"  on {cases}{where}, {metrics['slices']:,} slices, with 95 % intervals:")
    classes = metrics.get("classes") or {}
    for title, metric, key in (
        ("mean whole-patient Dice", metrics.get("patient_dice"), "mean"),
        ("mean Dice of tumor slices", metrics.get("tumor_slice_dice"), "mean"),
        ("AUROC of slice presence", metrics.get("presence", {}).get("auroc"), "value"),
        ("accuracy of the class", classes.get("accuracy"), "value"),
        ("macro-F1 of the class", classes.get("macro_f1"), "value"),
    ):
        if metric and metric.get(key) is not None:
            typer.echo(f"    {title} {_interval(metric, key)}")


def _interval(metric: dict[str, Any], key: str) -> str:
    value = f"{metric[key]:.3f}"
    return value if metric.get("ci95") is None else f"{value} ({metric['ci95'][0]:.3f}–{metric['ci95'][1]:.3f})"
