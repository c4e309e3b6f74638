"""Results on this disk, whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from tumorscope.client.connection import Connection
from tumorscope.errors import TumorscopeError
from tumorscope.files import remove


def fetch_together(
    connection: Connection, folder: Path, addresses: Mapping[str, str], on_bytes: Callable[[int], None]
) -> list[Path]:
    """Fetch several files into a folder so that all are there whole, or none is.

    They are written aside as they come, and renamed when the last byte of the last one is on
    disk; the last of ``addresses`` is put in place last.

    Args:
        addresses: path at the service by the file's name here.
        on_bytes: told of every piece that was written.

    Raises:
        TumorscopeError: naming the file on a full disk and the like; see :class:`Connection` for the rest.
    """
    asides = {name: folder / f".{name}.{secrets.token_hex(4)}.part" for name in addresses}
    made: list[Path] = []
    place, complete = folder, False
    try:
        made += [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for name, address in addresses.items():
            place = folder / name
            _fetch(connection, address, asides[name], on_bytes)
        for name, aside in asides.items():
            place = folder / name
            aside.replace(place)
        complete = True
    except OSError as error:
        raise TumorscopeError(f"{place}: cannot be written ({(error.strerror or 'unknown').lower()})") from error
    finally:
        if not complete:  # also when the user interrupts
            remove(list(asides.values()), made)
    return [folder / name for name in addresses]


def _fetch(connection: Connection, address: str, aside: Path, on_bytes: Callable[[int], None]) -> None:
    with connection.streamed(address) as answer, aside.open("xb") as file:
        for piece in answer.iter_bytes(256 * 1024):
            file.write(piece)
            on_bytes(len(piece))
        file.flush()
        # Some file systems (NFS, quotas) say only now that the disk is full.
        os.fsync(file.fileno())
