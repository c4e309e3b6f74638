"""Download results completely or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tumorscope.client.connection import Connection
from tumorscope.core.files import together


def fetch_together(
    connection: Connection, folder: Path, addresses: Mapping[str, str], on_bytes: Callable[[int], None]
) -> list[Path]:
    """Download several files into a folder, all completely or none; the last one is renamed last.

    Args:
        addresses: path at the service by local file name.
        on_bytes: called with the number of bytes of every piece.

    Raises:
        TumorscopeError: names the file if the disk is full and the like; see also :class:`Connection`.
    """
    with together(folder, tuple(addresses)) as writing:
        for name, address in addresses.items():
            with connection.streamed(address) as response, writing(name) as file:
                for piece in response.iter_bytes(256 * 1024):
                    file.write(piece)
                    on_bytes(len(piece))
    return [folder / name for name in addresses]
