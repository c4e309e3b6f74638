"""Fetching data sets from Kaggle."""

from __future__ import annotations

import errno
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tumorscope.core.errors import BadDataset, TumorscopeError
from tumorscope.datasets import br35h, brats, brisc, folders, lgg

_CACHE_VARIABLE = "KAGGLEHUB_CACHE"
_CONNECT_S, _READ_S = 5, 15


@dataclass(frozen=True)
class _KaggleSet:
    """A data set on Kaggle.

    Attributes:
        handle: owner and name there.
        to_name: what to name when it was unzipped by hand.
        needs: space for archive and files.
        root: finds the data set in a folder, or raises BadDataset.
        parts: the folders at or below the root that make it up, in the order of ``names``.
        names: what these folders are called where they are stored.
    """

    handle: str
    to_name: str
    needs: str
    root: Callable[[Path], Path]
    parts: Callable[[Path], list[Path]]
    names: tuple[str, ...]

    @property
    def page(self) -> str:
        return f"https://www.kaggle.com/datasets/{self.handle}"

    @property
    def by_hand(self) -> str:
        return f"or download it in a browser from {self.page}, unzip it, and name {self.to_name}"


_KAGGLE_SETS = {
    "lgg": _KaggleSet(
        lgg.KAGGLE_HANDLE,
        "its kaggle_3m folder",
        "2 GB",
        root=lambda path: lgg.LggDataset.open(path).root,
        parts=lambda root: [root],
        names=("kaggle_3m",),
    ),
    "kaggle4": _KaggleSet(
        folders.KAGGLE_HANDLE,
        "the folder with Training and Testing in it",
        "500 MB",
        root=lambda path: folders.FolderDataset.open(path, "kaggle4").root,
        parts=lambda root: [root / folders.TRAIN_SIDE, root / folders.TEST_SIDE],
        names=(folders.TRAIN_SIDE, folders.TEST_SIDE),
    ),
    "br35h": _KaggleSet(
        br35h.KAGGLE_HANDLE,
        "the folder with yes and no in it",
        "500 MB",
        root=lambda path: br35h.Br35hDataset.open(path).root,
        parts=lambda root: [root / folder for folder in br35h.FOLDERS],
        names=br35h.FOLDERS,
    ),
    "brisc": _KaggleSet(
        brisc.KAGGLE_HANDLE,
        "the folder with segmentation_task in it",
        "1 GB",
        root=lambda path: brisc.BriscDataset.open(path).root,
        parts=lambda root: [root / folder for folder in brisc.TASK_FOLDERS],
        names=brisc.TASK_FOLDERS,
    ),
}
_BY_HAND = {
    "brats": f"brats: is given to registered users only: register on {brats.REGISTRATION_PAGE}, accept the terms, unzip "
    "the training cases (CASE/CASE_{t1,t1ce,t2,flair,seg}.nii.gz, or CASE/CASE-{t1n,t1c,t2w,t2f,seg}.nii.gz from 2023 "
    "on) and name the folder with the cases in it",
    "folders": "folders: is any folder of classes, which nobody publishes; name a published data set, such as "
    + ", ".join(_KAGGLE_SETS),
}


def download_from_kaggle(name: str, destination: Path | None = None) -> Path:
    """Download a data set with kagglehub.

    Kaggle is asked with whatever credentials kagglehub finds, and without any otherwise.
    An interrupted download goes on where it stopped.

    Args:
        name: ``lgg`` (0.7 GB), ``kaggle4``, ``br35h`` or ``brisc``.
        destination: a folder that gets the data set's own folders (``kaggle_3m``; ``Training`` and ``Testing``;
            ``yes`` and ``no``; ``segmentation_task`` and ``classification_task``), whole or not at all; made if need be. If the data set is there already nothing is downloaded.
            kagglehub's own cache (``~/.cache/kagglehub``) if None.

    Returns:
        The folder for :func:`tumorscope.datasets.opening.open_dataset`.

    Raises:
        TumorscopeError: the data set is not on Kaggle, or Kaggle cannot be reached, wants credentials or refuses, the disk
            is full, or what arrived is damaged; one line that names the way out.
        BadDataset: what arrived is not that data set.
    """
    if name not in _KAGGLE_SETS:
        raise TumorscopeError(_BY_HAND[name])
    wanted = _KAGGLE_SETS[name]
    if destination is None:
        return wanted.root(Path(_fetch(wanted)))
    try:
        if destination.is_dir():
            return wanted.root(destination)
    except BadDataset:
        pass  # a folder without the data set is what a download is for
    work = destination / ".kagglehub"
    try:
        targets = [destination / name for name in wanted.names]
        for target in targets:
            if target.is_dir() and any(target.iterdir()):
                raise TumorscopeError(f"{target}: is in the way; remove it or name another folder")
        work.mkdir(parents=True, exist_ok=True)
        with _cache_in(work):
            parts = wanted.parts(wanted.root(Path(_fetch(wanted))))
        for part, target in zip(parts, targets, strict=True):
            part.rename(target)
        shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise TumorscopeError(f"{destination}: {write_failure(error, wanted.needs)}") from error
    finally:
        remove_if_empty(work)
    return wanted.root(destination)


def remove_if_empty(work: Path) -> None:
    """Leave nothing behind, unless the next attempt can go on from it."""
    if work.is_dir() and not any(path.is_file() for path in work.rglob("*")):
        shutil.rmtree(work, ignore_errors=True)
        if not any(work.parent.iterdir()):
            work.parent.rmdir()


def _fetch(wanted: _KaggleSet) -> str:
    """Let kagglehub download, and say in one line what went wrong."""
    try:
        import kagglehub
        import requests
        from kagglehub.exceptions import (
            BackendError,
            CredentialError,
            DataCorruptionError,
            KaggleApiHTTPError,
            UnauthenticatedError,
        )
    except ImportError as error:
        raise TumorscopeError(
            f"kagglehub is not installed; run `pip install tumorscope[train]`, {wanted.by_hand}"
        ) from error
    try:
        _reach_kaggle()
        return kagglehub.dataset_download(wanted.handle)
    except (CredentialError, UnauthenticatedError) as error:
        raise TumorscopeError(_wants_credentials("no valid credentials", wanted)) from error
    except KaggleApiHTTPError as error:
        raise TumorscopeError(_refusal(error.response, wanted)) from error
    except requests.exceptions.ChunkedEncodingError as error:
        raise TumorscopeError(
            f"the connection broke off; run the command again to go on from there, {wanted.by_hand}"
        ) from error
    except requests.RequestException as error:
        raise TumorscopeError(
            f"Kaggle cannot be reached ({network_failure(error)}); check the network or the proxy, {wanted.by_hand}"
        ) from error
    except (DataCorruptionError, zipfile.BadZipFile) as error:
        raise TumorscopeError(f"the download arrived damaged; run the command again, {wanted.by_hand}") from error
    except BackendError as error:
        raise TumorscopeError(
            f"Kaggle reports a fault ({_first_line(error)}); try again later, {wanted.by_hand}"
        ) from error
    except ValueError as error:  # kagglehub's for a credentials file that is no JSON, and for an archive that is none
        raise TumorscopeError(f"kagglehub gives up ({_first_line(error)}); mend that, {wanted.by_hand}") from error
    except OSError as error:
        raise TumorscopeError(f"the download cannot be stored: {write_failure(error, wanted.needs)}") from error


def _reach_kaggle() -> None:
    """Fail within seconds where there is no network: kagglehub itself would wait for minutes."""
    import requests
    from kagglesdk.kaggle_env import get_endpoint, get_env

    requests.head(get_endpoint(get_env()), timeout=(_CONNECT_S, _READ_S), allow_redirects=False).close()


def _refusal(response: object, wanted: _KaggleSet) -> str:
    status = _status(response)
    if status in (401, 403):
        return _wants_credentials(f"it responded {status}", wanted)
    if status == 404:
        return f"Kaggle does not know {wanted.handle} any more (404); look for it on {wanted.page}"
    if status == 429:
        return (
            f"Kaggle is asked too often from here (429); wait some minutes and run the command again, {wanted.by_hand}"
        )
    return f"Kaggle responded {status or 'with an error'}; try again later, {wanted.by_hand}"


def _status(response: object) -> int | None:
    """The HTTP status, or the one in the body, where Kaggle says 200 and means 403."""
    import requests

    if not isinstance(response, requests.Response):
        return None
    try:
        return int(response.json()["code"])
    except (ValueError, KeyError, TypeError):
        return response.status_code


def _wants_credentials(why: str, wanted: _KaggleSet) -> str:
    return (
        f"Kaggle wants credentials ({why}): set KAGGLE_API_TOKEN, or KAGGLE_USERNAME and KAGGLE_KEY, or save "
        f"~/.kaggle/kaggle.json (all from kaggle.com, Settings, API), and accept the data set's license on its page; {wanted.by_hand}"
    )


@contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
    """Let kagglehub work inside a folder; it takes its cache from the environment only."""
    before = os.environ.get(_CACHE_VARIABLE)
    os.environ[_CACHE_VARIABLE] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[_CACHE_VARIABLE]
        else:
            os.environ[_CACHE_VARIABLE] = before


def network_failure(error: Exception) -> str:
    """What lies at the bottom of a nest of network errors, in words."""
    text = str(error).lower()
    if "timed out" in text or "timeout" in type(error).__name__.lower():
        return "no response in time"
    if "resolve" in text or "name or service" in text:
        return "its name cannot be resolved"
    if "refused" in text:
        return "the connection was refused"
    if "proxy" in text:
        return "the proxy does not response"
    if "certificate" in text or "ssl" in text:
        return "its certificate cannot be verified"
    return type(error).__name__


def write_failure(error: OSError, needs: str) -> str:
    """Why a download cannot be stored, and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full ({needs} are needed); free some space or name another folder"
    return f"{error.strerror or type(error).__name__}; name another folder".lower()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
