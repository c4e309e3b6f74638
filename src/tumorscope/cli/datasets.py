"""`tumorscope datasets`: what a data set holds, how it looks, where it comes from, what is in it twice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from tumorscope.cli import duplicates
from tumorscope.cli.datafolders import KnownDataset

if TYPE_CHECKING:
    from tumorscope.datasets.br35h import Br35hDataset
    from tumorscope.datasets.brisc import BriscDataset
    from tumorscope.datasets.folders import FolderDataset

app = typer.Typer(help="Look at data sets, fetch them, split them.", no_args_is_help=True, rich_markup_mode=None)


DatasetArgument = Annotated[
    KnownDataset, typer.Argument(help="Which data set; folders is any folder with one folder of images a class.")
]
PathArgument = Annotated[Path, typer.Argument(help="Its folder.")]
_SPLIT_UNITS = {
    KnownDataset.kaggle4: "images",
    KnownDataset.br35h: "groups of copies",
    KnownDataset.brisc: "images",
    KnownDataset.folders: "images",
}
SeedOption = Annotated[int, typer.Option(help="Another seed chooses otherwise.")]


@app.command()
def summary(
    dataset: DatasetArgument,
    path: PathArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for summary.json and summary.md.")] = Path("summary"),
) -> None:
    """Count patients, images, classes, planes, sequences, masks and tumors; show how they are stored, what is missing."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from tumorscope.datasets.brats import BratsDataset
    from tumorscope.datasets.class_counting import summarize_figshare, summarize_images
    from tumorscope.datasets.class_summary import ClassSummary, print_class_summary
    from tumorscope.datasets.figshare import FigshareDataset
    from tumorscope.datasets.lgg import LggDataset
    from tumorscope.datasets.opening import open_dataset
    from tumorscope.datasets.summary import print_summary, summarize_volumes

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("opening", total=None)
        opened = open_dataset(dataset, path)
        progress.update(task, description="reading", total=len(opened.cases))

        def show(_case: str) -> None:
            progress.advance(task)

        if isinstance(opened, LggDataset | BratsDataset):
            found = summarize_volumes(opened, show)
        elif isinstance(opened, FigshareDataset):
            found = summarize_figshare(opened, show)
        else:
            found = summarize_images(cast("FolderDataset | Br35hDataset | BriscDataset", opened), show)
    if isinstance(found, ClassSummary):
        print_class_summary(found, Console())
    else:
        print_summary(found, Console())
    found.save(out)
    typer.echo(f"Saved: {out / 'summary.json'}, {out / 'summary.md'}")


@app.command()
def preview(
    dataset: DatasetArgument,
    path: PathArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="The image to write.")] = Path("preview.png"),
    count: Annotated[int, typer.Option(min=1, max=50, help="Patients shown; for classes, images of each.")] = 6,
    seed: SeedOption = 0,
) -> None:
    """Draw scans, masks and overlays side by side, or some images of each class."""
    import io

    from tumorscope.core.files import save_whole
    from tumorscope.datasets.brats import BratsDataset
    from tumorscope.datasets.class_preview import draw_class_preview
    from tumorscope.datasets.lgg import LggDataset
    from tumorscope.datasets.opening import open_dataset
    from tumorscope.datasets.preview import draw_preview

    opened = open_dataset(dataset, path)
    if isinstance(opened, LggDataset | BratsDataset):
        sheet = draw_preview(opened, count, seed)
    else:
        sheet = draw_class_preview(opened, count, seed)
    image = io.BytesIO()
    sheet.save(image, "PNG")
    save_whole(out, image.getvalue())
    typer.echo(f"Saved: {out}")


@app.command()
def split(
    dataset: DatasetArgument,
    path: PathArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="The JSON file to write.")] = Path("split.json"),
    folds: Annotated[
        int, typer.Option(min=0, max=20, help="So many folds (figshare: 5, as published) instead of one split.")
    ] = 0,
    fold: Annotated[
        int | None, typer.Option(min=0, max=4, help="Of five folds, the one to test on; the others train and validate.")
    ] = None,
    seed: SeedOption = 0,
) -> None:
    """Deal patients out for training and assessing, alike in what the data set knows of them."""
    from tumorscope.core.errors import TumorscopeError
    from tumorscope.core.files import save_whole
    from tumorscope.datasets.opening import open_dataset

    if folds and fold is not None:
        raise TumorscopeError("--folds and --fold: give one of them; --fold K is one split with fold K to test")
    opened = open_dataset(dataset, path)
    several = opened.folds(folds, seed) if folds else None
    dealt = several or (opened.split(seed) if fold is None else opened.fold(fold, seed))
    save_whole(out, dealt.to_json().encode())
    unit = _SPLIT_UNITS.get(dataset, "patients")
    for part, names in dealt.parts.items():
        typer.echo(f"  {part}: {len(names):,} {unit}")
    typer.echo(f"Saved: {out} (hash {dealt.hash[:12]})")


@app.command()
def download(
    dataset: DatasetArgument,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder for the data; if not given, Kaggle's cache, or figshare in this one."),
    ] = None,
) -> None:
    """Fetch a data set from its publisher, or say how to get it."""
    from tumorscope.datasets.download import download_from_kaggle

    if dataset is KnownDataset.figshare:
        saved = _download_figshare(out or Path("figshare"))
    else:
        saved = download_from_kaggle(dataset.value, out)
    typer.echo(f"Saved: {saved}")


def _download_figshare(out: Path) -> Path:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from tumorscope.datasets.figshare_download import download_figshare

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("asking figshare", total=None)
        return download_figshare(
            out, lambda name, done, whole: progress.update(task, description=name, completed=done, total=whole)
        )


app.command("duplicates")(duplicates.command)
