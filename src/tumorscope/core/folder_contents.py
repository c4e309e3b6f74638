"""What a folder holds, links included: data sets and studies are often folders of links to others."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

FolderKey = tuple[int, int]


def folder_key(folder: Path) -> FolderKey:
    """What tells a folder from every other, whatever path leads to it.

    Raises:
        OSError: there is no such folder.
    """
    found = folder.stat()
    return found.st_dev, found.st_ino


def links_last(folder: Path) -> tuple[bool, str]:
    """A key to sort a folder's entries by name, those that are no links first."""
    return folder.is_symlink(), folder.name


def walk(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """As ``os.walk``, sorted; links are followed, and every folder comes once, so that links in a circle end.

    Args:
        folder: where to start; folders that cannot be opened are passed over.

    Yields:
        A folder, the names of the folders in it, from which the caller may remove some, and those of its files.
    """
    seen: set[FolderKey] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        key = folder_key(Path(place))
        if key in seen:
            folders.clear()
            continue
        seen.add(key)
        folders.sort(key=lambda name: links_last(Path(place, name)))
        yield Path(place), folders, sorted(files)


def files_below(folder: Path) -> list[Path]:
    """All files in a folder and those below it, by path, as :func:`walk` finds them.

    Hidden files and folders are left out: they hold what programs keep for themselves, such as the copies of images in
    ``.ipynb_checkpoints``, which would be cases of their own.
    """
    found: list[Path] = []
    for place, folders, names in walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [place / name for name in names if not name.startswith(".")]
    return sorted(found)
