"""Files that a power cut cannot take back, for one wait for the disk each.

A file is written under a hidden name that states its length and checksum, synced, and renamed without another sync. So
a file with its own name is whole. After a power cut a file may have its hidden name again; if its content is as
stated, :func:`finish_renames` renames it, else its writer had not returned and it is deleted.
"""

from __future__ import annotations

import os
import re
import time
import zlib
from contextlib import suppress
from pathlib import Path

from tumorscope.core.files import sync

_HIDDEN = re.compile(r"\.(?P<name>.+)\.(?P<time>\d+)\.(?P<length>\d+)\.(?P<checksum>[0-9a-f]{8})\.part")
_ORDERED = ("ext4", "xfs")
"""File systems with one journal of names and files, which syncing a new file puts on disk up to that file's name."""
_MOUNTS = Path("/proc/self/mountinfo")


def write_durably(path: Path, content: bytes, names_follow: bool) -> None:
    """Write a file so that it is there, whole, whenever power is cut after this returns; another one is replaced.

    Args:
        path: of the file, in an existing folder.
        content: of the file.
        names_follow: what :func:`syncs_names` returns for the folder. Otherwise it and the folder around it, which may
            be as new, are synced as well.

    Raises:
        OSError: the disk is full and the like; no partial file remains.
    """
    hidden = path.with_name(f".{path.name}.{time.time_ns()}.{len(content)}.{zlib.crc32(content):08x}.part")
    try:
        with hidden.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if not names_follow:
            sync(path.parent)
            sync(path.parent.parent)
        hidden.replace(path)
    except BaseException:
        with suppress(OSError):
            hidden.unlink(missing_ok=True)
        raise


def finish_renames(folder: Path) -> None:
    """Give the whole ones of a folder's hidden files their names, the oldest first, and delete the others."""
    hidden = [path for path in folder.iterdir() if path.name.startswith(".")]
    for path, stated in sorted(((path, _HIDDEN.fullmatch(path.name)) for path in hidden), key=_written):
        if stated and _is_as_stated(path, stated):
            path.replace(folder / stated["name"])
        else:
            path.unlink(missing_ok=True)


def syncs_names(folder: Path) -> bool:
    """Whether syncing a new file in a folder puts its name and those of new folders around it on disk, too.

    POSIX does not promise it, so that this is False for any file system not known for it.
    """
    try:
        mounts = _MOUNTS.read_text(errors="replace").splitlines()
    except OSError:  # not Linux
        return False
    device = folder.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    return any(mount.split()[2] == number and mount.rpartition(" - ")[2].split()[0] in _ORDERED for mount in mounts)


def _written(each: tuple[Path, re.Match[str] | None]) -> int:
    return int(each[1]["time"]) if each[1] else 0


def _is_as_stated(path: Path, stated: re.Match[str]) -> bool:
    if path.stat().st_size != int(stated["length"]):
        return False
    return zlib.crc32(path.read_bytes()) == int(stated["checksum"], 16)
