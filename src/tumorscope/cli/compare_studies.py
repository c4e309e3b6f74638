"""`tumorscope compare-studies`: the change of a tumor between two studies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tumorscope.core.errors import TumorscopeError

if TYPE_CHECKING:
    from rich.table import Table

    from tumorscope.measurement.lesions import Lesion
    from tumorscope.measurement.response import Change, Response, Timepoint


def command(
    before: Annotated[
        Path,
        typer.Argument(
            metavar="BEFORE", help="The earlier study: analysis.json, its folder, or any mask.", show_default=False
        ),
    ],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="The later study, likewise.", show_default=False)],
    label: Annotated[
        str | None,
        typer.Option(
            help="Compare only the label of this name, such as 'enhancing tumor'; all labels together by default, "
            "which in an analysis is the whole tumor."
        ),
    ] = None,
    registered: Annotated[
        bool, typer.Option("--registered", help="Both studies are in one frame of reference.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Compare even studies of different patients, bundles or sequences."),
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE.json", help="Write it as JSON too.")] = None,
) -> None:
    """Compare two studies: change in volume and in the product of diameters, and RANO's category."""
    from tumorscope.core.files import save_whole
    from tumorscope.measurement.response import compare_studies
    from tumorscope.reporting.comparison import comparison_document, to_json
    from tumorscope.studies.timepoints import open_timepoint

    if out is not None and out.suffix.lower() != ".json":
        raise TumorscopeError(f"{out}: the name must end in .json")
    earlier, later = open_timepoint(before, label), open_timepoint(after, label)
    response = compare_studies(earlier, later, registered=registered, force=force)
    if out is not None:
        save_whole(out, to_json(comparison_document(earlier, later, response)))
    _print(earlier, later, response)
    if out is not None:
        typer.echo(f"Saved: {out}")


def _print(before: Timepoint, after: Timepoint, response: Response) -> None:
    from rich.console import Console
    from rich.table import Table

    from tumorscope.core.notice import NOTICE
    from tumorscope.measurement.response import CATEGORY_NAMES, NOT_ASSESSED

    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", "before", "after", "change"):
        table.add_column(name)
    dates = before.origin.study_date, after.origin.study_date
    if any(dates):
        table.add_row("study date", *(date or "-" for date in dates))
    table.add_row("lesions", str(len(before.lesions)), str(len(after.lesions)))
    table.add_row("measurable by RANO", *(_measurable(study) for study in (before, after)))
    table.add_row("volume, ml", *_change_cells(response.volume_mm3, 1000, 2))
    table.add_row("sum of products, mm²", *_change_cells(response.products_mm2, 1, 0))
    console.print(table)
    if response.matches is not None and (before.lesions or after.lesions):
        console.print(_lesion_table(before, after, response))
    category = response.category
    what = "not evaluated" if category is None else f"{category}, {CATEGORY_NAMES[category]}"
    console.print(f"\nRANO, by the masks alone: {what}", style="bold", markup=False)
    console.print(f"because {response.rule}", markup=False)
    for note in response.notes:
        console.print(f"note: {note}", style="dim", markup=False)
    console.print("Not evaluated, as images do not show it:", style="dim")
    for item in NOT_ASSESSED:
        console.print(f"  {item}", style="dim", markup=False)
    console.print(NOTICE, style="dim")


def _lesion_table(before: Timepoint, after: Timepoint, response: Response) -> Table:
    """One row per match: sizes before and after, and whether it is followed."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("lesion before", "diameters", "volume", "lesion after", "diameters", "volume", ""):
        table.add_column(name)
    for match in response.matches or ():
        earlier = [before.lesions[place] for place in match.before]
        later = [after.lesions[place] for place in match.after]
        what = "target" if set(match.before) & set(response.targets) else ""
        if not earlier:
            what = "new" if later[0].measurable else "new, not measurable"
        elif not later:
            what = f"{what}, gone".lstrip(", ")
        table.add_row(*_group_cells(match.before, earlier), *_group_cells(match.after, later), what)
    return table


def _group_cells(places: tuple[int, ...], lesions: list[Lesion]) -> tuple[str, str, str]:
    from tumorscope.reporting.wording import volume_text

    if not lesions:
        return "-", "-", "-"
    sizes = [
        f"{lesion.diameters.longest.length:.1f} × {lesion.diameters.perpendicular.length:.1f}"
        for lesion in lesions
        if lesion.diameters is not None
    ]
    volumes = [volume_text(lesion.voxels, lesion.volume_mm3) for lesion in lesions]
    return " + ".join(str(place + 1) for place in places), " + ".join(sizes), " + ".join(volumes)


def _measurable(study: Timepoint) -> str:
    return "-" if study.affine is None else str(len(study.measurable))


def _change_cells(change: Change | None, unit: float, digits: int) -> tuple[str, str, str]:
    if change is None:
        return "-", "-", "-"
    relative = "-" if change.relative is None else f"{100 * change.relative:+.1f} %"
    return f"{change.before / unit:,.{digits}f}", f"{change.after / unit:,.{digits}f}", relative
