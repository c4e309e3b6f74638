"""Results on this disk, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tumorscope.client.connection import Connection
from tumorscope.core.files import together


def fetch_together(
    connection: Connection, folder: Path, addresses: Mapping[str, str], on_bytes: Callable[[int], None]
) -> list[Path]:
    """Fetch several files into a folder so that all are there whole, or none is; the last is put in place last.

    Args:
        addresses: path at the service by the file's name here.
        on_bytes: told of every piece that was written.

    Raises:
        TumorscopeError: naming the file on a full disk and the like; see :class:`Connection` for the rest.
    """
    with together(folder, tuple(addresses)) as writing:
        for name, address in addresses.items():
            with connection.streamed(address) as response, writing(name) as file:
                for piece in response.iter_bytes(256 * 1024):
                    file.write(piece)
                    on_bytes(len(piece))
    return [folder / name for name in addresses]
