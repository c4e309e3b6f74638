"""The report's tables: lesions and slices, with their units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tumorscope.inference.analysis import Analysis, SliceFinding
from tumorscope.measurement.lesions import Lesion
from tumorscope.reporting.wording import (
    area_text,
    clean,
    positive_slices,
    probability_text,
    side_text,
    size_text,
    volume_text,
)

MOST_LESIONS = 40
MOST_SLICES = 40
"""Longer tables would run on for pages; ``analysis.json`` has the rest."""


@dataclass(frozen=True)
class Column:
    """A column's heading, and whether it holds numbers."""

    name: str
    number: bool = True


@dataclass(frozen=True)
class Table:
    """Words only, so that every format shows the same.

    Attributes:
        caption: above the table.
        columns: as many as every row has cells.
        rows: the first cell names the row.
        total: one more row that sums up, or None.
        note: below the table.
        bold: which rows stand out.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...] | None = None
    note: str = ""
    bold: tuple[bool, ...] = ()


def measurements(analysis: Analysis) -> Table:
    """One row a lesion, the largest first, and the total."""
    columns = _lesion_columns(analysis)
    shown = analysis.lesions[:MOST_LESIONS]
    rows = tuple((str(number), *(cell(lesion) for _, cell in columns)) for number, lesion in enumerate(shown, start=1))
    total = ("Total", size_text(analysis), *[""] * (len(columns) - 1)) if len(analysis.lesions) > 1 else None
    caption = "Separate parts of the mask, the largest first."
    if analysis.scan.affine is None:
        caption += " The file does not give the voxel size: sizes and positions are in pixels."
    headings = (Column("No."), *(column for column, _ in columns))
    return Table(caption, headings, rows, total, _lesion_note(analysis))


def called_slices(analysis: Analysis) -> Table:
    """The slices at the operating point or above, as many as a page bears."""
    point = analysis.bundle.card.operating_point.presence
    called = [finding for finding in analysis.slices if finding.tumor_probability >= point]
    caption = f"Slices with a tumor probability of {point:.2f}, the operating point, or above."
    note = ""
    if len(called) > MOST_SLICES:
        called = sorted(sorted(called, key=lambda one: -one.area_px)[:MOST_SLICES], key=lambda one: one.index)
        note = f"The {MOST_SLICES} with the largest area of {positive_slices(analysis)}; analysis.json has all."
    return _slice_table(analysis, called, caption, note)


def all_slices(analysis: Analysis) -> Table:
    """Every slice; those at the operating point or above in bold."""
    return _slice_table(analysis, list(analysis.slices), "Bold: at the operating point or above.", "")


def _slice_table(analysis: Analysis, findings: list[SliceFinding], caption: str, note: str) -> Table:
    named = any(finding.name for finding in analysis.slices)
    segmented = "mask" in analysis.bundle.card.outputs
    point = analysis.bundle.card.operating_point.presence
    columns = [Column("Slice"), *([Column("File", number=False)] if named else []), Column("Tumor probability")]
    if segmented:
        columns += [Column("Mask probability, highest"), Column("Area")]
    rows = [
        (
            str(finding.index),
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
    bold = tuple(finding.tumor_probability >= point for finding in findings)
    return Table(caption, tuple(columns), tuple(rows), None, note, bold)


def _lesion_columns(analysis: Analysis) -> list[tuple[Column, Callable[[Lesion], str]]]:
    """What is known of the lesions: headings, and how each fills its cells."""
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
        columns.append((Column("Slices (largest)"), _slices))
    # A image has no thickness.
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
            lambda one: ", ".join(str(round(value)).replace("-", "−") for value in (one.center_mm or one.center)),
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


def _slices(lesion: Lesion) -> str:
    first, last = lesion.first[0], lesion.last[0]
    return str(first) if first == last else f"{first} to {last} ({lesion.largest_slice})"


def _extent(lesion: Lesion, known: bool) -> list[str]:
    if known and lesion.extent_mm is not None:
        return [f"{length:.0f}" for length in lesion.extent_mm]
    if known:
        return ["–"] * 3
    return [str(last - first + 1) for first, last in zip(lesion.first, lesion.last, strict=True)]


def _midline(lesion: Lesion) -> str:
    return "–" if lesion.midline_distance_mm is None else f"{abs(lesion.midline_distance_mm):.0f}"


def _lesion_note(analysis: Analysis) -> str:
    """How the numbers were taken."""
    notes = []
    measured = [lesion.diameters for lesion in analysis.lesions if lesion.diameters is not None]
    if measured:
        notes.append(
            "Diameters: the longest within one slice, and the longest at a right angle to it in the same slice, "
            "from edge to edge, as RANO takes them."
        )
    if any(found.crosses_gap for found in measured):
        notes.append("* The longest line leaves the lesion; RANO calls such a lesion not measurable.")
    if analysis.scan.affine is not None:
        if len(analysis.slices) > 1:
            notes.append("Volumes count the gaps between slices.")
        notes.append("Centers are RAS+ (x to the patient's right, y to the front, z to the top).")
    rest = len(analysis.lesions) - MOST_LESIONS
    if rest > 0:
        notes.append(f"{rest} smaller lesions are in analysis.json.")
    return " ".join(notes)
