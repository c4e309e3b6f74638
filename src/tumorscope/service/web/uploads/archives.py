"""ZIP archives: checked before the first byte is unpacked, and limited while unpacking."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tumorscope.io.checks import label
from tumorscope.service.web.api_error import ApiError
from tumorscope.service.web.uploads.directory import count_entries
from tumorscope.service.web.uploads.limits import Limits, format_bytes
from tumorscope.service.web.uploads.tree import UploadTree
from tumorscope.service.web.uploads.upload_names import is_clutter, parts_of

_ENCRYPTED = 0x1 | 0x40 | 0x2000
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""Other methods may need gigabytes of memory to unpack a few bytes."""
_PIECE = 1 << 20
_LOCAL_HEADER = 30


@dataclass(frozen=True)
class _Member:
    info: zipfile.ZipInfo
    parts: tuple[str, ...]


def unpack_archives(tree: UploadTree) -> None:
    """Unpack every archive of an upload, then remove it.

    Archives inside archives stay packed and are left out, since they are not scans.

    Raises:
        ApiError: an archive is damaged, encrypted, too large when unpacked, or malicious.
    """
    budget = tree.limits.unpacked_bytes
    for archive in tree.archives:
        budget -= _unpack(archive, tree, budget)
        archive.unlink()
        del tree.sent_as[archive]


def _unpack(archive: Path, tree: UploadTree, budget: int) -> int:
    """Unpack one archive; return the number of unpacked bytes."""
    name = label(tree.sent_as[archive])
    entries = count_entries(archive, 2 * tree.limits.files)  # folders are entries too
    if entries is None:
        raise ApiError(400, f"{name}: not a ZIP archive despite its name, or incomplete; send it again")
    if entries > 2 * tree.limits.files:
        raise ApiError(413, f"{name}: has more than {tree.limits.files:,} files; send fewer at a time")
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _checked(name, opened.infolist(), tree.limits, budget, archive.stat().st_size)
            for member in members:
                tree.count_file()
                if not is_clutter(member.parts):
                    _extract(opened, member, tree.new_member_path(archive, member.parts))
    except ApiError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError, ValueError) as error:
        raise ApiError(400, f"{name}: the archive is damaged; create it again") from error
    except RuntimeError as error:  # raised by zipfile if a password is needed
        raise ApiError(400, f"{name}: the archive is encrypted; send it without a password") from error
    return sum(member.info.file_size for member in members)


def _checked(
    name: str, infos: Sequence[zipfile.ZipInfo], limits: Limits, budget: int, packed_bytes: int
) -> list[_Member]:
    """The archive's files, if all of them are safe."""
    members = []
    seen: set[str] = set()
    for info in infos:
        _check_member(name, info)
        # zipfile truncates a name at a null character, which would hide the rest.
        sent = info.orig_filename
        folder = sent.rstrip("/\\") if sent.endswith(("/", "\\")) else None
        if folder is not None:
            if folder not in ("", "."):
                _parts(name, folder)
            continue
        parts = _parts(name, sent)
        key = "/".join(parts).casefold()
        if key in seen:
            raise ApiError(
                400, f"{name}: two members have the same name ({label(parts[-1])}); create the archive again"
            )
        seen.add(key)
        members.append(_Member(info, parts))
    total = sum(member.info.file_size for member in members)
    if total > budget:
        raise ApiError(413, f"{name}: larger than {format_bytes(limits.unpacked_bytes)} unpacked; send less at a time")
    if total > limits.ratio_from and total > limits.ratio * packed_bytes:
        raise ApiError(413, f"{name}: grows more than {limits.ratio:g} times when unpacked; such archives are rejected")
    _check_overlaps(name, members, packed_bytes)
    return members


def _check_member(name: str, info: zipfile.ZipInfo) -> None:
    """Reject a member that is neither a file nor a folder, or cannot be unpacked."""
    if info.flag_bits & _ENCRYPTED:
        raise ApiError(400, f"{name}: the archive is encrypted; send it without a password")
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        what = "a symbolic link" if stat.S_ISLNK(mode) else "a device or the like"
        raise ApiError(400, f"{name}: contains {what} ({label(info.filename)}); send the files themselves")
    if info.compress_type not in _METHODS:
        raise ApiError(400, f"{name}: compressed by an unsupported method; create an ordinary ZIP (Deflate)")


def _parts(name: str, sent: str) -> tuple[str, ...]:
    try:
        return parts_of(sent)
    except ApiError as error:
        raise ApiError(error.status, f"{name}: {error}") from error


def _check_overlaps(name: str, members: Sequence[_Member], packed_bytes: int) -> None:
    """Reject members with overlapping data: a non-recursive ZIP bomb (Fifield, WOOT 2019)."""
    end = 0
    for info in sorted((member.info for member in members), key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise ApiError(400, f"{name}: its members overlap; such archives are rejected")
        end = info.header_offset + _LOCAL_HEADER + info.compress_size
    if end > packed_bytes:
        raise ApiError(400, f"{name}: the archive is damaged; create it again")


def _extract(archive: zipfile.ZipFile, member: _Member, target: Path) -> None:
    """Unpack one file; zipfile raises an error if a member is larger than its header states."""
    with archive.open(member.info) as packed, target.open("xb") as file:
        while piece := packed.read(_PIECE):
            file.write(piece)
