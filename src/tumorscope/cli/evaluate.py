"""`tumorscope evaluate`: evaluate a bundle, through the same engine as in inference."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tumorscope.cli.analyze import EngineChoice, EngineOption, FlipsOption, PrecisionChoice, PrecisionOption
from tumorscope.cli.datafolders import DatasetArgument, LabelsOption, PathArgument, PatientsOption, own_data_options
from tumorscope.core.errors import TumorscopeError

if TYPE_CHECKING:
    import numpy as np

    from tumorscope.datasets.labeled import LabeledCase, LabeledDataset
    from tumorscope.datasets.split import Split


def command(
    dataset: DatasetArgument,
    path: PathArgument,
    bundle: Annotated[str, typer.Option(help="A shipped bundle's name, or a bundle's folder.")] = "lgg",
    split: Annotated[Path | None, typer.Option(help="A split's JSON file; the bundle's own if not given.")] = None,
    part: Annotated[str, typer.Option(help="The split's part to evaluate on, or `all` for every patient.")] = "test",
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for metrics, tables and plots.")] = Path(
        "evaluation"
    ),
    channel: Annotated[
        str | None, typer.Option(help="Use only this sequence of a data set of several, such as flair.")
    ] = None,
    copies: Annotated[
        bool,
        typer.Option("--copies/--no-copies", help="Also evaluate without images and persons of the training set."),
    ] = True,
    save_masks: Annotated[
        Path | None, typer.Option(help="Also write every segmentation to this .npz file, one array per case.")
    ] = None,
    patients: PatientsOption = None,
    labels: LabelsOption = None,
    flips: FlipsOption = False,
    engine: EngineOption = EngineChoice.auto,
    precision: PrecisionOption = PrecisionChoice.auto,
) -> None:
    """Evaluate a bundle on patients of a data set: metrics with intervals, tables, plots."""
    from rich.progress import Progress

    from tumorscope.core.files import save_whole
    from tumorscope.datasets.combined import CombinedDataset, notes_of
    from tumorscope.datasets.own_options import PATIENTS_FILE
    from tumorscope.datasets.registry import open_dataset
    from tumorscope.datasets.split import Split
    from tumorscope.evaluation import evaluate
    from tumorscope.evaluation.map_sanity import check_maps
    from tumorscope.evaluation.report import write_report
    from tumorscope.inference.bundles import load_bundle
    from tumorscope.inference.engine import load_engine

    loaded = load_engine(load_bundle(bundle), engine.value, precision.value)
    name = loaded.bundle.name
    listed = loaded.bundle.folder / PATIENTS_FILE
    known = patients or (listed if listed.exists() else None)
    own = own_data_options(known, labels or loaded.bundle.card.training.get("labels"))
    opened = open_dataset(dataset, path, own)
    dataset = opened.name
    for note in notes_of(opened):
        typer.echo(note, err=True)
    chosen = Split.load(split or loaded.bundle.folder / "split.json") if part != "all" else None
    if channel is not None:
        opened = CombinedDataset.join({dataset: opened}, {dataset: (channel,)})
    cases = cases_of_part(opened, chosen, part)
    masks: dict[str, np.ndarray] = {}
    with Progress(transient=True) as progress:
        task = progress.add_task("cases", total=len(cases))
        keep = masks.__setitem__ if save_masks is not None else lambda case, mask: None
        evaluation = evaluate(opened, cases, loaded, lambda _case: progress.advance(task), keep, flips=flips)
    if save_masks is not None:
        save_whole(save_masks, _archive(masks))
    seen = None
    if copies and chosen is not None and part != "train":
        from tumorscope.training.copies import LEFT_OUT_FILE, read_left_out, seen_in_training

        left_out = loaded.bundle.folder / LEFT_OUT_FILE
        known = read_left_out(left_out) if left_out.exists() else {}
        seen = seen_in_training(cases, cases_of_part(opened, chosen, "train"), known, dataset)
    command_line = f"tumorscope evaluate {dataset} PATH --bundle {name} --part {part}"
    metrics = write_report(
        evaluation,
        out,
        split_hash=None if chosen is None else chosen.hash,
        part=part,
        command=command_line + (f" --channel {channel}" if channel else "") + (" --flips" if flips else ""),
        copies=seen,
        sanity=check_maps(loaded, cases),
    )
    print_metrics(metrics)
    typer.echo(f"Tables and plots: {out / 'evaluation.md'}")
    if evaluation.failed:
        raise TumorscopeError(
            f"{len(evaluation.failed)} of {len(cases)} cases could not be evaluated; see {out / 'evaluation.md'}"
        )


def cases_of_part(dataset: LabeledDataset, split: Split | None, part: str) -> list[LabeledCase]:
    """The cases of a part of a split, or all without one.

    A split of several data sets has their names as prefixes; patients of other data sets are skipped.

    Raises:
        BadSplit: it has no patients of this data set, or one patient in two parts.
    """
    from tumorscope.core.errors import BadSplit
    from tumorscope.datasets.combined import CombinedDataset
    from tumorscope.datasets.labeled import cases_of, check_split
    from tumorscope.datasets.split import Split

    if split is None:
        return list(dataset.cases)
    joint_split, joint_names = "+" in split.dataset, isinstance(dataset, CombinedDataset)
    prefix = f"{dataset.name}/"

    def own(names: Sequence[str]) -> tuple[str, ...]:
        if joint_split:
            names = [name for name in names if name.startswith(prefix)]
        if joint_split == joint_names:
            return tuple(names)
        return tuple(name.removeprefix(prefix) if joint_split else f"{prefix}{name}" for name in names)

    here = Split(dataset.name, {name: own(patients) for name, patients in split.parts.items()})
    if joint_split and not here[part]:
        raise BadSplit(f"the split's part {part!r} has no patients of {dataset.name}")
    check_split(dataset, here)
    return cases_of(dataset, here[part])


def _archive(masks: Mapping[str, np.ndarray]) -> bytes:
    import numpy as np

    content = io.BytesIO()
    np.savez_compressed(content, **masks)  # type: ignore[arg-type]
    return content.getvalue()


def print_metrics(metrics: dict[str, Any]) -> None:
    """Print the defined metrics of an evaluation as a table."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    count = f"{metrics['patients']} patients" if metrics["patients"] < metrics["cases"] else f"{metrics['cases']} cases"
    console.print(f"{count}, {metrics['slices']} slices, {metrics['runtime']} {metrics['precision']}")
    without = metrics.get("without_copies")
    columns = ["value", "95 % interval"]
    if without:
        columns += [f"without training data ({without['cases']} cases)", "95 % interval"]
    table = Table("metric", *columns, box=None, pad_edge=False, header_style="bold")
    rows_without = _rows(without) if without else {}
    for name, cells in _rows(metrics).items():
        table.add_row(name, *cells, *(rows_without.get(name, ("", "")) if without else ()))
    console.print(table)


def _rows(metrics: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """The title of each defined metric, with its value and interval."""
    from tumorscope.evaluation.metric_list import informative_presence

    classes, informative = metrics.get("classes") or {}, informative_presence(metrics["presence"])
    wanted = {
        "whole-patient Dice, mean": (metrics.get("patient_dice"), "mean"),
        "whole-patient Dice, median": (metrics.get("patient_dice"), "median"),
        "Dice on slices with tumor, mean": (metrics.get("tumor_slice_dice"), "mean"),
        "Dice on slices with tumor, median": (metrics.get("tumor_slice_dice"), "median"),
        **{
            f"{name}, whole-patient Dice, mean": (own.get("patient_dice"), "mean")
            for name, own in (metrics.get("compartments") or {}).items()
        },
        "false-positive rate on slices without": (metrics.get("empty_slice_false_positive_rate"), "value"),
        **{
            f"presence, {title}": (metrics["presence"].get(name), "value")
            for name, title in (("auroc", "AUROC"), ("accuracy", "accuracy"), ("sensitivity", "sensitivity"))
            if name in informative
        },
        "class, accuracy": (classes.get("accuracy"), "value"),
        "class, balanced accuracy": (classes.get("balanced_accuracy"), "value"),
        "class, macro-F1": (classes.get("macro_f1"), "value"),
        "class, calibration error": (classes.get("ece"), "value"),
    }
    rows = {}
    for name, (metric, key) in wanted.items():
        if metric and metric.get(key) is not None:
            interval = metric.get("ci95") if key != "median" else None
            rows[name] = (f"{metric[key]:.4f}", f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else "")
    return rows
