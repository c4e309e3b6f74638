"""Files to upload, opened one at a time and never held in memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tumorscope.core.errors import TumorscopeError

OnBytes = Callable[[int, int], None]
"""Receives the number of transferred bytes and the total."""
_REPORT_INTERVAL_BYTES = 256 * 1024


@dataclass(frozen=True)
class Outgoing:
    """A file with the name under which it is sent.

    Attributes:
        name: a relative path with ``/``, by which the service groups files.
    """

    path: Path
    name: str
    size: int


def outgoing(paths: Iterable[Path]) -> list[Outgoing]:
    """The files to send for files and folders, without hidden files and symbolic links.

    The names of a folder's files begin with the folder's name. If names of two paths collide, those of the
    second get an additional folder.

    Raises:
        TumorscopeError: a path does not exist, or there are no files.
    """
    files: list[Outgoing] = []
    taken: set[str] = set()
    for path in paths:
        own = _files_below(path)
        first = path.resolve().name or "scan"
        names = [first if file == path else f"{first}/{file.relative_to(path).as_posix()}" for file in own]
        prefix, number = "", 1
        while any((prefix + name).lower() in taken for name in names):
            number += 1
            prefix = f"{number}/"
        for file, name in zip(own, names, strict=True):
            files.append(Outgoing(file, _sendable(prefix + name), _size(file)))
            taken.add((prefix + name).lower())
    if not files:
        raise TumorscopeError("there is nothing to send; name files, or folders with files")
    return files


def named_below(root: Path, files: Sequence[Path]) -> list[Outgoing]:
    """Some files of a folder, named by their paths in it.

    Raises:
        TumorscopeError: a file does not exist.
    """
    first = root.resolve().name or "scan"
    return [
        Outgoing(file, _sendable(f"{first}/{Path(os.path.relpath(file, root)).as_posix()}"), _size(file))
        for file in files
    ]


class Part:
    """A file for the HTTP library: opened at the first read, closed at its end."""

    def __init__(self, file: Outgoing, on_read: Callable[[int], None]) -> None:
        self._file, self._on_read = file, on_read
        self._position = 0
        self._open: BinaryIO | None = None

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self.close()
        self._position = self._file.size + offset if whence == os.SEEK_END else offset
        return self._position

    def read(self, count: int) -> bytes:
        wanted = min(count, self._file.size - self._position)
        if wanted <= 0:
            self.close()
            return b""
        try:
            if self._open is None:
                self._open = self._file.path.open("rb")
                self._open.seek(self._position)
            chunk = self._open.read(wanted)
        except OSError as error:
            raise TumorscopeError(f"{self._file.path}: cannot be read ({_strerror(error)})") from error
        if not chunk:
            raise TumorscopeError(f"{self._file.path}: became shorter during the upload; send it when it is complete")
        self._position += len(chunk)
        self._on_read(len(chunk))
        return chunk

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None


class ProgressReporter:
    """Adds up transferred bytes and reports them at intervals and at the end."""

    def __init__(self, total: int, on_progress: OnBytes) -> None:
        self._total, self._on_progress = total, on_progress
        self.start()

    def start(self) -> None:
        """Start, or restart after a failed attempt."""
        self._sent = self._last = 0
        self._on_progress(0, self._total)

    def add(self, count: int) -> None:
        self._sent += count
        if self._sent - self._last >= _REPORT_INTERVAL_BYTES or self._sent >= self._total:
            self._last = self._sent
            self._on_progress(self._sent, self._total)


def _files_below(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise TumorscopeError(f"{path}: no such file or folder; check the path")
    paths: list[Path] = []

    def tell(error: OSError) -> None:
        raise TumorscopeError(f"{error.filename}: cannot be opened ({_strerror(error)})") from error

    for parent, folders, names in os.walk(path, onerror=tell):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files = [Path(parent, name) for name in sorted(names) if not name.startswith(".")]
        paths += [file for file in files if file.is_file() and not file.is_symlink()]
    return paths


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise TumorscopeError(f"{path}: cannot be read ({_strerror(error)})") from error


def _sendable(name: str) -> str:
    """The name as UTF-8; names on disk may be other bytes."""
    return os.fsencode(name).decode("utf-8", "replace")


def _strerror(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
