"""The report's tables: lesions and slices, with their units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tumorscope.core.scan import Scan
from tumorscope.inference.analysis import Analysis, SliceFinding
from tumorscope.measurement.lesions import Lesion
from tumorscope.measurement.location import BORDER_MM
from tumorscope.reporting.slice_names import slice_number, slice_range
from tumorscope.reporting.wording import (
    area_text,
    clean,
    positive_slices,
    probability_text,
    region_text,
    shares_text,
    side_text,
    size_text,
    volume_text,
)

MOST_LESIONS = 40
MOST_SLICES = 40
"""Longer tables would fill pages; ``analysis.json`` has the rest."""


@dataclass(frozen=True)
class Column:
    """A column's heading, and whether it holds numbers."""

    name: str
    number: bool = True


@dataclass(frozen=True)
class Table:
    """A table of text, the same in every format.

    Attributes:
        caption: above the table.
        columns: one per cell of a row.
        rows: the first cell is the row's heading.
        total: one more row with totals, or None.
        note: below the table.
        bold: which rows are in bold.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...] | None = None
    note: str = ""
    bold: tuple[bool, ...] = ()


def measurements(analysis: Analysis) -> Table:
    """One row per lesion, the largest first, and the total."""
    columns = _lesion_columns(analysis)
    shown = analysis.lesions[:MOST_LESIONS]
    rows = tuple((str(number), *(cell(lesion) for _, cell in columns)) for number, lesion in enumerate(shown, start=1))
    total = ("Total", size_text(analysis), *[""] * (len(columns) - 1)) if len(analysis.lesions) > 1 else None
    caption = "A lesion is a connected part of the segmentation; the largest first."
    if analysis.scan.affine is None:
        caption += " The file does not give the voxel size: sizes and positions are in pixels."
    headings = (Column("No."), *(column for column, _ in columns))
    return Table(caption, headings, rows, total, _lesion_note(analysis))


def locations(analysis: Analysis) -> Table | None:
    """Region, shares of the volume and gap to the midline per lesion; None where no lesion has a location."""
    shown = [
        (number, lesion, lesion.location) for number, lesion in enumerate(analysis.lesions[:MOST_LESIONS], start=1)
    ]
    rows = tuple(
        (str(number), region_text(lesion), shares_text(lesion), f"{found.midline_gap_mm:.0f}")
        for number, lesion, found in shown
        if found is not None
    )
    if not rows:
        return None
    columns = (
        Column("No."),
        Column("Region", number=False),
        Column("Shares of the volume", number=False),
        Column("Gap to midline (mm)"),
    )
    note = (
        f"Borders of an average brain are off by about {BORDER_MM:.0f} mm, by more beside a large tumor. (?): another region "
        "holds most of the lesion where the atlas is moved by that much. The gap is that of the nearest voxel; 0 where the "
        "lesion crosses the midline."
    )
    return Table("By an atlas of an average brain that was registered to the scan.", columns, rows, None, note)


def positive_slices_table(analysis: Analysis) -> Table:
    """The slices at the operating point or above, at most :data:`MOST_SLICES`."""
    point = analysis.bundle.card.operating_point.presence
    positive = [finding for finding in analysis.slices if finding.reaches(point)]
    caption = f"Slices that count as ones with a tumor: tumor probability of {point:.2f} or above."
    note = ""
    if len(positive) > MOST_SLICES:
        largest = sorted(positive, key=lambda finding: -finding.area_px)[:MOST_SLICES]
        positive = sorted(largest, key=lambda finding: finding.index)
        note = f"The {MOST_SLICES} with the largest area of {positive_slices(analysis)}; analysis.json has all."
    return _slice_table(analysis, positive, caption, note)


def all_slices(analysis: Analysis) -> Table:
    """Every slice; those at the operating point or above in bold."""
    return _slice_table(analysis, list(analysis.slices), "Bold: slices that count as ones with a tumor.", "")


def _slice_table(analysis: Analysis, findings: list[SliceFinding], caption: str, note: str) -> Table:
    named = any(finding.name for finding in analysis.slices)
    segmented = "mask" in analysis.bundle.card.outputs
    point = analysis.bundle.card.operating_point.presence
    columns = [Column("Slice"), *([Column("File", number=False)] if named else []), Column("Tumor probability")]
    if segmented:
        columns += [Column("Highest probability of a pixel"), Column("Area")]
    rows = [
        (
            str(slice_number(analysis.scan, finding.index)),
            *([clean(finding.name or "–", 60)] if named else []),
            probability_text(finding.tumor_probability, 3),
            *(
                [probability_text(finding.mask_probability, 3), area_text(finding.area_px, finding.area_mm2)]
                if segmented
                else []
            ),
        )
        for finding in findings
    ]
    bold = tuple(finding.reaches(point) for finding in findings)
    return Table(caption, tuple(columns), tuple(rows), None, note, bold)


def _lesion_columns(analysis: Analysis) -> list[tuple[Column, Callable[[Lesion], str]]]:
    """The columns for which values are known: headings, and the text of a lesion's cell."""
    scan, lesions = analysis.scan, analysis.lesions
    several, known, area = len(analysis.slices) > 1, scan.affine is not None, scan.pixel_area_mm2
    unit = "mm" if known else "px"
    columns: list[tuple[Column, Callable[[Lesion], str]]] = []
    if several:
        columns.append((Column("Volume"), lambda one: volume_text(one.voxels, one.volume_mm3)))
    else:
        columns.append((Column("Area"), lambda one: area_text(one.voxels, None if area is None else one.voxels * area)))
    if any(lesion.diameters is not None for lesion in lesions):
        columns.append((Column(f"Longest × perpendicular ({unit})"), _diameters))
        columns.append((Column(f"Product ({unit}²)"), _product))
    if several:
        columns.append((Column("Slices (largest)"), lambda one: _slices(one, scan)))
    # A single image has no thickness.
    axes = slice(None) if several else slice(1, None)
    columns.append(
        (
            Column(f"Extent, {'slices × ' * several}rows × columns ({unit if known else 'voxels'})"),
            lambda one: " × ".join(_extent(one, known)[axes]),
        )
    )
    if any(lesion.laterality is not None for lesion in lesions):
        columns.append((Column("Side", number=False), side_text))
    if any(lesion.midline_distance_mm is not None for lesion in lesions):
        columns.append((Column("From midline (mm)"), _midline))
    columns.append(
        (
            Column("Center, x, y, z (mm)" if known else "Center, slice, row, column"),
            lambda one: _center(one, scan),
        )
    )
    columns.append((Column("Tumor probability"), lambda one: probability_text(one.tumor_probability)))
    return columns


def _diameters(lesion: Lesion) -> str:
    found = lesion.diameters
    if found is None:
        return "–"
    star = " *" if found.crosses_gap else ""
    return f"{found.longest.length:,.1f} × {found.perpendicular.length:,.1f}{star}"


def _product(lesion: Lesion) -> str:
    return "–" if lesion.diameters is None else f"{lesion.diameters.product:,.0f}"


def _slices(lesion: Lesion, scan: Scan) -> str:
    first, last = slice_range(scan, lesion.first[0], lesion.last[0])
    return str(first) if first == last else f"{first} to {last} ({slice_number(scan, lesion.largest_slice)})"


def _center(lesion: Lesion, scan: Scan) -> str:
    middle, row, column = map(round, lesion.center)
    values = lesion.center_mm or (slice_number(scan, middle), row, column)
    return ", ".join(str(round(value)).replace("-", "−") for value in values)


def _extent(lesion: Lesion, known: bool) -> list[str]:
    if known and lesion.extent_mm is not None:
        return [f"{length:.0f}" for length in lesion.extent_mm]
    if known:
        return ["–"] * 3
    return [str(last - first + 1) for first, last in zip(lesion.first, lesion.last, strict=True)]


def _midline(lesion: Lesion) -> str:
    return "–" if lesion.midline_distance_mm is None else f"{abs(lesion.midline_distance_mm):.0f}"


def _lesion_note(analysis: Analysis) -> str:
    """How the values were measured."""
    notes = []
    measured = [lesion.diameters for lesion in analysis.lesions if lesion.diameters is not None]
    if measured:
        notes.append(
            "Diameters: the longest diameter within one slice and the longest perpendicular diameter in the same slice, "
            "from edge to edge, as RANO (rules for measuring brain tumors) defines them."
        )
    if any(found.crosses_gap for found in measured):
        notes.append("* The longest diameter leaves the lesion; by RANO such a lesion is not measurable.")
    if analysis.scan.affine is not None:
        if len(analysis.slices) > 1:
            notes.append("Volumes include the gaps between slices.")
        notes.append("Centers: x to the patient's right, y to the front, z to the top (RAS+).")
    rest = len(analysis.lesions) - MOST_LESIONS
    if rest > 0:
        notes.append(f"{rest} smaller lesions are in analysis.json.")
    return " ".join(notes)
