"""Files on their way to the service, opened one at a time and never held in memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tumorscope.core.errors import TumorscopeError

OnBytes = Callable[[int, int], None]
"""Called with how many bytes are sent, and of how many."""
_TOLD_EVERY = 256 * 1024


@dataclass(frozen=True)
class Outgoing:
    """A file with the name under which it is sent.

    Attributes:
        name: a relative path with ``/``, by which the service knows what belongs together.
    """

    path: Path
    name: str
    size: int


def outgoing(paths: Iterable[Path]) -> list[Outgoing]:
    """What is sent of files and folders: of a folder what lies below it, without hidden files, links not followed.

    A folder's own name begins the names of its files. Of two paths that would be sent under
    one name the second goes into a folder of its own.

    Raises:
        TumorscopeError: a path is not there, or nothing is in the folders.
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
        raise TumorscopeError("there is nothing to send in what was named; name files, or folders with files")
    return files


def named_below(root: Path, files: Sequence[Path]) -> list[Outgoing]:
    """Some files of a folder, sent under the names that they have in it.

    Raises:
        TumorscopeError: one is not there.
    """
    first = root.resolve().name or "scan"
    return [
        Outgoing(file, _sendable(f"{first}/{Path(os.path.relpath(file, root)).as_posix()}"), _size(file))
        for file in files
    ]


class Part:
    """A file as the HTTP library reads it: opened when its turn comes, closed when it is through."""

    def __init__(self, file: Outgoing, on_read: Callable[[int], None]) -> None:
        self._of, self._on_read = file, on_read
        self._place = 0
        self._open: BinaryIO | None = None

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self.close()
        self._place = self._of.size + offset if whence == os.SEEK_END else offset
        return self._place

    def read(self, count: int) -> bytes:
        wanted = min(count, self._of.size - self._place)
        if wanted <= 0:
            self.close()
            return b""
        try:
            if self._open is None:
                self._open = self._of.path.open("rb")
                self._open.seek(self._place)
            chunk = self._open.read(wanted)
        except OSError as error:
            raise TumorscopeError(f"{self._of.path}: cannot be read ({_strerror(error)})") from error
        if not chunk:
            raise TumorscopeError(f"{self._of.path}: became shorter while it was sent; send it when it is complete")
        self._place += len(chunk)
        self._on_read(len(chunk))
        return chunk

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None


class ProgressReporter:
    """Adds up what went through, and says so now and then and at the end."""

    def __init__(self, total: int, on_progress: OnBytes) -> None:
        self._total, self._on_progress = total, on_progress
        self.start()

    def start(self) -> None:
        """From the beginning (again)."""
        self._sent = self._last = 0
        self._on_progress(0, self._total)

    def add(self, count: int) -> None:
        self._sent += count
        if self._sent - self._last >= _TOLD_EVERY or self._sent >= self._total:
            self._last = self._sent
            self._on_progress(self._sent, self._total)


def _files_below(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise TumorscopeError(f"{path}: no such file or folder; check the path")
    found: list[Path] = []

    def tell(error: OSError) -> None:
        raise TumorscopeError(f"{error.filename}: cannot be entered ({_strerror(error)})") from error

    for place, folders, names in os.walk(path, onerror=tell):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files = [Path(place, name) for name in sorted(names) if not name.startswith(".")]
        found += [file for file in files if file.is_file() and not file.is_symlink()]
    return found


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise TumorscopeError(f"{path}: cannot be read ({_strerror(error)})") from error


def _sendable(name: str) -> str:
    """Names on disk are bytes, and not always text."""
    return os.fsencode(name).decode("utf-8", "replace")


def _strerror(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
