r"""Names of uploaded files: paths that leave their folder are rejected, other names are made safe.

A client may send paths (a dropped folder), and archives contain paths. They are parsed as a hostile
Windows or Unix machine might mean them: ``\`` separates folders like ``/``.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from tumorscope.core.files import safe_name
from tumorscope.io.checks import label
from tumorscope.service.web.api_error import ApiError
from tumorscope.service.web.uploads.limits import MAX_DEPTH, MAX_NAME, MAX_PATH

_SUFFIX = re.compile(r"(\.nii\.gz|\.[A-Za-z0-9]{1,8})$", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:")
_LEFT_BY_SYSTEMS = {"__macosx", "thumbs.db", "desktop.ini", "$recycle.bin", "dicomdir"}
"""A DICOMDIR lists files by their original paths; the files are found without it."""


def parts_of(name: str) -> tuple[str, ...]:
    r"""The folders and the file name of a path, as sent.

    Raises:
        ApiError: the path leaves its folder, is absolute, or is too long or too deep.

    >>> parts_of("patient/./flair.nii.gz"), parts_of("patient\\flair.nii.gz")
    (('patient', 'flair.nii.gz'), ('patient', 'flair.nii.gz'))
    """
    shown = label(name[:MAX_PATH]) or "a file"
    if len(name) > MAX_PATH:
        raise ApiError(400, f"{shown}: its path has more than {MAX_PATH} characters; shorten it")
    if "\0" in name:
        raise ApiError(400, f"{shown}: its path has a null character; the upload was rejected")
    path = name.replace("\\", "/")
    if path.startswith("/") or _DRIVE.match(path):
        raise ApiError(400, f"{shown}: its path is absolute; send paths below the uploaded folder")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if ".." in parts:
        raise ApiError(400, f"{shown}: its path leaves its folder; the upload was rejected")
    if not parts or path.endswith("/"):
        raise ApiError(400, "a file has no name; name every file")
    if max(len(part) for part in parts) > MAX_NAME:
        raise ApiError(400, f"{shown}: a name has more than {MAX_NAME} characters; shorten it")
    if len(parts) > MAX_DEPTH:
        raise ApiError(400, f"{shown}: more than {MAX_DEPTH} folders deep; send the scan's own folder")
    return parts


def is_clutter(parts: tuple[str, ...]) -> bool:
    """Whether a file is hidden or created by an operating system, and so never part of a scan.

    >>> is_clutter(("__MACOSX", "._flair.nii")), is_clutter(("flair.nii",))
    (True, False)
    """
    return any(part.startswith(".") or part.lower() in _LEFT_BY_SYSTEMS for part in parts)


def safe_file_name(name: str) -> str:
    """A safe name that keeps the suffix, which identifies the format.

    >>> safe_file_name("FLAIR scan.NII.GZ"), safe_file_name("x<b>.png")
    ('FLAIR_scan.nii.gz', 'x_b_-830eed.png')
    """
    match = _SUFFIX.search(name)
    if match is None or match.start() == 0:
        return safe_name(name)
    return safe_name(name[: match.start()]) + match.group().lower()


def safe_path(parts: tuple[str, ...]) -> PurePosixPath:
    """The path of a file below the upload's folder.

    >>> str(safe_path(("my scan", "1.2.840.113619")))
    'my_scan/1.2.840.113619'
    """
    return PurePosixPath(*(safe_name(part) for part in parts[:-1]), safe_file_name(parts[-1]))


def file_stem(name: str) -> str:
    """A file's name without its suffix.

    >>> file_stem("case_flair.nii.gz"), file_stem("noending")
    ('case_flair', 'noending')
    """
    match = _SUFFIX.search(name)
    return name if match is None or match.start() == 0 else name[: match.start()]
