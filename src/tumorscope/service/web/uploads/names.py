r"""The names of uploaded files: what climbs out is refused, the rest becomes safe.

A client may send a path (a folder that was dropped) and an archive holds paths. They are read as
a hostile Windows or Unix machine might mean them: ``\`` separates as ``/`` does.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from tumorscope.core.files import safe_name
from tumorscope.io.checks import label
from tumorscope.service.web.refusal import ApiError
from tumorscope.service.web.uploads.limits import DEEPEST, LONGEST_NAME, LONGEST_PATH

_SUFFIX = re.compile(r"(\.nii\.gz|\.[A-Za-z0-9]{1,8})$", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:")
_LEFT_BY_SYSTEMS = {"__macosx", "thumbs.db", "desktop.ini", "$recycle.bin", "dicomdir"}
"""A DICOMDIR lists files by where they lay; here they are found without it."""


def parts_of(name: str) -> tuple[str, ...]:
    r"""The folders and the file that a path names, as they were sent.

    Raises:
        ApiError: the path climbs out, is absolute, or is too long or too deep.

    >>> parts_of("patient/./flair.nii.gz"), parts_of("patient\\flair.nii.gz")
    (('patient', 'flair.nii.gz'), ('patient', 'flair.nii.gz'))
    """
    shown = label(name[:LONGEST_PATH]) or "a file"
    if len(name) > LONGEST_PATH:
        raise ApiError(400, f"{shown}: a path of more than {LONGEST_PATH} characters; shorten it")
    if "\0" in name:
        raise ApiError(400, f"{shown}: a path with a null character; nothing was taken")
    path = name.replace("\\", "/")
    if path.startswith("/") or _DRIVE.match(path):
        raise ApiError(400, f"{shown}: an absolute path; send paths below the folder that is uploaded")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if ".." in parts:
        raise ApiError(400, f"{shown}: a path that climbs out of its folder; nothing was taken")
    if not parts or path.endswith("/"):
        raise ApiError(400, "a file without a name; give each file one")
    if max(len(part) for part in parts) > LONGEST_NAME:
        raise ApiError(400, f"{shown}: a name of more than {LONGEST_NAME} characters; shorten it")
    if len(parts) > DEEPEST:
        raise ApiError(400, f"{shown}: lies more than {DEEPEST} folders deep; send less of what is around the scan")
    return parts


def is_clutter(parts: tuple[str, ...]) -> bool:
    """Whether a file is hidden, or one that systems leave behind: never part of a scan.

    >>> is_clutter(("__MACOSX", "._flair.nii")), is_clutter(("flair.nii",))
    (True, False)
    """
    return any(part.startswith(".") or part.lower() in _LEFT_BY_SYSTEMS for part in parts)


def safe_file_name(name: str) -> str:
    """A safe name that keeps the ending, for it tells formats apart.

    >>> safe_file_name("FLAIR scan.NII.GZ"), safe_file_name("x<b>.png")
    ('FLAIR_scan.nii.gz', 'x_b_-830eed.png')
    """
    found = _SUFFIX.search(name)
    if found is None or found.start() == 0:
        return safe_name(name)
    return safe_name(name[: found.start()]) + found.group().lower()


def safe_path(parts: tuple[str, ...]) -> PurePosixPath:
    """Where a file goes below the upload's own folder.

    >>> str(safe_path(("my scan", "1.2.840.113619")))
    'my_scan/1.2.840.113619'
    """
    return PurePosixPath(*(safe_name(part) for part in parts[:-1]), safe_file_name(parts[-1]))


def file_stem(name: str) -> str:
    """A file's name without its ending.

    >>> file_stem("case_flair.nii.gz"), file_stem("noending")
    ('case_flair', 'noending')
    """
    found = _SUFFIX.search(name)
    return name if found is None or found.start() == 0 else name[: found.start()]
