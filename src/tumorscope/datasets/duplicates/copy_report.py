"""The overview of copies as tables on a terminal, in Markdown, and as CSV of all pairs."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from tumorscope.datasets.duplicates.copy_statistics import Copied, Overview
from tumorscope.io.checks import printable

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS = ("kind", "correlation", "hash_distance", "orientation")
_ENDS = ("set", "name", "label", "patient")
_MOST_NAMED = 200
"""Longest list in the document; ``duplicates.csv`` has all pairs."""


def pairs_csv(overview: Overview) -> str:
    """One row per pair: the columns of the pair, then those of both images."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*COLUMNS, *(f"{column}_{end}" for end in (1, 2) for column in _ENDS)))
    prints = overview.fingerprints
    columns = (prints.sets, prints.names, prints.labels, prints.patients)
    for pair in overview.pairs:
        ends = [column[index] for index in (pair.first, pair.second) for column in columns]
        writer.writerow((pair.kind, f"{pair.correlation:.4f}", pair.hash_distance, pair.orientation, *ends))
    return text.getvalue()


def markdown(overview: Overview) -> str:
    """All counts, with lists of conflicts and unreadable files."""
    prints = overview.fingerprints
    lines = [
        f"# Copies in {', '.join(overview.sets)}",
        "",
        f"{len(prints):,} images. {_in_groups(overview)} Exact: the files are the same byte by byte. Near: the same "
        f"slice, resized, compressed, windowed, sharpened, mirrored or turned upside down (aligned correlation "
        f"of {overview.threshold:g} or more). Of byte-identical files only the first is paired with others; the "
        "tables count copies of copies as copies.",
        "",
        "## Pairs",
        "",
        "| kind | between | and | pairs |",
        "|---|---|---|---:|",
    ]
    for (kind, one, other), count in sorted(overview.pair_counts().items()):
        lines.append(f"| {kind} | {_cell(one)} | {_cell(other)} | {count:,} |")
    known = overview.patient_counts()
    if known:
        lines += ["", f"Pairs of known patients: {known['same']:,} of one, {known['different']:,} of two."]
    lines += ["", "## Images", "", "| images of | class | number | with a copy in | copies | left |"]
    lines.append("|---|---|---:|---|---:|---:|")
    lines += [
        f"| {_cell(row.where)} | {_cell(row.label)} | {row.images:,} | {_cell(row.of)} "
        f"| {row.copies:,} ({_per_cent(row)}) | {row.images - row.copies:,} |"
        for row in overview.copied()
    ]
    for name, split in overview.clean_splits().items():
        counts = {part: len(names) for part, names in split.parts.items()}
        lines += [
            "",
            f"## {_cell(name)} without copies in the test",
            "",
            f"{counts['train']:,} to train, {counts['test']:,} to test, {counts['dropped']:,} dropped from the test: "
            f"copies of training images, and all but one of copies among each other. Hash {split.hash[:12]}.",
        ]
    conflicts = [
        ", ".join(f"{prints.sets[index]}/{prints.names[index]} ({prints.labels[index]})" for index in group)
        for group in overview.conflicts()
    ]
    lines += _listed("Copies with different classes", conflicts)
    lines += _listed("Left out because they cannot be read", list(prints.unreadable.values()))
    return "\n".join([*lines, ""])


def terminal_table(overview: Overview) -> Table:
    """Number of images of each part that have a copy in each part."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("images of", "number", "with a copy in", "copies", "left"):
        table.add_column(name, justify="right" if name in ("number", "copies", "left") else "left")
    rows = overview.copied()
    split_up = {(row.where, row.of) for row in rows if row.label == "all"}
    for row in rows:
        if row.label == "all" or (row.where, row.of) not in split_up:
            copies, left = f"{row.copies:,} ({_per_cent(row)})", f"{row.images - row.copies:,}"
            table.add_row(escape(row.where), f"{row.images:,}", escape(row.of), copies, left)
    return table


def _in_groups(overview: Overview) -> str:
    members = sum(map(len, overview.groups))
    if not members:
        return "No two show the same slice."
    return (
        f"{members:,} of them show {len(overview.groups):,} slices twice or more, one of them {_most(overview)} times."
    )


def _most(overview: Overview) -> int:
    return max(map(len, overview.groups))


def _per_cent(row: Copied) -> str:
    return f"{100 * row.copies / row.images:.0f} %"


def _listed(title: str, items: list[str]) -> list[str]:
    if not items:
        return []
    more = [f"- and {len(items) - _MOST_NAMED:,} more"] if len(items) > _MOST_NAMED else []
    named = [f"- {_cell(item)}" for item in items[:_MOST_NAMED]]
    return ["", f"## {title}: {len(items):,}", "", *named, *more]


def _cell(text: str) -> str:
    return printable(text).replace("|", "\\|")
