"""Fetching the brain tumor data set of Jun Cheng from figshare."""

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

API = "https://api.figshare.com/v2/articles/1512427"
BY_HAND = f"or download its files in a browser from {ARTICLE}, unzip them, and name their folder"
WORK = ".figshare"
"""The folder inside the destination that keeps what has arrived until all of it has."""

_TRIES = 4
_WAIT_S = 1.0
"""Before the second try; twice as long before each further one."""
_TIMEOUT_S = 20
_PIECE = 1 << 20
_MOST_UNZIPPED = 20 << 30
"""Far above the data set's size: what wants to unpack to more is no MRI."""

Result = TypeVar("Result")
Show = Callable[[str, int, int], object]
"""Called with the file, the bytes that have arrived of all files, and the bytes of all files."""


@dataclass(frozen=True)
class RemoteFile:
    """One file of the article: its name, bytes, address and MD5 checksum."""

    name: str
    size: int
    url: str
    md5: str


def download_figshare(destination: Path, show: Show = lambda name, done, whole: None, api: str = API) -> Path:
    """Download and unzip all slices and the published folds, about 0.9 GB.

    Every file is checked against figshare's checksum, unzipped, and only then put in place;
    archives are removed. An interrupted download goes on where it stopped. If the data set
    is there already nothing is downloaded.

    Args:
        destination: gets ``N.mat``, ``cvind.mat`` and the read-me; made if need be.
        show: for a progress bar.
        api: of the article.

    Returns:
        The folder, for :meth:`FigshareDataset.open`.

    Raises:
        TumorscopeError: figshare cannot be reached or refuses, a file arrives damaged, or
            the disk is full; one line that names the way out.
        BadDataset: what arrived is not that data set.
    """
    work = destination / WORK
    if _slices(destination) and (destination / FOLDS_FILE).is_file() and not work.exists():
        return destination
    try:
        work.mkdir(parents=True, exist_ok=True)
        files = _listed(api)
        whole, arrived = sum(file.size for file in files), 0
        _check_space(destination, sum(file.size for file in files if not _mark(work, file).exists()))
        for file in files:
            if not _mark(work, file).exists():
                before = arrived
                archive = _fetch(
                    file, work, lambda done, name=file.name, before=before: show(name, before + done, whole)
                )
                show(f"unzipping {file.name}", before + file.size, whole)
                _put_in_place(archive, file, destination)
                _mark(work, file).touch()
                archive.unlink(missing_ok=True)
            arrived += file.size
            show(file.name, arrived, whole)
        shutil.rmtree(work)
    except OSError as error:
        raise TumorscopeError(f"{destination}: {write_failure(error, '2 GB')}") from error
    finally:
        remove_if_empty(work)
    if not _slices(destination):
        raise BadDataset(f"what figshare sent holds no N.mat; look at {ARTICLE}")
    return destination


def _slices(folder: Path) -> bool:
    return any(file.stem.isdecimal() for file in folder.glob("*.mat"))


def _mark(work: Path, file: RemoteFile) -> Path:
    """Stands once the file is unzipped and in place; another version of it has another mark."""
    return work / f"{file.md5}.done"


def _check_space(destination: Path, needed: int) -> None:
    free = shutil.disk_usage(destination).free
    if free < needed:
        raise TumorscopeError(
            f"{destination}: {free / 1e9:.1f} GB are free, {needed / 1e9:.1f} GB and the space to unzip are needed; "
            "free some space or name another folder"
        )


def _listed(api: str) -> list[RemoteFile]:
    """The article's files, by figshare's API."""
    content = _patiently(lambda: _open(api).read())
    try:
        files = [
            RemoteFile(str(one["name"]), int(one["size"]), str(one["download_url"]), str(one["computed_md5"]).lower())
            for one in json.loads(content)["files"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise TumorscopeError(f"figshare's list of files cannot be understood; try again later, {BY_HAND}") from error
    for file in files:
        plain_md5 = len(file.md5) == 32 and file.md5.isalnum()
        plain_name = file.name == _path(file.name).name and not file.name.startswith(".")
        if not plain_md5 or not plain_name or not file.url.startswith(("https://", "http://")):
            raise TumorscopeError(f"figshare's list of files cannot be understood; try again later, {BY_HAND}")
    return files


def _path(name: str) -> PurePosixPath:
    """Whatever system wrote it."""
    return PurePosixPath(name.replace("\\", "/"))


def _fetch(file: RemoteFile, work: Path, show: Callable[[int], object]) -> Path:
    """The whole file under ``work``, going on with what is there, and checked."""
    target = work / f"{file.md5}.part"
    if target.exists() and target.stat().st_size > file.size:
        target.unlink()
    _patiently(lambda: _fetch_rest(file, target, show), lambda: target.stat().st_size if target.exists() else 0)
    if _md5(target) != file.md5:
        target.unlink()  # nobody knows which part of it is wrong
        raise TumorscopeError(
            f"{file.name}: arrived damaged, its checksum differs from figshare's; run the command again, {BY_HAND}"
        )
    return target


def _fetch_rest(file: RemoteFile, target: Path, show: Callable[[int], object]) -> None:
    """Append what is missing, or start over where the server cannot go on from the middle."""
    start = target.stat().st_size if target.exists() else 0
    if start == file.size and target.exists():
        return
    try:
        response = _open(file.url, start)
    except urllib.error.HTTPError as error:
        if start and error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            target.unlink()
            raise http.client.HTTPException("the server knows no such part") from error
        raise
    with response:
        goes_on = response.status == http.client.PARTIAL_CONTENT
        if goes_on and not (response.headers.get("Content-Range") or "").startswith(f"bytes {start}-"):
            raise http.client.HTTPException("another part was sent than was asked for")
        done = start if goes_on else 0
        with target.open("ab" if goes_on else "wb") as part:
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
        response.close()  # figshare says 202 where it wants to see a browser
        raise urllib.error.HTTPError(url, response.status, "", response.headers, None)
    return response


def _patiently(act: Callable[[], Result], progress: Callable[[], int] = lambda: 0) -> Result:
    """Try several times; as long as something arrives between failures, go on trying."""
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
        return f"figshare does not know this file any more (404); look for it on {ARTICLE}"
    if status in (http.client.ACCEPTED, http.client.UNAUTHORIZED, http.client.FORBIDDEN):
        return f"figshare sends this file to browsers only (it responded {status}); try again later, {BY_HAND}"
    return f"figshare responded {status}; try again later, {BY_HAND}"


def _failure(error: Exception, reached: int) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"figshare responded {error.code}; try again later, {BY_HAND}"
    if reached:
        return f"the connection broke off; run the command again to go on from there, {BY_HAND}"
    return f"figshare cannot be reached ({network_failure(error)}); check the network or the proxy, {BY_HAND}"


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _put_in_place(archive: Path, file: RemoteFile, destination: Path) -> None:
    """The file itself, or what is in it; every file appears whole."""
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
        for one in sorted(unzipped.iterdir()):
            one.replace(destination / one.name)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        archive.unlink()
        raise TumorscopeError(f"{file.name}: not a sound ZIP archive; run the command again, {BY_HAND}") from error
    finally:
        shutil.rmtree(unzipped, ignore_errors=True)


def _safe_members(zipped: zipfile.ZipFile, name: str) -> list[zipfile.ZipInfo]:
    """The slices and texts in an archive, of which nothing is unpacked if it reaches outside its folder."""
    members = [member for member in zipped.infolist() if not member.is_dir()]
    for member in members:
        path = _path(member.filename)
        link = stat.S_ISLNK(member.external_attr >> 16)
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[0] or link:
            raise TumorscopeError(f"{name}: holds a file that reaches outside its folder; nothing of it was unzipped")
    if sum(member.file_size for member in members) > _MOST_UNZIPPED:
        raise TumorscopeError(f"{name}: unzips to more than {_MOST_UNZIPPED >> 30} GiB; nothing of it was unzipped")
    return [
        member
        for member in members
        if (path := _path(member.filename)).suffix in {".mat", ".txt"} and not path.name.startswith(".")
    ]
