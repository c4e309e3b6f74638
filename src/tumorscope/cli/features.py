"""`tumorscope features`: radiomic features of segmented tumors, one row per case."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tumorscope.core.errors import TumorscopeError

if TYPE_CHECKING:
    from tumorscope.core.scan import Scan
    from tumorscope.io.dicom.studies import StudyFiles
    from tumorscope.measurement.radiomics import FeatureSettings

_PREFERRED = ("t1c", "flair", "t2", "t1")
Row = dict[str, str | int | float]


class TextureChoice(StrEnum):
    """How texture matrices are aggregated, in the terms of the IBSI."""

    auto = "auto"
    slices_averaged = "2D_avg"
    slices_merged = "2D_comb"
    directions_averaged = "2_5D_avg"
    all_merged = "2_5D_comb"
    volume_averaged = "3D_avg"
    volume_merged = "3D_comb"


def command(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="Scans, folders of scans, or figshare's folder.", show_default=False),
    ],
    mask: Annotated[
        Path | None, typer.Option(help="The segmentation of a single scan; by default the mask beside each scan.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The CSV file to write.")] = Path("features.csv"),
    sequence: Annotated[
        str | None, typer.Option(help="The sequence to measure; by default the first of T1c, FLAIR, T2, T1.")
    ] = None,
    bins: Annotated[int, typer.Option(min=2, max=1024, help="Gray levels of the texture.")] = 32,
    bin_size: Annotated[
        float | None, typer.Option(min=1e-9, help="Width of a gray level, instead of their number.")
    ] = None,
    texture: Annotated[
        TextureChoice, typer.Option(help="auto merges all directions of the slice or volume.")
    ] = TextureChoice.auto,
) -> None:
    """Measure shape, intensity and texture within masks, by the definitions of the IBSI."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from tumorscope.core.files import save_whole
    from tumorscope.io import find_cases_among
    from tumorscope.measurement.radiomics import FeatureSettings
    from tumorscope.studies.case import Case, failed

    cases = find_cases_among(paths)
    if mask is not None and len(cases) != 1:
        raise TumorscopeError(f"--mask belongs to one case, but {len(cases)} were given")
    chosen = None if texture is TextureChoice.auto else texture.value
    settings = FeatureSettings(bins=bins, bin_size=bin_size, texture=chosen)
    rows: list[Row] = []
    failures: list[str] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        over_cases = progress.add_task("measuring", total=len(cases))
        for case in cases:
            try:
                rows.append(_measure(case, mask, sequence, settings))
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # an error in one case must not stop the others
                failures.append(failed(Case(case), error, out.parent).failure or "")
            progress.advance(over_cases)
    if len(cases) == 1 and failures:
        raise TumorscopeError(failures[0])
    for failure in failures:
        typer.echo(f"failed: {failure}", err=True)
    if rows:
        save_whole(out, _csv(rows))
        typer.echo(f"Saved: {out} ({len(rows)} {'case' if len(rows) == 1 else 'cases'})")
    if failures:
        raise TumorscopeError(f"{len(failures)} of {len(cases)} cases failed; the lines above say why")


def _measure(path: Path | StudyFiles, mask_path: Path | None, sequence: str | None, settings: FeatureSettings) -> Row:
    from tumorscope.io import find_mask, open_scan, read_mask
    from tumorscope.measurement.radiomics import extract_features

    scan = open_scan(path)
    if scan.slice_positions is not None:
        raise TumorscopeError(
            f"{path.name}: slices are missing or unevenly spaced, so features of the volume cannot be measured; "
            "give the whole series"
        )
    mask = find_mask(scan) if mask_path is None else read_mask(mask_path, scan)
    if mask is None:
        raise TumorscopeError(f"{path.name}: no mask beside it; name one with --mask")
    shown = _sequence(scan, sequence, path)
    image = scan.voxels[..., scan.sequences.index(shown)]
    try:
        found = extract_features(image, mask, scan.spacing_mm, settings)
    except TumorscopeError as error:
        raise TumorscopeError(f"{path.name}: {error}") from error
    flat = image.shape[0] == 1
    return {
        "case": scan.case,
        "measured": "slice" if flat else "volume",
        "sequence": shown,
        "slices": int(mask.any(axis=(1, 2)).sum()),
        "voxels": int(mask.sum()),
        "unit": "px" if scan.spacing_mm is None else "mm",
        **found,
    }


def _sequence(scan: Scan, wanted: str | None, path: Path | StudyFiles) -> str:
    if wanted is None:
        return next((name for name in _PREFERRED if name in scan.sequences), scan.sequences[0])
    if wanted not in scan.sequences:
        raise TumorscopeError(f"{path.name}: shows {', '.join(scan.sequences)}, not {wanted}; choose with --sequence")
    return wanted


def _csv(rows: Sequence[Row]) -> bytes:
    """Slices and volumes have different features: a cell is empty where a row has no such feature."""
    import csv
    import io

    text = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: f"{value:.9g}" if isinstance(value, float) else value for key, value in row.items()})
    return text.getvalue().encode()
