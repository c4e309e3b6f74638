"""What a data set of single images contains: images, patients, how they are stored, and tumor sizes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tumorscope.datasets.summary import SavedSummary, Spread, part, print_table

if TYPE_CHECKING:
    from rich.console import Console

_MOST_SIZES = 8
"""Rows of the table of sizes; the JSON file has all."""

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]
"""Header and rows."""


@dataclass(frozen=True)
class ClassSummary(SavedSummary):
    """What a data set of single images contains. Counts by class list the classes in one order.

    Attributes:
        dataset, root: its name and folder.
        images: of each class.
        patients: of each class; None if the publisher does not identify them.
        parts: for each published part or fold, the images of each class.
        patients_in_parts: the same for patients.
        slices_per_patient: of each class; None where patients are unknown.
        groups: of each class, the number of groups of images that splits keep together (copies, slices of one
            patient); None if every image is its own group.
        group_count: the number of all groups, some of which may have images of several classes; None as ``groups``.
        planes: images of each plane and class; None if unknown.
        masks: images of each class with a mask; None if the data set has none.
        sizes: images of each size, ``rows×columns``, of each class.
        modes: images of each color mode (``gray``, ``RGB`` …) of each class.
        bits: images by the bits of a pixel's channel.
        guessed: the fraction of images whose class is guessed from nothing, from the color
            mode and from the size, each image from the others like it. A guess that beats the first shows a bias that
            a network can learn without any anatomy.
        darkest, brightest: values of each image's darkest and brightest pixel; None if
            only the files' headers were read.
        tumor_px: pixels of tumor in an image, of each class; None without masks.
        persons: those with several patient codes, and the fold of each code; None if
            patients are unknown.
        unreadable: images left out, each with the reason in one line.
        license: of images and annotations.
    """

    dataset: str
    root: Path
    images: dict[str, int]
    patients: dict[str, int] | None
    parts: dict[str, dict[str, int]]
    patients_in_parts: dict[str, dict[str, int]] | None
    slices_per_patient: dict[str, Spread] | None
    groups: dict[str, int] | None
    group_count: int | None
    planes: dict[str, dict[str, int]] | None
    masks: dict[str, int] | None
    sizes: dict[str, dict[str, int]]
    modes: dict[str, dict[str, int]]
    bits: dict[str, int]
    guessed: dict[str, float]
    darkest: Spread | None
    brightest: Spread | None
    tumor_px: dict[str, Spread] | None
    persons: dict[str, dict[str, str]] | None
    unreadable: dict[str, str]
    license: str

    def title(self) -> str:
        """``figshare: 3,064 images of 233 patients``."""
        of_patients = f" of {sum(self.patients.values()):,} patients" if self.patients else ""
        return f"{self.dataset}: {sum(self.images.values()):,} images{of_patients}"

    def markdown(self) -> str:
        """The same as Markdown tables."""
        lines = [f"# {self.title()}", ""]
        for header, rows in self.tables():
            rule = "|---" + "|---:" * (len(header) - 1) + "|"
            lines += [_row(header), rule, *map(_row, rows), ""]
        return "\n".join([*lines, self.license, ""])

    def print(self, console: Console) -> None:
        """Print the tables on a terminal."""
        console.print(f"{self.title()}, in {self.root}", style="bold", highlight=False, markup=False)
        for header, rows in self.tables():
            print_table(console, header, rows)
        console.print(self.license, style="dim", highlight=False, markup=False)

    def tables(self) -> list[Table]:
        """Header and rows of each table."""
        classes = tuple(self.images)
        whole = sum(self.images.values())
        counts = [("images", *self._counts(self.images), f"{whole:,}")]
        for name, found, count in (
            ("patients", self.patients, None),
            ("groups", self.groups, self.group_count),
            ("with mask", self.masks, None),
        ):
            if found:
                counts.append((name, *self._counts(found), f"{sum(found.values()) if count is None else count:,}"))
        tables: list[Table] = [(("", *classes, "all"), counts)]
        for name, parts in (
            ("images in", self.parts),
            ("patients in", self.patients_in_parts or {}),
            ("plane", self.planes or {}),
        ):
            rows = [(part, *self._counts(counts), f"{sum(counts.values()):,}") for part, counts in parts.items()]
            if rows:
                tables.append(((name, *classes, "all"), rows))
        for name, spreads in (("slices of a patient", self.slices_per_patient), ("tumor px", self.tumor_px)):
            if spreads:
                tables.append(((name, ""), [(kind, str(spread)) for kind, spread in spreads.items()]))
        modes = [(mode, *self._shares(found), part(sum(found.values()), whole)) for mode, found in self.modes.items()]
        tables.append((("stored as", *classes, "all"), modes))
        sizes = list(self.sizes.items())
        shown = [(size, *self._shares(found), part(sum(found.values()), whole)) for size, found in sizes[:_MOST_SIZES]]
        if rest := sizes[_MOST_SIZES:]:
            left = Counter({kind: sum(found.get(kind, 0) for _, found in rest) for kind in classes})
            shown.append((f"{len(rest)} others", *self._shares(left), part(sum(left.values()), whole)))
        tables.append((("rows×columns", *classes, "all"), shown))
        if len(classes) > 1:  # nothing is guessed where there is one
            guessed = [(name, f"{100 * share:.1f} %") for name, share in self.guessed.items()]
            tables.append((("class guessed from", "right"), guessed))
        values = [("bits", ", ".join(f"{bits}: {count:,}" for bits, count in self.bits.items()))]
        values += [("darkest pixel", str(self.darkest))] if self.darkest else []
        values += [("brightest pixel", str(self.brightest))] if self.brightest else []
        tables.append((("values", ""), values))
        if self.persons:
            codes = [
                (person, ", ".join(f"{code} {fold}".rstrip() for code, fold in found.items()))
                for person, found in self.persons.items()
            ]
            tables.append((("one person by the code's number", "codes"), codes))
        if self.unreadable:
            tables.append((("left out", ""), list(self.unreadable.items())))
        return tables

    def _counts(self, found: Mapping[str, int]) -> list[str]:
        return [f"{found.get(kind, 0):,}" for kind in self.images]

    def _shares(self, found: Mapping[str, int]) -> list[str]:
        """As a fraction of each class's images, not of all."""
        return [part(found.get(kind, 0), count) for kind, count in self.images.items()]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(re.sub(r"([|\\])", r"\\\1", cell) for cell in cells) + " |"
