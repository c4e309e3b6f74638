"""`tumorscope datasets`: describe, count, preview, split and download data sets, and find copies in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tumorscope.cli import duplicates
from tumorscope.cli.datafolders import DatasetArgument, LabelsOption, PathArgument, PatientsOption

if TYPE_CHECKING:
    from PIL import Image

    from tumorscope.datasets.labeled import FoldedDataset
    from tumorscope.datasets.registry import DatasetEntry

app = typer.Typer(
    help="Describe, download, count, preview and split data sets.", no_args_is_help=True, rich_markup_mode=None
)

SeedOption = Annotated[int, typer.Option(help="Random seed.")]


@app.command("list")
def list_datasets(
    markdown: Annotated[bool, typer.Option("--markdown", help="As the Markdown table of the documentation.")] = False,
) -> None:
    """List the data sets with their contents, published splits and licenses."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from tumorscope.datasets.registry import dataset_entries, markdown_table

    if markdown:
        typer.echo(markdown_table(), nl=False)
        return
    table = Table("name", "contents", "published split", "license", box=None, pad_edge=False, header_style="bold")
    for entry in dataset_entries():
        contents = entry.title if entry.own is None else f"{entry.title}: {entry.layout.replace('`', '')}"
        table.add_row(*map(escape, (entry.name, contents, entry.published_split or "none", entry.license)))
    Console(highlight=False).print(table)


@app.command()
def summary(
    dataset: DatasetArgument,
    path: PathArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for summary.json and summary.md.")] = Path("summary"),
    patients: PatientsOption = None,
    labels: LabelsOption = None,
) -> None:
    """Count patients, images, classes, planes, sequences, masks and tumors; show storage formats and what is missing."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from tumorscope.datasets.registry import entry_at

    entry = entry_at(dataset, path)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("opening", total=None)
        opened = _open(entry, path, patients, labels)
        progress.update(task, description="reading", total=len(opened.cases))
        report = entry.summarize(opened, lambda _case: progress.advance(task))
    report.print(Console())
    report.save(out)
    typer.echo(f"Saved: {out / 'summary.json'}, {out / 'summary.md'}")


@app.command()
def preview(
    dataset: DatasetArgument,
    path: PathArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="The image to write.")] = Path("preview.png"),
    count: Annotated[
        int, typer.Option(min=1, max=50, help="Number of patients; of single images, the number per class.")
    ] = 6,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="Also draw slices as this recipe prepares and augments them, before and after CLAHE, "
            "to a second image, ...-augmented.png."
        ),
    ] = None,
    seed: SeedOption = 0,
    patients: PatientsOption = None,
    labels: LabelsOption = None,
) -> None:
    """Draw scans, masks and overlays side by side, or some images of each class; with --recipe what training makes of them."""
    from tumorscope.datasets.registry import entry_at

    entry = entry_at(dataset, path)
    opened = _open(entry, path, patients, labels)
    shown = None
    if recipe is not None:
        from tumorscope.recipes.experiment import load_recipe

        shown = load_recipe(recipe)
    _save_image(entry.draw_preview(opened, count, seed), out)
    if shown is not None:
        from tumorscope.training.augmentation_preview import draw_augmentation_preview

        second = out.with_name(f"{out.stem}-augmented{out.suffix}")
        _save_image(draw_augmentation_preview(opened, shown, count, seed), second)


def _save_image(sheet: Image.Image, out: Path) -> None:
    import io

    from tumorscope.core.files import save_whole

    content = io.BytesIO()
    sheet.save(content, "PNG")
    save_whole(out, content.getvalue())
    typer.echo(f"Saved: {out}")


@app.command()
def split(
    dataset: DatasetArgument,
    path: PathArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="The JSON file to write.")] = Path("split.json"),
    folds: Annotated[
        int, typer.Option(min=0, max=20, help="Number of folds, instead of one split; published folds are kept.")
    ] = 0,
    fold: Annotated[
        int | None, typer.Option(min=0, max=4, help="Of five folds, the one to test on; the others train and validate.")
    ] = None,
    holdout: Annotated[
        float | None, typer.Option(min=0.01, max=0.99, help="Fraction of the patients to test on.")
    ] = None,
    seed: SeedOption = 0,
    patients: PatientsOption = None,
    labels: LabelsOption = None,
) -> None:
    """Write a stratified split of the patients for training and evaluation."""
    from tumorscope.core.errors import TumorscopeError
    from tumorscope.core.files import save_whole
    from tumorscope.datasets.holdout import holdout_split
    from tumorscope.datasets.registry import entry_at

    if bool(folds) + (fold is not None) + (holdout is not None) > 1:
        raise TumorscopeError(
            "--folds, --fold and --holdout: give one of them; --fold K is one split with fold K to test"
        )
    entry = entry_at(dataset, path)
    opened = _open(entry, path, patients, labels)
    if folds:
        parts = opened.folds(folds, seed)
    elif holdout is not None:
        parts = holdout_split(opened, holdout, seed)
    else:
        parts = opened.split(seed) if fold is None else opened.fold(fold, seed)
    save_whole(out, parts.to_json().encode())
    grouped = entry.own is not None and len({case.patient for case in opened.cases}) < len(opened.cases)
    unit = "patients" if grouped else entry.split_unit
    for part, names in parts.parts.items():
        typer.echo(f"  {part}: {len(names):,} {unit}")
    if parts.method:
        typer.echo(f"  {parts.method}")
    typer.echo(f"Saved: {out} (hash {parts.hash[:12]})")


def _open(entry: DatasetEntry, path: Path, patients: Path | None, labels: str | None) -> FoldedDataset:
    """Open a data set, and print what a user should know about what was found."""
    from tumorscope.datasets.combined import notes_of
    from tumorscope.datasets.data_folders import own_data_options

    opened = entry.open(path) if entry.own is None else entry.own.open(path, own_data_options(patients, labels))
    for note in notes_of(opened):
        typer.echo(note, err=True)
    return opened


@app.command()
def download(
    dataset: DatasetArgument,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Folder for the data; the default is Kaggle's cache, or a folder of its name."
        ),
    ] = None,
) -> None:
    """Download a data set from its publisher, or show how to get it."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from tumorscope.datasets.registry import download_dataset

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("connecting", total=None, visible=False)
        saved = download_dataset(
            dataset,
            out,
            lambda file, done, total: progress.update(
                task, description=file, completed=done, total=total, visible=True
            ),
        )
    typer.echo(f"Saved: {saved}")


app.command("duplicates")(duplicates.command)
