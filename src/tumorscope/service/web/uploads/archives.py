"""ZIP archives: looked through before the first byte is unpacked, counted while it is."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tumorscope.io.checks import label
from tumorscope.service.web.refusal import ApiError
from tumorscope.service.web.uploads.directory import count_entries
from tumorscope.service.web.uploads.limits import Limits, size_words
from tumorscope.service.web.uploads.names import is_clutter, parts_of
from tumorscope.service.web.uploads.tree import UploadTree

_ENCRYPTED = 0x1 | 0x40 | 0x2000
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""Other methods may ask for gigabytes of memory to unpack a few bytes."""
_PIECE = 1 << 20
_LOCAL_HEADER = 30


@dataclass(frozen=True)
class _Member:
    info: zipfile.ZipInfo
    parts: tuple[str, ...]


def unpack_archives(tree: UploadTree) -> None:
    """Unpack every archive of an upload, then remove it.

    Archives inside archives stay packed; they are no scans, and are left out as such.

    Raises:
        ApiError: an archive that is damaged, encrypted, too large unpacked, or made to do harm.
    """
    budget = tree.limits.unpacked_bytes
    for archive in tree.archives:
        budget -= _unpack(archive, tree, budget)
        archive.unlink()
        del tree.sent_as[archive]


def _unpack(archive: Path, tree: UploadTree, budget: int) -> int:
    """Unpack one archive; how many bytes came out of it."""
    name = label(tree.sent_as[archive])
    entries = count_entries(archive, 2 * tree.limits.files)  # folders are entries too
    if entries is None:
        raise ApiError(400, f"{name}: no ZIP archive although its name says so, or cut short; send it again")
    if entries > 2 * tree.limits.files:
        raise ApiError(413, f"{name}: holds more than {tree.limits.files:,} files; send fewer at a time")
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _checked(name, opened.infolist(), tree.limits, budget, archive.stat().st_size)
            for member in members:
                tree.count_file()
                if not is_clutter(member.parts):
                    _extract(opened, member, tree.place_member(archive, member.parts))
    except ApiError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError, ValueError) as error:
        raise ApiError(400, f"{name}: the archive is damaged; make it again") from error
    except RuntimeError as error:  # what zipfile raises where a password is asked for
        raise ApiError(400, f"{name}: the archive is encrypted; send it without a password") from error
    return sum(member.info.file_size for member in members)


def _checked(
    name: str, infos: Sequence[zipfile.ZipInfo], limits: Limits, budget: int, packed_bytes: int
) -> list[_Member]:
    """The archive's files, if all of them are harmless."""
    members = []
    seen: set[str] = set()
    for info in infos:
        _refuse_odd(name, info)
        # zipfile cuts a name at a null character, which would hide what follows.
        sent = info.orig_filename
        folder = sent.rstrip("/\\") if sent.endswith(("/", "\\")) else None
        if folder is not None:
            if folder not in ("", "."):
                _parts(name, folder)
            continue
        parts = _parts(name, sent)
        key = "/".join(parts).casefold()
        if key in seen:
            raise ApiError(400, f"{name}: two members have one name ({label(parts[-1])}); make the archive again")
        seen.add(key)
        members.append(_Member(info, parts))
    total = sum(member.info.file_size for member in members)
    if total > budget:
        raise ApiError(413, f"{name}: larger than {size_words(limits.unpacked_bytes)} unpacked; send less at a time")
    if total > limits.ratio_from and total > limits.ratio * packed_bytes:
        raise ApiError(
            413, f"{name}: grows more than {limits.ratio:g} times on unpacking; such an archive is not taken"
        )
    _refuse_overlaps(name, members, packed_bytes)
    return members


def _refuse_odd(name: str, info: zipfile.ZipInfo) -> None:
    """Refuse what is neither a file nor a folder that can be unpacked here."""
    if info.flag_bits & _ENCRYPTED:
        raise ApiError(400, f"{name}: the archive is encrypted; send it without a password")
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        what = "a symbolic link" if stat.S_ISLNK(mode) else "a device or the like"
        raise ApiError(400, f"{name}: holds {what} ({label(info.filename)}); send the files themselves")
    if info.compress_type not in _METHODS:
        raise ApiError(400, f"{name}: packed by a method that is not read here; pack it as an ordinary ZIP (Deflate)")


def _parts(name: str, sent: str) -> tuple[str, ...]:
    try:
        return parts_of(sent)
    except ApiError as error:
        raise ApiError(error.status, f"{name}: {error}") from error


def _refuse_overlaps(name: str, members: Sequence[_Member], packed_bytes: int) -> None:
    """Refuse members that share their packed bytes: a bomb without nesting (Fifield, WOOT 2019)."""
    end = 0
    for info in sorted((member.info for member in members), key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise ApiError(400, f"{name}: members lie over each other; such an archive is not taken")
        end = info.header_offset + _LOCAL_HEADER + info.compress_size
    if end > packed_bytes:
        raise ApiError(400, f"{name}: the archive is damaged; make it again")


def _extract(archive: zipfile.ZipFile, member: _Member, place: Path) -> None:
    """Unpack one file; a member whose bytes are more than it states is damaged, says zipfile."""
    with archive.open(member.info) as packed, place.open("xb") as file:
        while piece := packed.read(_PIECE):
            file.write(piece)
