"""Contents that take longer to make than to read, kept between runs in the user's cache folder.

Nothing depends on them: the folder may be deleted at any time, and where it cannot be written everything is made again.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.files import save_whole

CACHE_VARIABLE = "TUMORSCOPE_CACHE"
"""Names another folder; empty: nothing is kept."""
_DIGEST_BYTES = hashlib.sha256().digest_size


def recall(kind: str, key: str) -> bytes | None:
    """What was kept, or None where it is not there or damaged.

    Args:
        kind: a folder's name, such as ``networks``.
        key: a file's name that no other content of this kind has.
    """
    try:
        path = _folder(kind) / key
        stored = path.read_bytes()
        os.utime(path)  # the least recently used are the first to go
    except OSError:
        return None
    content = stored[_DIGEST_BYTES:]
    return content if hashlib.sha256(content).digest() == stored[:_DIGEST_BYTES] else None


def keep(kind: str, key: str, content: bytes, most: int) -> None:
    """Keep a content for later runs, if that is possible.

    Args:
        kind, key: as for :func:`recall`.
        content: whose checksum is kept with it.
        most: contents of this kind; the least recently used are deleted.
    """
    with suppress(OSError, TumorscopeError):
        folder = _folder(kind)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        save_whole(folder / key, hashlib.sha256(content).digest() + content)
        kept = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in kept[most:]:
            path.unlink(missing_ok=True)


def cache_folder() -> Path:
    """Where contents are kept.

    Raises:
        FileNotFoundError: nowhere, by the user's will.
    """
    from platformdirs import user_cache_path

    named = os.environ.get(CACHE_VARIABLE)
    if named == "":
        raise FileNotFoundError(f"{CACHE_VARIABLE} is empty")
    return Path(named) if named else user_cache_path("tumorscope", appauthor=False)


def cache_state() -> str:
    """The folder, and what is in it, in words."""
    try:
        folder = cache_folder()
        sizes = [path.stat().st_size for path in folder.glob("*/*")]
    except OSError:
        return "none"
    return f"{folder} ({len(sizes)} files, {sum(sizes) / 1e6:.0f} MB)"


def _folder(kind: str) -> Path:
    return cache_folder() / kind
