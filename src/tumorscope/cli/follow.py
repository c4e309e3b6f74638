"""`tumorscope follow`: a tumor through any number of studies."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tumorscope.cli.analyze import LocationOption, require_location
from tumorscope.core.errors import TumorscopeError

if TYPE_CHECKING:
    from tumorscope.measurement.follow_up import FollowUp


class AlignmentChoice(StrEnum):
    """How studies come into one frame."""

    auto = "auto"
    rigid = "rigid"
    stated = "stated"


def command(
    studies: Annotated[
        list[Path],
        typer.Argument(
            metavar="BEFORE … NOW",
            help="Two or more studies: analysis.json, its folder, or any mask.",
            show_default=False,
        ),
    ],
    image: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="SCAN", help="The scan of each study, in their order: for registration and for slices; repeat."
        ),
    ] = None,
    date: Annotated[
        list[str] | None,
        typer.Option(
            metavar="YYYY-MM-DD", help="The date of each study, in their order, where files do not say; repeat."
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(help="Follow only the label of this name, such as 'enhancing tumor'; all together by default."),
    ] = None,
    alignment: Annotated[
        AlignmentChoice,
        typer.Option(
            help="rigid registers every scan with the first; stated takes positions as the files have them; auto is "
            "rigid where scans are given, else stated where all studies are on one grid."
        ),
    ] = AlignmentChoice.auto,
    location: LocationOption = False,
    force: Annotated[
        bool, typer.Option("--force", help="Follow even studies of different patients, bundles or sequences.")
    ] = False,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the page, JSON, CSV and the growth curve.")] = (
        Path("follow-up")
    ),
) -> None:
    """Follow a tumor over any number of dates: volumes, diameters, RANO's categories, growth and doubling time."""
    from tumorscope.core.files import save_together
    from tumorscope.measurement.follow_up import follow
    from tumorscope.reporting.follow_up_document import follow_up_csv, follow_up_document, to_json
    from tumorscope.reporting.follow_up_report import build_follow_up_report, render_follow_up
    from tumorscope.reporting.growth_chart import draw_growth
    from tumorscope.studies.opened_visits import aligned, in_order, open_visits

    if len(studies) < 2:
        raise TumorscopeError("give two or more studies")
    if location:
        require_location()
    visits = in_order(open_visits(studies, image or [], date or [], label, location=location))
    placed = aligned(visits, alignment.value)
    found = follow([each.study for each in placed], registered=placed[0].common_frame, force=force)
    scans, how = [each.scan for each in placed], [each.alignment for each in placed]
    contents = {
        "growth.svg": draw_growth(found).encode(),
        "follow_up.csv": follow_up_csv(found),
        "follow_up.html": render_follow_up(build_follow_up_report(found, scans, how)),
        "follow_up.json": to_json(follow_up_document(found, how)),
    }
    files = save_together(out, contents)
    _print(found)
    typer.echo(f"Saved: {', '.join(map(str, files.values()))}")


def _print(found: FollowUp) -> None:
    from rich.console import Console
    from rich.table import Table

    from tumorscope.core.notice import NOTICE
    from tumorscope.measurement.follow_up import NOT_FOLLOWED
    from tumorscope.reporting.follow_up_report import category_words, growth_words

    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("visit", "lesions", "new", "volume, ml", "products, mm²", "by diameters", "by volume"):
        table.add_column(name)
    for number, visit in enumerate(found.visits):
        table.add_row(
            visit.study.origin.study_date or f"study {number + 1}",
            str(len(visit.study.lesions)),
            str(len(visit.new)) if number else "-",
            "-" if visit.volume_mm3 is None else f"{visit.volume_mm3 / 1000:,.2f}",
            "-" if visit.products_mm2 is None else f"{visit.products_mm2:,.0f}",
            category_words(visit.by_diameters),
            category_words(visit.by_volume),
        )
    console.print(table)
    last = found.visits[-1]
    for measure, each in (("diameters", last.by_diameters), ("volume", last.by_volume)):
        if each is not None:
            words = category_words(each)
            console.print(f"\nRANO 2.0, by {measure} of the masks alone: {words}", style="bold", markup=False)
            console.print(f"because {each.rule}", markup=False)
    console.print(f"\nvolume doubling time: {growth_words(found.growth)}", markup=False)
    if found.growth_since_nadir is not None:
        console.print(f"since the smallest volume: {growth_words(found.growth_since_nadir)}", markup=False)
    for note in found.notes:
        console.print(f"note: {note}", style="dim", markup=False)
    console.print("Not evaluated, as images do not show it:", style="dim")
    for item in NOT_FOLLOWED:
        console.print(f"  {item}", style="dim", markup=False)
    console.print(NOTICE, style="dim")
