"""A CSV table that names images, masks, labels, patients and parts, one line per case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from tumorscope.core.errors import BadDataset
from tumorscope.core.scan import SEQUENCES
from tumorscope.datasets.folders import class_name
from tumorscope.datasets.own_cases import FoundCase, part_name
from tumorscope.datasets.own_data import OwnDataset, own_entry
from tumorscope.datasets.own_options import NOTHING_STATED, PATIENTS_FILE, OwnDataOptions, read_table
from tumorscope.io.checks import printable
from tumorscope.io.formats import stem

_COLUMNS = ("image", *SEQUENCES, "mask", "label", "patient", "split")


@dataclass(frozen=True)
class TableDataset(OwnDataset):
    """All lines of a table, in its order."""

    name = "table"

    @classmethod
    def open(cls, path: Path, options: OwnDataOptions = NOTHING_STATED) -> TableDataset:
        """Read a table; paths in it are relative to its folder.

        Args:
            path: a CSV file with the column ``image``, or a column for each sequence (``t1``, ``t1c``, ``t2``,
                ``flair``), and any of ``mask``, ``label``, ``patient`` and ``split``; or the folder of one such file.
            options: what the owner states.

        Raises:
            BadDataset: not such a table, a file that it names is missing, or an image is named twice.
        """
        if not path.exists():
            raise BadDataset(f"{path}: no such folder or file")
        file = path if path.is_file() else _table_in(path)
        if file is None:
            raise BadDataset(f"{path}: no table with a column image here; columns are {', '.join(_COLUMNS)}")
        rows = read_table(file)
        columns = _known_columns(file, rows[0] if rows else {})
        if rows and not any(name in columns for name in ("image", *SEQUENCES)):
            raise BadDataset(f"{file}: has no column image; columns are {', '.join(_COLUMNS)}")
        found = [_case(file, number, {name: row[name] for name in columns}) for number, row in enumerate(rows, start=2)]
        if not found:
            raise BadDataset(f"{file}: has no lines below the names of its columns")
        return cls.of_cases(path, _with_names(file, found), options, _unused(rows[0]))


def _table_in(path: Path) -> Path | None:
    """The table that a path is or holds; None without one, or with several."""
    if path.is_file():  # named as a table, so that its own fault is told
        return path if path.suffix.lower() in (".csv", ".tsv") else None
    files = sorted((*path.glob("*.csv"), *path.glob("*.tsv"))) if path.is_dir() else []
    tables = [file for file in files if file.name != PATIENTS_FILE and _is_table(file)]
    return tables[0] if len(tables) == 1 else None


def _is_table(file: Path) -> bool:
    try:
        rows = read_table(file)
    except BadDataset:
        return False
    return bool(rows) and any(name in rows[0] for name in ("image", *SEQUENCES))


def _known_columns(file: Path, row: Mapping[str, str]) -> list[str]:
    """The table's columns that mean something here.

    Raises:
        BadDataset: a column is nearly named like one of them.
    """
    known = [name for name in _COLUMNS if name in row]
    missing = [name for name in _COLUMNS if name not in row]
    for name in row:
        near = get_close_matches(name, missing, n=1, cutoff=0.8)
        if name not in _COLUMNS and near:
            raise BadDataset(f"{file}: the column {printable(name)} is not known; did you mean {near[0]}?")
    return known


def _unused(row: Mapping[str, str]) -> list[str]:
    """A note on the columns that mean nothing here; the user may have meant one of those that do."""
    names = [printable(name) for name in row if name not in _COLUMNS]
    if not names:
        return []
    return [f"columns that are not used: {', '.join(names)}; the known ones are {', '.join(_COLUMNS)}"]


def _case(file: Path, number: int, row: Mapping[str, str]) -> FoundCase:
    """The case of one line.

    Raises:
        BadDataset: it names no image, a file that does not exist, or a part that is not known.
    """
    images = {"": row["image"]} if row.get("image") else {name: row[name] for name in SEQUENCES if row.get(name)}
    if not images:
        raise BadDataset(f"{file}: line {number} names no image")
    files = {name: _existing(file, number, text) for name, text in images.items()}
    part = part_name(row.get("split", ""))
    if row.get("split") and part is None:
        raise BadDataset(f"{file}: line {number}: {printable(row['split'])} is not train, validation or test")
    return FoundCase(
        case=next(iter(images.values())),
        images=files,
        mask=_existing(file, number, row["mask"]) if row.get("mask") else None,
        tumor_class=class_name(row["label"]) if row.get("label") else None,
        patient=row.get("patient", ""),
        part=part or "",
    )


def _existing(file: Path, number: int, text: str) -> Path:
    path = file.parent / text.replace("\\", "/")
    if not path.exists():
        raise BadDataset(f"{file}: line {number} names {printable(text)}, which is not there ({path})")
    return path


def _with_names(file: Path, found: list[FoundCase]) -> list[FoundCase]:
    """The cases, none of whose images occurs twice.

    Raises:
        BadDataset: one does.
    """
    seen: dict[Path, int] = {}
    for number, case in enumerate(found, start=2):
        for image in map(Path.resolve, case.images.values()):
            if image in seen:
                raise BadDataset(f"{file}: lines {seen[image]} and {number} name the image {stem(image)}; keep one")
            seen[image] = number
    return found


ENTRY = own_entry(
    TableDataset.name,
    title="your own images or volumes, named by a CSV table",
    layout="`ANY.csv` with the column `image` (or `t1`, `t1c`, `t2`, `flair`) and any of `mask`, `label`, `patient`, "
    "`split`",
    open_layout=TableDataset.open,
    recognizes=lambda path: _table_in(path) is not None,
)
