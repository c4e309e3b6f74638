"""What a data set of examinations contains: patients, slices, tumor sizes, and missing sequences."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from tumorscope.core.errors import BadDataset, TumorscopeError
from tumorscope.core.files import save_together
from tumorscope.datasets.labeled import VolumeDataset

if TYPE_CHECKING:
    from rich.console import Console

AREA_FRACTIONS = (0.0, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 1.0)
"""Edges of the histogram of tumor area, as fractions of the image; each bin excludes its lower edge."""


@dataclass(frozen=True)
class Spread:
    """The five numbers of a distribution."""

    least: float
    first_quartile: float
    median: float
    third_quartile: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        """The spread of the values; None if there are none."""
        return cls(*(float(value) for value in np.percentile(values, (0, 25, 50, 75, 100)))) if values else None

    def __str__(self) -> str:
        return (
            f"{self.least:,.0f} to {self.most:,.0f}, median {self.median:,.0f} "
            f"(quartiles {self.first_quartile:,.0f} and {self.third_quartile:,.0f})"
        )


@dataclass(frozen=True)
class AreaBin:
    """Number of tumor slices with an area above ``above`` and up to ``up_to``, as fractions of the image."""

    above: float
    up_to: float
    slices: int


class SavedSummary:
    """What both kinds of summaries share: a dataclass with a folder, as JSON and Markdown."""

    root: Path

    def markdown(self) -> str:
        """The same as Markdown tables."""
        raise NotImplementedError

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(cast(Any, self)), "root": str(self.root)}

    def save(self, folder: Path) -> None:
        """Write ``summary.json`` and ``summary.md``.

        Raises:
            TumorscopeError: the folder cannot be written.
        """
        content = json.dumps(self.as_dict(), indent=1, ensure_ascii=False) + "\n"
        save_together(folder, {"summary.md": self.markdown().encode(), "summary.json": content.encode()})


@dataclass(frozen=True)
class Summary(SavedSummary):
    """What a data set of examinations contains.

    Attributes:
        dataset, root: its name and folder.
        patients, examinations, slices: their numbers; a patient may have several examinations.
        slices_with_tumor, slices_without_tumor: by the true masks.
        patients_without_tumor: those without a tumor in any slice.
        tumor_px: pixels of tumor in the slices with tumor.
        patient_tumor_px: pixels of tumor in a patient, all slices of all examinations together.
        tumor_ml: milliliters of tumor in an examination with tumor; None if voxel sizes are not published.
        areas: the slices with tumor by the fraction of the image that it covers.
        institutions: patients of each site; of each year and site for BraTS.
        missing: for each sequence, the examinations without it.
        missing_means: what they have instead, for tables.
        image_sizes: slices of each size, ``rows×columns``.
        slices_per_patient: slices of a patient in all examinations.
        unreadable: examinations left out, each with the reason in one line.
        license: of the images and masks.
    """

    dataset: str
    root: Path
    patients: int
    examinations: int
    slices: int
    slices_with_tumor: int
    slices_without_tumor: int
    patients_without_tumor: tuple[str, ...]
    tumor_px: Spread | None
    patient_tumor_px: Spread | None
    tumor_ml: Spread | None
    areas: tuple[AreaBin, ...]
    institutions: dict[str, int]
    missing: dict[str, tuple[str, ...]]
    missing_means: str
    image_sizes: dict[str, int]
    slices_per_patient: Spread | None
    unreadable: dict[str, str]
    license: str

    def markdown(self) -> str:
        """The same as Markdown tables."""
        lines = [f"# {self.dataset}: {self.patients} patients", ""]
        for title, rows in self.tables():
            lines += [f"| {title} | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows), ""]
        return "\n".join([*lines, self.license, ""])

    def print(self, console: Console) -> None:
        """Print the tables on a terminal."""
        console.print(f"{self.dataset} in {self.root}", style="bold", highlight=False)
        for title, rows in self.tables():
            print_table(console, (title, ""), rows)
        console.print(self.license, style="dim", highlight=False)

    def tables(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Title and rows of each table."""
        counts = [
            ("patients", f"{self.patients:,}"),
            ("examinations", f"{self.examinations:,}"),
            ("slices", f"{self.slices:,}"),
            ("with tumor", part(self.slices_with_tumor, self.slices)),
            ("without", part(self.slices_without_tumor, self.slices)),
            ("patients without any tumor", str(len(self.patients_without_tumor))),
            ("slices of a patient", str(self.slices_per_patient or "–")),
            ("image sizes", ", ".join(f"{size}: {count:,}" for size, count in self.image_sizes.items())),
            ("tumor px, slices with tumor", str(self.tumor_px or "–")),
            ("tumor px, patients", str(self.patient_tumor_px or "–")),
        ]
        if self.tumor_ml:
            counts.append(("tumor mL, examinations with tumor", str(self.tumor_ml)))
        areas = [
            (f"{100 * area.above:g} to {100 * area.up_to:g} %", part(area.slices, self.slices_with_tumor))
            for area in self.areas
        ]
        missing = [
            (sequence, f"{len(cases)}: {', '.join(cases)}" if cases else "0")
            for sequence, cases in self.missing.items()
        ]
        tables = [
            ("counts", counts),
            ("tumor's share of the image", areas),
            ("patients by institution", [(name, str(count)) for name, count in self.institutions.items()]),
            (f"examinations whose sequence is {self.missing_means}", missing),
        ]
        if self.unreadable:
            tables.append(("left out", list(self.unreadable.items())))
        return tables


def summarize_volumes(dataset: VolumeDataset, on_case: Callable[[str], object] = lambda case: None) -> Summary:
    """Read every examination once and count.

    Examinations that cannot be read are named under ``unreadable`` and not counted.

    Args:
        dataset: the data set.
        on_case: called with the name of each examination after reading it, for a progress bar.

    Raises:
        BadDataset: not one patient can be read.
    """
    per_slice: list[int] = []
    per_patient: Counter[str] = Counter()
    lengths: Counter[str] = Counter()
    fractions: list[float] = []
    sizes: Counter[str] = Counter()
    institutions: dict[str, str] = {}
    examinations = 0
    milliliters: list[float] = []
    missing: dict[str, list[str]] = {sequence: [] for sequence in dataset.optional_sequences}
    unreadable: dict[str, str] = {}
    for case in dataset.cases:
        try:
            scan, mask = case.scan_and_mask()
        except TumorscopeError as error:
            unreadable[case.case] = str(error)
            continue
        finally:
            on_case(case.case)
        areas = mask.sum(axis=(1, 2))
        _, rows, columns = scan.shape
        per_slice += areas[areas > 0].tolist()
        fractions += (areas[areas > 0] / (rows * columns)).tolist()
        examinations += 1
        per_patient[case.patient] += int(areas.sum())
        lengths[case.patient] += len(areas)
        sizes[f"{rows}×{columns}"] += len(areas)
        institutions[case.patient] = case.institution
        if scan.voxel_volume_mm3 is not None and mask.any():
            milliliters.append(float(areas.sum()) * scan.voxel_volume_mm3 / 1000)
        for sequence in case.missing_sequences(scan):
            missing[sequence].append(case.case)
    if not per_patient:
        raise BadDataset(f"{dataset.root}: not one patient can be read; the first: {next(iter(unreadable.values()))}")
    bins = np.searchsorted(AREA_FRACTIONS[1:], fractions)
    return Summary(
        dataset=dataset.name,
        root=dataset.root,
        patients=len(per_patient),
        examinations=examinations,
        slices=lengths.total(),
        slices_with_tumor=len(per_slice),
        slices_without_tumor=lengths.total() - len(per_slice),
        patients_without_tumor=tuple(name for name, pixels in per_patient.items() if not pixels),
        tumor_px=Spread.of(per_slice),
        patient_tumor_px=Spread.of([pixels for pixels in per_patient.values() if pixels]),
        tumor_ml=Spread.of(milliliters),
        areas=tuple(
            AreaBin(above, up_to, int((bins == index).sum()))
            for index, (above, up_to) in enumerate(pairwise(AREA_FRACTIONS))
        ),
        institutions=dict(sorted(Counter(institutions.values()).items())),
        missing={sequence: tuple(cases) for sequence, cases in missing.items()},
        missing_means=dataset.absence,
        image_sizes=dict(sizes.most_common()),
        slices_per_patient=Spread.of(list(lengths.values())),
        unreadable=unreadable,
        license=dataset.license,
    )


def print_table(console: Console, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print one table on a terminal."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, name in enumerate(header):
        table.add_column(escape(name), justify="right" if index and len(header) > 2 else "left")
    for row in rows:
        table.add_row(*map(escape, row))
    console.print(table)


def part(count: int, whole: int) -> str:
    """``3 (25.0 %)``."""
    return f"{count:,} ({100 * count / whole:.1f} %)" if whole else f"{count:,}"
