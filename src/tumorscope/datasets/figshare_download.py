"""Download of the brain tumor data set of Jun Cheng from figshare."""

from __future__ import annotations

import hashlib
import http.client
import json
import shutil
import ssl
import stat
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from tumorscope import __version__
from tumorscope.core.errors import BadDataset, TumorscopeError
from tumorscope.datasets.download import network_failure, remove_if_empty, write_failure
from tumorscope.datasets.figshare import ARTICLE, FOLDS_FILE
from tumorscope.datasets.registry import Progress

API = "https://api.figshare.com/v2/articles/1512427"
BY_HAND = f"or download its files in a browser from {ARTICLE}, unzip them, and name their folder"
WORK = ".figshare"
"""The folder inside the destination with the files received so far, until the download is complete."""

_TRIES = 4
_WAIT_S = 1.0
"""Wait before the second try; doubled before each further one."""
_TIMEOUT_S = 20
_PIECE = 1 << 20
_MOST_UNZIPPED = 20 << 30
"""Far above the data set's size; an archive that unpacks to more is refused."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class RemoteFile:
    """One file of the article: its name, bytes, address and MD5 checksum."""

    name: str
    size: int
    url: str
    md5: str


def download_figshare(destination: Path, progress: Progress = lambda file, done, total: None, api: str = API) -> Path:
    """Download and unzip all slices and the published folds, about 0.9 GB.

    Every file is checked against figshare's checksum, unzipped, and only then moved to the destination;
    archives are removed. An interrupted download continues where it stopped. If the data set
    is already there, nothing is downloaded.

    Args:
        destination: receives ``N.mat``, ``cvind.mat`` and the read-me; created if necessary.
        progress: for a progress bar.
        api: address of the article's API.

    Returns:
        The folder, for :meth:`FigshareDataset.open`.

    Raises:
        TumorscopeError: figshare cannot be reached or refuses, a file arrives damaged, or
            the disk is full; one line with the reason and the alternative.
        BadDataset: the archives contain something else.
    """
    work = destination / WORK
    if _slices(destination) and (destination / FOLDS_FILE).is_file() and not work.exists():
        return destination
    try:
        work.mkdir(parents=True, exist_ok=True)
        files = _list_files(api)
        total, received = sum(file.size for file in files), 0
        _check_space(destination, sum(file.size for file in files if not _mark(work, file).exists()))
        for file in files:
            if not _mark(work, file).exists():
                before = received
                archive = _fetch(
                    file, work, lambda done, name=file.name, before=before: progress(name, before + done, total)
                )
                progress(f"unzipping {file.name}", before + file.size, total)
                _put_in_place(archive, file, destination)
                _mark(work, file).touch()
                archive.unlink(missing_ok=True)
            received += file.size
            progress(file.name, received, total)
        shutil.rmtree(work)
    except OSError as error:
        raise TumorscopeError(f"{destination}: {write_failure(error, '2 GB')}") from error
    finally:
        remove_if_empty(work)
    if not _slices(destination):
        raise BadDataset(f"the files from figshare contain no N.mat; look at {ARTICLE}")
    return destination


def _slices(folder: Path) -> bool:
    return any(file.stem.isdecimal() for file in folder.glob("*.mat"))


def _mark(work: Path, file: RemoteFile) -> Path:
    """A file that exists once the file is unzipped and moved; its name depends on the file's version."""
    return work / f"{file.md5}.done"


def _check_space(destination: Path, needed: int) -> None:
    free = shutil.disk_usage(destination).free
    if free < needed:
        raise TumorscopeError(
            f"{destination}: {free / 1e9:.1f} GB are free, {needed / 1e9:.1f} GB and the space to unzip are needed; "
            "free some space or name another folder"
        )


def _list_files(api: str) -> list[RemoteFile]:
    """The article's files, by figshare's API."""
    content = _retry(lambda: _open(api).read())
    try:
        files = [
            RemoteFile(
                str(item["name"]), int(item["size"]), str(item["download_url"]), str(item["computed_md5"]).lower()
            )
            for item in json.loads(content)["files"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise TumorscopeError(f"figshare's list of files is not as expected; try again later, {BY_HAND}") from error
    for file in files:
        plain_md5 = len(file.md5) == 32 and file.md5.isalnum()
        plain_name = file.name == _path(file.name).name and not file.name.startswith(".")
        if not plain_md5 or not plain_name or not file.url.startswith(("https://", "http://")):
            raise TumorscopeError(f"figshare's list of files is not as expected; try again later, {BY_HAND}")
    return files


def _path(name: str) -> PurePosixPath:
    """A path in an archive, written with slashes or backslashes."""
    return PurePosixPath(name.replace("\\", "/"))


def _fetch(file: RemoteFile, work: Path, show: Callable[[int], object]) -> Path:
    """Download the whole file to ``work``, continuing a partial one, and check it."""
    target = work / f"{file.md5}.part"
    if target.exists() and target.stat().st_size > file.size:
        target.unlink()
    _retry(lambda: _fetch_rest(file, target, show), lambda: target.stat().st_size if target.exists() else 0)
    if _md5(target) != file.md5:
        target.unlink()  # it is unknown which part of it is wrong
        raise TumorscopeError(
            f"{file.name}: arrived damaged, its checksum differs from figshare's; run the command again, {BY_HAND}"
        )
    return target


def _fetch_rest(file: RemoteFile, target: Path, show: Callable[[int], object]) -> None:
    """Append the rest of the file, or start over if the server cannot send a part of it."""
    start = target.stat().st_size if target.exists() else 0
    if start == file.size and target.exists():
        return
    try:
        response = _open(file.url, start)
    except urllib.error.HTTPError as error:
        if start and error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            target.unlink()
            raise http.client.HTTPException("the server has no such range") from error
        raise
    with response:
        partial = response.status == http.client.PARTIAL_CONTENT
        if partial and not (response.headers.get("Content-Range") or "").startswith(f"bytes {start}-"):
            raise http.client.HTTPException("the server sent another range than requested")
        done = start if partial else 0
        with target.open("ab" if partial else "wb") as part:
            while piece := response.read(_PIECE):
                part.write(piece)
                done += len(piece)
                if done > file.size:
                    break
                show(done)
    if done > file.size:
        target.unlink()
        raise TumorscopeError(f"{file.name}: more arrived than figshare announced; try again later, {BY_HAND}")
    if done < file.size:
        raise http.client.IncompleteRead(b"", file.size - done)


def _open(url: str, start: int = 0) -> http.client.HTTPResponse:
    headers = {"User-Agent": f"tumorscope/{__version__}"}
    if start:
        headers["Range"] = f"bytes={start}-"
    response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT_S)
    if response.status not in (http.client.OK, http.client.PARTIAL_CONTENT):
        response.close()  # figshare sends 202 to clients that are not browsers
        raise urllib.error.HTTPError(url, response.status, "", response.headers, None)
    return response


def _retry(act: Callable[[], Result], progress: Callable[[], int] = lambda: 0) -> Result:
    """Call ``act`` until it succeeds; give up after several failures without progress in between."""
    failures, reached = 0, progress()
    while True:
        try:
            return act()
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code != http.client.TOO_MANY_REQUESTS:
                raise TumorscopeError(_refusal(error.code)) from error
            failure: Exception = error
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
            failure = error
        failures = 1 if progress() > reached else failures + 1
        reached = progress()
        if failures == _TRIES:
            raise TumorscopeError(_failure(failure, reached)) from failure
        time.sleep(_WAIT_S * 2 ** (failures - 1))


def _refusal(status: int) -> str:
    if status == http.client.NOT_FOUND:
        return f"figshare no longer has this file (404); look for it on {ARTICLE}"
    if status in (http.client.ACCEPTED, http.client.UNAUTHORIZED, http.client.FORBIDDEN):
        return f"figshare sends this file to browsers only (it responded {status}); try again later, {BY_HAND}"
    return f"figshare responded {status}; try again later, {BY_HAND}"


def _failure(error: Exception, reached: int) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"figshare responded {error.code}; try again later, {BY_HAND}"
    if reached:
        return f"the connection broke off; run the command again to continue, {BY_HAND}"
    return f"figshare cannot be reached ({network_failure(error)}); check the network or the proxy, {BY_HAND}"


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _put_in_place(archive: Path, file: RemoteFile, destination: Path) -> None:
    """Move the file, or the files of an archive, to the destination; every file appears whole."""
    if not file.name.lower().endswith(".zip"):
        archive.replace(destination / file.name)
        return
    unzipped = archive.with_suffix(".files")
    shutil.rmtree(unzipped, ignore_errors=True)
    unzipped.mkdir()
    try:
        with zipfile.ZipFile(archive) as zipped:
            for member in _safe_members(zipped, file.name):
                with zipped.open(member) as source, (unzipped / _path(member.filename).name).open("wb") as target:
                    shutil.copyfileobj(source, target, _PIECE)
        for path in sorted(unzipped.iterdir()):
            path.replace(destination / path.name)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        archive.unlink()
        raise TumorscopeError(f"{file.name}: not a valid ZIP archive; run the command again, {BY_HAND}") from error
    finally:
        shutil.rmtree(unzipped, ignore_errors=True)


def _safe_members(zipped: zipfile.ZipFile, name: str) -> list[zipfile.ZipInfo]:
    """The slices and texts in an archive.

    Raises:
        TumorscopeError: a file would be unpacked outside the folder, or the archive unpacks to too much.
    """
    members = [member for member in zipped.infolist() if not member.is_dir()]
    for member in members:
        path = _path(member.filename)
        link = stat.S_ISLNK(member.external_attr >> 16)
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[0] or link:
            raise TumorscopeError(f"{name}: has a file with a path outside its folder; nothing was unzipped")
    if sum(member.file_size for member in members) > _MOST_UNZIPPED:
        raise TumorscopeError(f"{name}: unzips to more than {_MOST_UNZIPPED >> 30} GiB; nothing was unzipped")
    return [
        member
        for member in members
        if (path := _path(member.filename)).suffix in {".mat", ".txt"} and not path.name.startswith(".")
    ]
