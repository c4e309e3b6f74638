"""The data sets: one entry per data set, defined in the module of its name.

Recipes, commands, model cards and the documentation take names, limits and tables from here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tumorscope.core.errors import BadDataset

if TYPE_CHECKING:
    from PIL import Image
    from rich.console import Console

    from tumorscope.datasets.labeled import FoldedDataset
    from tumorscope.datasets.own_options import OwnDataOptions

PUBLISHED_NAMES = ("lgg", "figshare", "kaggle4", "br35h", "brisc", "brats")
"""The published data sets. Each name is a module of this package that defines ``ENTRY``; names are known without
importing the modules."""

OWN_NAMES = ("nnunet", "table", "masks", "cases", "folders")
"""The layouts of a user's own data, likewise, in the order in which they are recognized."""

DATASET_NAMES = (*PUBLISHED_NAMES, *OWN_NAMES)

RECOGNIZED = "own"
"""Instead of a layout's name: the layout that is recognized."""

Progress = Callable[[str, int, int], object]
"""Receives the file in progress, the bytes received so far and the bytes in total."""


class DatasetReport(Protocol):
    """What a data set contains, as counted by :attr:`DatasetEntry.summarize`."""

    def save(self, folder: Path) -> None:
        """Write ``summary.json`` and ``summary.md``."""
        ...

    def print(self, console: Console) -> None:
        """Print the tables on a terminal."""
        ...


@dataclass(frozen=True)
class OwnLayout:
    """What makes an entry a layout of a user's own data.

    Attributes:
        recognizes: whether a path has this layout, by the names of files and folders and the content of tables; no
            image is read.
        open: opens it with what its owner states about it.
    """

    recognizes: Callable[[Path], bool]
    open: Callable[[Path, OwnDataOptions], FoldedDataset]


@dataclass(frozen=True)
class DatasetEntry:
    """Everything that is specific to one data set.

    Attributes:
        name: as in recipes, commands and splits; also the name of its module.
        title: what it contains, in one phrase.
        layout: the files below its folder, in Markdown.
        citation: author and year; empty if there is nothing to cite.
        license: of images and annotations.
        caveats: what a user of the data should know.
        limits: what the model card of a network trained on it states.
        split_unit: what a split divides: patients, unless the publisher does not identify them.
        published_split: the publisher's own split, such as ``"test images"``; empty if there is none.
        open: opens its folder; raises ``BadDataset`` if the folder contains something else.
        summarize: counts its contents; the second argument is called with the name of each case, for a progress bar.
        draw_preview: draws ``count`` examples chosen by ``seed``: ``draw_preview(dataset, count, seed)``.
        download: downloads it to a folder, or to a default location for None, and returns the folder to open.
            Raises ``TumorscopeError`` with the reason and the alternative.
        own: of a layout of a user's own data; None for a published data set.
    """

    name: str
    title: str
    layout: str
    citation: str
    license: str
    caveats: str
    open: Callable[[Path], FoldedDataset]
    summarize: Callable[[Any, Callable[[str], object]], DatasetReport]
    draw_preview: Callable[[Any, int, int], Image.Image]
    download: Callable[[Path | None, Progress], Path]
    limits: tuple[str, ...] = ()
    split_unit: str = "patients"
    published_split: str = ""
    own: OwnLayout | None = None


def check_dataset_name(name: str) -> str:
    """The name itself.

    Raises:
        BadDataset: there is no data set of that name.
    """
    if name not in DATASET_NAMES:
        raise BadDataset(f"{name}: no such data set; there are {', '.join(DATASET_NAMES)}")
    return name


def dataset_entry(name: str) -> DatasetEntry:
    """The entry of a data set.

    Raises:
        BadDataset: there is no data set of that name.
    """
    return import_module(f"tumorscope.datasets.{check_dataset_name(name)}").ENTRY


def dataset_entries() -> tuple[DatasetEntry, ...]:
    """All entries, in the order of :data:`DATASET_NAMES`."""
    return tuple(map(dataset_entry, DATASET_NAMES))


def open_dataset(name: str, path: Path, options: OwnDataOptions | None = None) -> FoldedDataset:
    """Open a data set by its name.

    Args:
        name: one of :data:`DATASET_NAMES`, or :data:`RECOGNIZED`.
        path: the folder with the publisher's unzipped files, or with a user's own data.
        options: what the owner of own data states about it; published data sets need none, and ignore it.

    Raises:
        BadDataset: the folder does not contain it, or there is no data set of that name.
    """
    entry = entry_at(name, path)
    return entry.open(path) if entry.own is None or options is None else entry.own.open(path, options)


def entry_at(name: str, path: Path) -> DatasetEntry:
    """The entry of a data set; for :data:`RECOGNIZED` that of the layout at a path.

    Raises:
        BadDataset: there is no data set of that name, or no layout is recognized.
    """
    return dataset_entry(require_layout(path) if name == RECOGNIZED else name)


def recognize_layout(path: Path) -> str | None:
    """The name of the layout of own data at a path, from :data:`OWN_NAMES`; None if it has none of them."""
    for name in OWN_NAMES:
        own = dataset_entry(name).own
        if own is not None and own.recognizes(path):
            return name
    return None


def require_layout(path: Path) -> str:
    """As :func:`recognize_layout`.

    Raises:
        BadDataset: none of them is recognized; the message lists them.
    """
    name = recognize_layout(path)
    if name is None:
        raise BadDataset(f"{path}: {'no such file or folder' if not path.exists() else understood_layouts()}")
    return name


def understood_layouts() -> str:
    """For messages: the layouts of own data, each with its files."""
    layouts = "; ".join(f"{name}: {dataset_entry(name).layout.replace('`', '')}" for name in OWN_NAMES)
    return f"no layout of own data is recognized here; these are understood: {layouts}"


def download_dataset(
    name: str, destination: Path | None = None, progress: Progress = lambda file, done, total: None
) -> Path:
    """Download a data set; see :attr:`DatasetEntry.download`."""
    return dataset_entry(name).download(destination, progress)


def markdown_table() -> str:
    """All data sets as a Markdown table, for the documentation."""
    header = ("name", "contents", "layout of `PATH`", "published split", "license", "caveats")
    rows = [
        (
            f"`{entry.name}`",
            f"{entry.title} ({entry.citation})" if entry.citation else entry.title,
            entry.layout,
            entry.published_split or "none",
            entry.license,
            entry.caveats,
        )
        for entry in dataset_entries()
    ]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, ("---",) * len(header), *rows)) + "\n"
