"""Files that are either whole or not there, and folder names that are safe."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO

from tumorscope.core.errors import TumorscopeError

LONGEST_NAME = 80
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
"""Names that Windows keeps for devices."""

_REASONS = {
    errno.ENOSPC: "no space left; free some or choose another folder",
    errno.EDQUOT: "no space left in your quota; free some or choose another folder",
    errno.EACCES: "no permission to write here; choose another folder",
    errno.EPERM: "no permission to write here; choose another folder",
    errno.EROFS: "this disk is read-only; choose another folder",
    errno.EEXIST: "a file is in the way of this folder; remove it or choose another folder",
    errno.ENOTDIR: "a file is in the way of this folder; remove it or choose another folder",
    errno.EISDIR: "a folder is in the way of this file; remove it or choose another folder",
    errno.ENAMETOOLONG: "the name is too long for this disk; choose a shorter one",
}


def safe_name(case: str) -> str:
    """A folder name for a case: ASCII letters, digits, ``.``, ``_`` and ``-``; one level; never hidden.

    A name made here stays as it is when it is made safe again.
    Where more than white space had to change, six digits of a hash follow, so that two
    cases never share a folder only because their names lost the same letters.

    >>> safe_name("TCGA_CS_4941_19960909"), safe_name("case 1"), safe_name("")
    ('TCGA_CS_4941_19960909', 'case_1', 'case')
    >>> safe_name("../../x")
    'x-9cdf6a'
    """
    spaced = re.sub(r"\s+", "_", case.strip())
    letters = "".join(sign for sign in unicodedata.normalize("NFKD", spaced) if not unicodedata.combining(sign))
    name = re.sub(r"\.{2,}", ".", re.sub(r"[^A-Za-z0-9._-]+", "_", letters))
    name = name.lstrip("._-").rstrip(".")
    if not name or _RESERVED.match(name):
        name = f"case-{name}".rstrip("-")
    if not spaced or (name == spaced and len(name) <= LONGEST_NAME):
        return name
    digits = hashlib.sha256(case.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return f"{name[: LONGEST_NAME - 7]}-{digits}"


def save_whole(path: Path, content: bytes) -> Path:
    """Write one file so that it is there whole or not at all; its folder is made.

    Raises:
        TumorscopeError: the disk is full, there is no permission and the like.
    """
    return save_together(path.parent, {path.name: content})[path.name]


def save_together(folder: Path, contents: Mapping[str, bytes], outdated: tuple[str, ...] = ()) -> dict[str, Path]:
    """Write several files of one folder so that all are there whole, or none.

    The last of ``contents`` is the seal, see :func:`together`.

    Args:
        folder: made if it is not there.
        contents: by file name.
        outdated: files of an earlier run that the new ones make wrong.

    Raises:
        TumorscopeError: naming the file; what was there before is then unchanged.
    """
    with together(folder, tuple(contents), outdated) as writing:
        for name, content in contents.items():
            with writing(name) as file:
                file.write(content)
    return {name: folder / name for name in contents}


@contextmanager
def together(
    folder: Path, names: Sequence[str], outdated: tuple[str, ...] = ()
) -> Iterator[Callable[[str], AbstractContextManager[BinaryIO]]]:
    """Several files of one folder, written as they come, that are there whole or not at all.

    Inside, every one of ``names`` is opened, written and closed once. All are written aside
    and renamed into place when the last byte is on disk. The last name is the seal: an
    earlier one is removed before anything else changes, and the new one is put in place
    last, so that it is never beside files of another run.

    Args:
        folder: made if it is not there.
        names: of the files.
        outdated: files of an earlier run that the new ones make wrong.

    Raises:
        TumorscopeError: naming the file; what was there before is then unchanged, as it is
            when anything else is raised inside.
    """
    asides = {name: folder / f".{name}.{secrets.token_hex(4)}.part" for name in names}
    made: list[Path] = []
    placed: list[Path] = []
    current = folder
    complete = False

    @contextmanager
    def writing(name: str) -> Iterator[BinaryIO]:
        nonlocal current
        current = folder / name
        if current.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        with asides[name].open("xb") as file:
            yield file
            file.flush()
            # Some file systems (NFS, quotas) say only now that the disk is full.
            os.fsync(file.fileno())

    try:
        made += [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        yield writing
        for name in (*names[-1:], *outdated):
            current = folder / name
            current.unlink(missing_ok=True)
        for name, aside in asides.items():
            current = folder / name
            aside.replace(current)
            placed.append(current)
        complete = True
    except OSError as error:
        raise TumorscopeError(f"{current}: {writing_reason(error)}") from error
    finally:
        if not complete:  # also when the user interrupts
            _remove([*asides.values(), *placed], made)


def sync(path: Path) -> None:
    """Put a file, or the names in a folder, on disk for good, where the system can."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:  # folders on Windows
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(files: list[Path], folders: list[Path]) -> None:
    """Remove the files of an interrupted writer, and its folders, from the innermost outwards, as far as they are empty."""
    for path in files:
        try:
            path.unlink(missing_ok=True)
        except OSError:  # nothing more can be done, and the first error is the one to report
            continue
    for path in folders:
        try:
            path.rmdir()
        except OSError:
            return


def writing_reason(error: OSError) -> str:
    """Why a file cannot be written, and what to do."""
    return _REASONS.get(error.errno or 0, f"cannot be written ({error.strerror or type(error).__name__})")
