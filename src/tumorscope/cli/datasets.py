"""`tumorscope datasets`: what a data set holds, how it looks, where it comes from."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Look at data sets, fetch them, split them.", no_args_is_help=True, rich_markup_mode=None)


class KnownSet(StrEnum):
    """The data sets with a reader."""

    lgg = "lgg"


DatasetArgument = Annotated[KnownSet, typer.Argument(help="Which data set.")]
PathArgument = Annotated[Path, typer.Argument(help="Its folder.")]


@app.command()
def summary(
    dataset: DatasetArgument,
    path: PathArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for summary.json and summary.md.")] = Path("summary"),
) -> None:
    """Count patients, slices, tumours and missing sequences."""
    from rich.console import Console
    from rich.progress import Progress

    from tumorscope.datasets.lgg import LggDataset
    from tumorscope.datasets.summary import print_summary, summarize_lgg

    patients = LggDataset.open(path)
    with Progress(transient=True) as progress:
        task = progress.add_task("patients", total=len(patients.patients))
        found = summarize_lgg(patients, lambda _case: progress.advance(task))
    print_summary(found, Console())
    found.save(out)
    typer.echo(f"Saved: {out / 'summary.json'}, {out / 'summary.md'}")


@app.command()
def preview(
    dataset: DatasetArgument,
    path: PathArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="The picture to write.")] = Path("preview.png"),
    count: Annotated[int, typer.Option(min=1, max=50, help="Patients shown.")] = 6,
    seed: Annotated[int, typer.Option(help="Another seed shows other patients.")] = 0,
) -> None:
    """Draw scans, masks and overlays side by side."""
    import io

    from tumorscope.datasets.lgg import LggDataset
    from tumorscope.datasets.preview import draw_preview
    from tumorscope.files import save_whole

    picture = io.BytesIO()
    draw_preview(LggDataset.open(path), count, seed).save(picture, "PNG")
    save_whole(out, picture.getvalue())
    typer.echo(f"Saved: {out}")


@app.command()
def split(
    dataset: DatasetArgument,
    path: PathArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="The JSON file to write.")] = Path("split.json"),
    folds: Annotated[int, typer.Option(min=0, max=20, help="So many folds; 0 makes train, validation and test.")] = 0,
    seed: Annotated[int, typer.Option(help="Another seed deals otherwise.")] = 0,
) -> None:
    """Deal patients out, alike in institution and tumour burden."""
    from tumorscope.datasets.lgg import LggDataset
    from tumorscope.files import save_whole

    patients = LggDataset.open(path)
    dealt = patients.folds(folds, seed) if folds else patients.split(seed)
    save_whole(out, dealt.to_json().encode())
    for part, names in dealt.parts.items():
        typer.echo(f"  {part}: {len(names)} patients")
    typer.echo(f"Saved: {out} (hash {dealt.hash[:12]})")


@app.command()
def download(
    dataset: DatasetArgument,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for the data; Kaggle's cache if not given.")
    ] = None,
) -> None:
    """Fetch a data set from its publisher."""
    from tumorscope.datasets.download import download_lgg

    typer.echo(f"Saved: {download_lgg(out)}")
