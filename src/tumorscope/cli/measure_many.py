"""Several masks measured one after the other: one row per label of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tumorscope.core.errors import TumorscopeError

if TYPE_CHECKING:
    from tumorscope.core.segmentation import Segmentation


def measure_many(masks: Sequence[Path], read: Callable[[Path], Segmentation], out: Path | None) -> None:
    """Measure every mask; one that cannot be read does not stop the others.

    Args:
        masks: files and folders.
        read: opens one, its labels named and small lesions left out as the user asks.
        out: a CSV file, or None.

    Raises:
        TumorscopeError: after the last, if any failed.
    """
    from tumorscope.core.files import save_whole
    from tumorscope.reporting.mask_table import encode_mask_table, failed_row, mask_rows
    from tumorscope.reporting.measurements import measure_labels

    rows: list[dict[str, Any]] = []
    failures = 0
    for path in masks:
        try:
            segmentation = read(path)
        except TumorscopeError as error:
            failures += 1
            rows.append(failed_row(path.name, str(error)))
            continue
        scan = segmentation.blank_scan()
        own = mask_rows(measure_labels(segmentation, scan), scan)
        rows += own or [{"case": segmentation.case, "lesions": 0, "voxels": 0}]
    _print(rows)
    if out is not None:
        save_whole(out, encode_mask_table(rows))
        print(f"Saved: {out}")
    if failures:
        raise TumorscopeError(f"{failures} of {len(masks)} masks could not be measured; the lines above say why")


def _print(rows: Sequence[Mapping[str, Any]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from tumorscope.core.notice import NOTICE

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("case", "label", "lesions", "volume", "diameters", "sum of products"):
        table.add_column(name, overflow="fold")
    for row in rows:
        if "failure" not in row:
            table.add_row(*(escape(text) for text in _cells(row)))
    console = Console(highlight=False)
    console.print(table)
    for row in rows:
        if "failure" in row:
            failure = row["failure"].removeprefix(f"{row['case']}: ")
            console.print(f"failed: {row['case']}: {failure}", style="red", markup=False, soft_wrap=True)
    console.print(NOTICE, style="dim")


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    volume = row.get("volume_ml")
    unit = "mm" if row.get("longest_mm") is not None else "px"
    lengths = row.get(f"longest_{unit}"), row.get(f"perpendicular_{unit}")
    products = row.get("sum_of_products_mm2")
    return (
        row["case"],
        row.get("label") or "-",
        str(row["lesions"]),
        f"{row['voxels']:,} voxels" if volume is None else f"{volume:,.2f} ml",
        "-" if None in lengths else f"{lengths[0]:.1f} × {lengths[1]:.1f} {unit}",
        "-" if products is None else f"{products:,.0f} mm²",
    )
