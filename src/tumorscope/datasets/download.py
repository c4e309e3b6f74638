"""Fetching the LGG data set from Kaggle."""

from __future__ import annotations

import errno
import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tumorscope.datasets.lgg import KAGGLE_HANDLE, LggDataset
from tumorscope.errors import BadDataset, TumorscopeError

PAGE = f"https://www.kaggle.com/datasets/{KAGGLE_HANDLE}"
BY_HAND = f"or download it in a browser from {PAGE}, unzip it, and name its kaggle_3m folder"
_CACHE_VARIABLE = "KAGGLEHUB_CACHE"
_CONNECT_S, _READ_S = 5, 15


def download_lgg(destination: Path | None = None) -> Path:
    """Download the LGG data set (Buda et al. 2019) with kagglehub, about 0.7 GB.

    Kaggle is asked with whatever credentials kagglehub finds, and without any otherwise.
    An interrupted download goes on where it stopped.

    Args:
        destination: a folder that gets ``kaggle_3m``, whole or not at all; made if need
            be. If the data set is there already nothing is downloaded. kagglehub's own
            cache (``~/.cache/kagglehub``) if None.

    Returns:
        The folder with the patients' folders, for :meth:`LggDataset.open`.

    Raises:
        TumorscopeError: Kaggle cannot be reached, wants credentials or refuses, the disk
            is full, or what arrived is damaged; one line that names the way out.
        BadDataset: what arrived is not the LGG data set.
    """
    if destination is None:
        return LggDataset.open(Path(_fetch())).root
    try:
        if destination.is_dir():
            return LggDataset.open(destination).root
    except BadDataset:
        pass  # a folder without the data set is what a download is for
    work, target = destination / ".kagglehub", destination / "kaggle_3m"
    try:
        work.mkdir(parents=True, exist_ok=True)
        with _cache_in(work):
            root = LggDataset.open(Path(_fetch())).root
        root.rename(target)
        shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise TumorscopeError(f"{destination}: {_reason(error)}") from error
    finally:
        _remove_if_empty(work)
    return target


def _remove_if_empty(work: Path) -> None:
    """Leave nothing behind, unless the next attempt can go on from it."""
    if work.is_dir() and not any(path.is_file() for path in work.rglob("*")):
        shutil.rmtree(work, ignore_errors=True)
        if not any(work.parent.iterdir()):
            work.parent.rmdir()


def _fetch() -> str:
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
        raise TumorscopeError(f"kagglehub is not installed; run `pip install tumorscope[train]`, {BY_HAND}") from error
    try:
        _reach_kaggle()
        return kagglehub.dataset_download(KAGGLE_HANDLE)
    except (CredentialError, UnauthenticatedError) as error:
        raise TumorscopeError(_wants_credentials("no valid credentials")) from error
    except KaggleApiHTTPError as error:
        raise TumorscopeError(_refusal(error.response)) from error
    except requests.exceptions.ChunkedEncodingError as error:
        raise TumorscopeError(
            f"the connection broke off; run the command again to go on from there, {BY_HAND}"
        ) from error
    except requests.RequestException as error:
        raise TumorscopeError(
            f"Kaggle cannot be reached ({_cause(error)}); check the network or the proxy, {BY_HAND}"
        ) from error
    except (DataCorruptionError, zipfile.BadZipFile) as error:
        raise TumorscopeError(f"the download arrived damaged; run the command again, {BY_HAND}") from error
    except BackendError as error:
        raise TumorscopeError(f"Kaggle reports a fault ({_first_line(error)}); try again later, {BY_HAND}") from error
    except ValueError as error:  # kagglehub's for a credentials file that is no JSON, and for an archive that is none
        raise TumorscopeError(f"kagglehub gives up ({_first_line(error)}); mend that, {BY_HAND}") from error
    except OSError as error:
        raise TumorscopeError(f"the download cannot be stored: {_reason(error)}") from error


def _reach_kaggle() -> None:
    """Fail within seconds where there is no network: kagglehub itself would wait for minutes."""
    import requests
    from kagglesdk.kaggle_env import get_endpoint, get_env

    requests.head(get_endpoint(get_env()), timeout=(_CONNECT_S, _READ_S), allow_redirects=False).close()


def _refusal(response: object) -> str:
    status = _status(response)
    if status in (401, 403):
        return _wants_credentials(f"it answered {status}")
    if status == 404:
        return f"Kaggle does not know {KAGGLE_HANDLE} any more (404); look for it on {PAGE}"
    if status == 429:
        return f"Kaggle is asked too often from here (429); wait some minutes and run the command again, {BY_HAND}"
    return f"Kaggle answered {status or 'with an error'}; try again later, {BY_HAND}"


def _status(response: object) -> int | None:
    """The HTTP status, or the one in the body, where Kaggle says 200 and means 403."""
    import requests

    if not isinstance(response, requests.Response):
        return None
    try:
        return int(response.json()["code"])
    except (ValueError, KeyError, TypeError):
        return response.status_code


def _wants_credentials(why: str) -> str:
    return (
        f"Kaggle wants credentials ({why}): set KAGGLE_API_TOKEN, or KAGGLE_USERNAME and KAGGLE_KEY, or save "
        f"~/.kaggle/kaggle.json (all from kaggle.com, Settings, API), and accept the data set's licence on its page; {BY_HAND}"
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


def _cause(error: Exception) -> str:
    """What lies at the bottom of a nest of network errors, in words."""
    text = str(error).lower()
    if "timed out" in text or "timeout" in type(error).__name__.lower():
        return "no answer in time"
    if "resolve" in text or "name or service" in text:
        return "its name cannot be resolved"
    if "refused" in text:
        return "the connection was refused"
    if "proxy" in text:
        return "the proxy does not answer"
    if "certificate" in text or "ssl" in text:
        return "its certificate cannot be verified"
    return type(error).__name__


def _reason(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full (2 GB are needed); free some space or name another folder"
    return f"{error.strerror or type(error).__name__}; name another folder".lower()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
