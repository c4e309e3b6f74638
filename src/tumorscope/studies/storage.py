"""Storage of the service and the DICOM node: private folders, and results that appear by one rename."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.files import sync


def create_private_folder(data: Path, inner: Iterable[str]) -> None:
    """Create a folder that only its owner can read, with folders in it; existing ones stay.

    Args:
        data: the folder.
        inner: names of the folders in it.

    Raises:
        TumorscopeError: a folder cannot be created.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in inner:
            (data / name).mkdir(exist_ok=True)
    except OSError as error:
        raise TumorscopeError(
            f"{data}: cannot be created ({(error.strerror or '').lower()}); name another folder with --data"
        ) from error


def publish(made: Path, target: Path) -> bool:
    """Move a complete folder to its final path by one rename, after everything in it is on disk.

    Returns:
        Whether it was moved; False if the target exists, which then stays.

    Raises:
        OSError: the parent of the target does not exist and the like.
    """
    sync_tree(made)
    try:
        made.rename(target)
    except OSError:
        if target.is_dir():
            return False
        raise
    sync(target.parent)
    return True


def sync_tree(folder: Path) -> None:
    """Flush all files and folders in a folder to disk."""
    for parent, _folders, names in os.walk(folder, topdown=False):
        for name in names:
            sync(Path(parent, name))
        sync(Path(parent))
