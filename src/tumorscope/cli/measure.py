"""`tumorscope measure`: the size and location of the lesions of any mask."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tumorscope.cli.analyze import SpacingOption
from tumorscope.core.errors import TumorscopeError
from tumorscope.io.formats import MASK_FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tumorscope.core.scan import Scan
    from tumorscope.core.segmentation import Segmentation
    from tumorscope.measurement.lesions import Lesion
    from tumorscope.reporting.measurements import Measured

OUTPUTS = (".json", ".csv", ".png")
_WIDE = 110
"""A terminal of so many columns has room for extent and center, which JSON and CSV always have."""


def command(
    masks: Annotated[
        list[Path],
        typer.Argument(
            metavar="MASK...",
            help=f"{MASK_FORMATS}; a folder of mask images, or what `analyze` wrote. Several are one table.",
            show_default=False,
        ),
    ],
    image: Annotated[
        Path | None,
        typer.Option(help="The scan the mask was drawn on: for the image, and for the side of the head."),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="LABELS",
            help="Names for the mask's labels, such as 1+4=core,2=edema; or brats-2020, brats-2023.",
        ),
    ] = None,
    min_volume: Annotated[
        float | None, typer.Option(min=0.0, metavar="ML", help="Leave out lesions smaller than this, in ml.")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="Measure voxels of at least this value in an image or a probability map that is not a mask."),
    ] = None,
    spacing: SpacingOption = None,
    out: Annotated[
        list[Path] | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="A .json, .csv or .png to write; repeat for several. "
            "Of several masks a .csv with a row for each label.",
        ),
    ] = None,
) -> None:
    """Measure each lesion: volume, RANO's two diameters, extent, and the side of the head."""
    from tumorscope.core.files import save_together
    from tumorscope.io import open_scan
    from tumorscope.io.label_names import parse_labels
    from tumorscope.io.segmentation_alignment import onto_scan
    from tumorscope.io.spacing import parse_spacing
    from tumorscope.measurement.small_lesions import without_small_lesions
    from tumorscope.reporting.measurement_figure import draw_measured
    from tumorscope.reporting.measurements import measure_labels, measurement_document, to_csv, to_json
    from tumorscope.reporting.png import encode_png
    from tumorscope.studies.timepoints import open_labels

    files = _outputs(out or [])
    groups = None if labels is None else parse_labels(labels)
    spacing_mm = None if spacing is None else parse_spacing(spacing)
    shown = None if image is None else open_scan(image, spacing_mm=spacing_mm)

    def read(path: Path) -> Segmentation:
        found = open_labels(path, threshold, shown, spacing_mm)
        if found.is_empty and len(masks) == 1:
            raise TumorscopeError(f"{found.case}: the mask is empty; there is nothing to measure")
        if groups is not None:
            found = found.regrouped(groups)
        if shown is not None:
            found = onto_scan(found, shown)
        return without_small_lesions(found, 1000 * min_volume) if min_volume else found

    if len(masks) > 1:
        _measure_many(masks, read, files, image)
        return
    segmentation = read(masks[0])
    scan = segmentation.blank_scan() if shown is None else _with_geometry(shown, segmentation)
    measured = measure_labels(segmentation, scan)
    writers = {
        ".json": lambda: to_json(measurement_document(measured, scan)),
        ".csv": lambda: to_csv(measured, scan),
        ".png": lambda: encode_png(draw_measured(measured, scan, image is not None)),
    }
    contents = [(file, writers[file.suffix.lower()]()) for file in files]
    for folder in dict.fromkeys(file.parent for file in files):
        save_together(folder, {file.name: content for file, content in contents if file.parent == folder})
    print_measured(measured, scan)
    if files:
        typer.echo(f"Saved: {', '.join(map(str, files))}")


def _measure_many(
    masks: list[Path], read: Callable[[Path], Segmentation], files: list[Path], image: Path | None
) -> None:
    from tumorscope.cli.measure_many import measure_many

    if image is not None:
        raise TumorscopeError(f"--image applies to one mask, but {len(masks)} were given")
    if len(files) > 1 or any(file.suffix.lower() != ".csv" for file in files):
        raise TumorscopeError("of several masks one .csv is written; name one with -o table.csv")
    measure_many(masks, read, files[0] if files else None)


def _with_geometry(scan: Scan, labels: Segmentation) -> Scan:
    """The scan with the mask's name, and with its voxel size where the scan has none."""
    from dataclasses import replace

    return replace(
        scan,
        case=labels.case,
        affine=labels.affine,
        slice_positions=labels.slice_positions,
        notes=tuple(dict.fromkeys((*scan.notes, *labels.notes))),
    )


def _outputs(files: list[Path]) -> list[Path]:
    for file in files:
        if file.suffix.lower() not in OUTPUTS:
            raise TumorscopeError(f"{file}: the name must end in {', '.join(OUTPUTS[:-1])} or {OUTPUTS[-1]}")
    return list(dict.fromkeys(files))


def print_measured(measured: Sequence[Measured], scan: Scan) -> None:
    """One row per lesion; a total per label; then notes and the notice."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from tumorscope.core.notice import NOTICE
    from tumorscope.reporting.measurements import measurement_notes, sum_of_products
    from tumorscope.reporting.slice_names import numbering_text
    from tumorscope.reporting.wording import volume_text

    known, several = scan.affine is not None, len(measured) > 1
    unit = "mm" if known else "px"
    table = Table(box=None, pad_edge=False, header_style="bold")
    if several:
        table.add_column("label", overflow="fold")
    console = Console(highlight=False)
    wide = console.width >= _WIDE
    for name in ("lesion", "volume" if known else "voxels", f"diameters, {unit}", "slice"):
        table.add_column(name)
    for name in (*(("extent, mm", "center x y z, mm") if wide else ()), "side", "RANO") if known else ():
        table.add_column(name)
    for part in measured:
        for number, lesion in enumerate(part.lesions, start=1):
            table.add_row(*([escape(part.name)] if several else []), str(number), *_cells(lesion, scan, wide))
    console.print(table)
    for part in measured:
        name = f"{part.name}: " if several else ""
        lesions = "one lesion" if len(part.lesions) == 1 else f"{len(part.lesions)} lesions"
        line = f"{name}{lesions}, {volume_text(part.voxels, part.volume_mm3(scan))}"
        if known:
            measurable = sum(bool(lesion.measurable) for lesion in part.lesions)
            line += f", {measurable} measurable by RANO, sum of products {sum_of_products(part.lesions):,.0f} mm²"
        console.print(line, markup=False)
    if scan.shape[0] > 1:
        console.print(f"note: {numbering_text(scan)}", style="dim")
    if not known:
        console.print("note: the file does not give the voxel size; sizes are in pixels", style="dim", markup=False)
    for note in measurement_notes(measured, scan):
        console.print(f"note: {note}", style="dim", markup=False)
    console.print(NOTICE, style="dim")


def _cells(lesion: Lesion, scan: Scan, wide: bool) -> list[str]:
    from tumorscope.reporting.slice_names import slice_number
    from tumorscope.reporting.wording import volume_text

    found, known = lesion.diameters, scan.affine is not None
    assert found is not None  # every lesion has them
    cells = [
        volume_text(lesion.voxels, lesion.volume_mm3) if known else f"{lesion.voxels:,}",
        f"{found.longest.length:.1f} × {found.perpendicular.length:.1f}",
        str(slice_number(scan, found.slice)),
    ]
    if not known:
        return cells
    side = "-"
    if lesion.laterality is not None and lesion.midline_distance_mm is not None:
        side = f"{lesion.laterality}, {lesion.midline_distance_mm:.0f} mm"
    if wide:
        cells.append(" × ".join(f"{length:.1f}" for length in lesion.extent_mm or ()))
        cells.append(" ".join(f"{value:.1f}" for value in lesion.center_mm or ()))
    return [*cells, side, lesion.nonmeasurable_reason or "measurable"]
