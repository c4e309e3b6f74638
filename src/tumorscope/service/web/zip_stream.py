"""A ZIP archive that is created while it is sent, neither on disk nor completely in memory."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

_PIECE = 1 << 18
_COMPRESSED = {".gz", ".png", ".pdf"}


class _Buffer(io.RawIOBase):
    """A write-only buffer; zipfile never seeks back in an unseekable file."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def drain(self) -> bytes:
        content = b"".join(self._pieces)
        self._pieces.clear()
        return content


def zip_stream(files: Sequence[Path], folder: str) -> Iterator[bytes]:
    """Yield an archive of the files, all in one folder, in pieces."""
    buffer = _Buffer()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            info = zipfile.ZipInfo.from_file(path, f"{folder}/{path.name}")
            stored = path.suffix in _COMPRESSED
            info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as target:
                while piece := source.read(_PIECE):
                    target.write(piece)
                    if ready := buffer.drain():
                        yield ready
    yield buffer.drain()
