"""A ZIP archive of files, made while it is sent: nothing of it is on disk or whole in memory."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

_PIECE = 1 << 18
_PACKED_ALREADY = {".gz", ".png", ".pdf"}


class _Outlet(io.RawIOBase):
    """Takes what zipfile writes, which then need not go back to change it."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def pack(files: Sequence[Path], folder: str) -> Iterator[bytes]:
    """The archive piece by piece, with the files in one folder."""
    outlet = _Outlet()
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            info = zipfile.ZipInfo.from_file(path, f"{folder}/{path.name}")
            stored = path.suffix in _PACKED_ALREADY
            info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as target:
                while piece := source.read(_PIECE):
                    target.write(piece)
                    if ready := outlet.take():
                        yield ready
    yield outlet.take()
