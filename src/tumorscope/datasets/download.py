"""Downloads of data sets: from Kaggle, or by hand."""

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
from tumorscope.core.extras import install_command
from tumorscope.datasets.labeled import LabeledDataset
from tumorscope.datasets.registry import Progress

_CACHE_VARIABLE = "KAGGLEHUB_CACHE"
_CONNECT_S, _READ_S = 5, 15


@dataclass(frozen=True)
class KaggleDownload:
    """The download of a data set from Kaggle with kagglehub; see :attr:`DatasetEntry.download`.

    kagglehub uses the credentials that it finds, and none otherwise. An interrupted download continues where it stopped.

    Attributes:
        open: opens the data set in a folder, or raises BadDataset.
        handle: owner and name at Kaggle.
        advice: which folder to name after unzipping the archive by hand.
        space: disk space for archive and files.
        folders: what makes up the data set: folders in its root, or the name of the root itself.
    """

    open: Callable[[Path], LabeledDataset]
    handle: str
    advice: str
    space: str
    folders: tuple[str, ...]

    def __call__(self, destination: Path | None, progress: Progress) -> Path:
        """Download to ``destination``, whose folders appear whole or not at all, or to kagglehub's cache for None.

        If the data set is already in ``destination``, nothing is downloaded.

        Returns:
            The folder to open.

        Raises:
            TumorscopeError: Kaggle cannot be reached, wants credentials or refuses, the disk is full, or the archive
                is damaged; one line with the reason and the alternative.
            BadDataset: the archive contains something else.
        """
        if destination is None:
            return self._root(Path(_fetch(self)))
        try:
            if destination.is_dir():
                return self._root(destination)
        except BadDataset:
            pass  # not there yet
        self._download_to(destination)
        return self._root(destination)

    def _download_to(self, destination: Path) -> None:
        work = destination / ".kagglehub"
        try:
            for folder in self.folders:
                target = destination / folder
                if target.is_dir() and any(target.iterdir()):
                    raise TumorscopeError(f"{target}: is in the way; remove it or name another folder")
            work.mkdir(parents=True, exist_ok=True)
            with _cache_in(work):
                root = self._root(Path(_fetch(self)))
            for folder in self.folders:
                (root if root.name == folder else root / folder).rename(destination / folder)
            shutil.rmtree(work, ignore_errors=True)
        except OSError as error:
            raise TumorscopeError(f"{destination}: {write_failure(error, self.space)}") from error
        finally:
            remove_if_empty(work)

    def _root(self, path: Path) -> Path:
        return self.open(path).root

    @property
    def page(self) -> str:
        """The data set's web page."""
        return f"https://www.kaggle.com/datasets/{self.handle}"

    @property
    def by_hand(self) -> str:
        """How to get it without kagglehub; the end of every error message."""
        return f"or download it in a browser from {self.page}, unzip it, and name {self.advice}"


@dataclass(frozen=True)
class ManualDownload:
    """A data set that cannot be downloaded by a program.

    Attributes:
        instructions: how to get it, in one line.
    """

    instructions: str

    def __call__(self, destination: Path | None, progress: Progress) -> Path:
        """Raise the instructions.

        Raises:
            TumorscopeError: always.
        """
        raise TumorscopeError(self.instructions)


def remove_if_empty(work: Path) -> None:
    """Remove the work folder unless it has files from which the next attempt can continue."""
    if work.is_dir() and not any(path.is_file() for path in work.rglob("*")):
        shutil.rmtree(work, ignore_errors=True)
        if not any(work.parent.iterdir()):
            work.parent.rmdir()


def _fetch(wanted: KaggleDownload) -> str:
    """Download with kagglehub, and turn its errors into one line each."""
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
            f"kagglehub is not installed; run {install_command('train')}, {wanted.by_hand}"
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
            f"the connection broke off; run the command again to continue, {wanted.by_hand}"
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
    except (
        ValueError
    ) as error:  # from kagglehub, for a credentials file that is not JSON and for a file that is not an archive
        raise TumorscopeError(f"kagglehub gives up ({_first_line(error)}); correct that, {wanted.by_hand}") from error
    except OSError as error:
        raise TumorscopeError(f"the download cannot be stored: {write_failure(error, wanted.space)}") from error


def _reach_kaggle() -> None:
    """Fail within seconds without a network; kagglehub itself would wait for minutes."""
    import requests
    from kagglesdk.kaggle_env import get_endpoint, get_env

    requests.head(get_endpoint(get_env()), timeout=(_CONNECT_S, _READ_S), allow_redirects=False).close()


def _refusal(response: object, wanted: KaggleDownload) -> str:
    status = _status(response)
    if status in (401, 403):
        return _wants_credentials(f"it responded {status}", wanted)
    if status == 404:
        return f"Kaggle no longer has {wanted.handle} (404); look for it on {wanted.page}"
    if status == 429:
        return f"Kaggle received too many requests from here (429); wait some minutes and run the command again, {wanted.by_hand}"
    return f"Kaggle responded {status or 'with an error'}; try again later, {wanted.by_hand}"


def _status(response: object) -> int | None:
    """The HTTP status, or the one in the body: Kaggle sends some errors with status 200."""
    import requests

    if not isinstance(response, requests.Response):
        return None
    try:
        return int(response.json()["code"])
    except (ValueError, KeyError, TypeError):
        return response.status_code


def _wants_credentials(why: str, wanted: KaggleDownload) -> str:
    return (
        f"Kaggle wants credentials ({why}): set KAGGLE_API_TOKEN, or KAGGLE_USERNAME and KAGGLE_KEY, or save "
        f"~/.kaggle/kaggle.json (all from kaggle.com, Settings, API), and accept the data set's license on its page; {wanted.by_hand}"
    )


@contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
    """Set kagglehub's cache, which it takes from the environment only, to a folder."""
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
    """The cause of a chain of network errors, in words."""
    text = str(error).lower()
    if "timed out" in text or "timeout" in type(error).__name__.lower():
        return "no response in time"
    if "resolve" in text or "name or service" in text:
        return "its name cannot be resolved"
    if "refused" in text:
        return "the connection was refused"
    if "proxy" in text:
        return "the proxy does not respond"
    if "certificate" in text or "ssl" in text:
        return "its certificate cannot be verified"
    return type(error).__name__


def write_failure(error: OSError, space: str) -> str:
    """The reason why a download cannot be stored, with advice."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full ({space} are needed); free some space or name another folder"
    return f"{error.strerror or type(error).__name__}; name another folder".lower()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
