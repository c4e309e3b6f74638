"""The client: one method a thing that the service can do."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2
from pydantic import TypeAdapter

from tumorscope.client.connection import CONNECT_S, RESPONSE_S, Connection, Refused, Unavailable
from tumorscope.client.downloading import fetch_together
from tumorscope.client.uploading import OnBytes, Outgoing, Part, ProgressReporter, outgoing
from tumorscope.client.values import About, Page, Study, StudyId, Submitted
from tumorscope.client.watching import changes
from tumorscope.core.errors import TumorscopeError
from tumorscope.reporting.analysis_document import AnalysisDocument

PATIENCE_S = 300.0
"""For how long :meth:`Client.wait` tries to reach a service that restarts."""
_CHECKING_S = 1800.0
"""The service responses an upload when it has unpacked and checked it."""
_TRIES, _PAUSE_S = 3, 1.0
_PAGE, _CONFLICT = 100, 409
_WHOLE = "results.zip"


class Client:
    """A service of Tumorscope, asked by a program.

    Nothing is sent before the first question. One client may be used by one thread at a time.

    Args:
        address: such as ``http://127.0.0.1:8000``.
        token: the service's token, or
        user: a name and a password.

    Raises:
        TumorscopeError: the address is none.

    Example:
        >>> with Client("http://127.0.0.1:9", token="secret") as client:
        ...     client.study("nothing-listens-here")
        Traceback (most recent call last):
        ...
        tumorscope.client.connection.Unavailable: http://127.0.0.1:9: no connection (refused); is the service running?
    """

    def __init__(self, address: str, token: str | None = None, user: tuple[str, str] | None = None) -> None:
        self._connection = Connection(address, token, user)

    @property
    def address(self) -> str:
        """Of the service."""
        return self._connection.address

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connections that are kept."""
        self._connection.close()

    def about(self) -> About:
        """Its version, and what it takes at once; also a way to hear whether the token is right."""
        return self._connection.value(About, "GET", "/api/about")

    def bundles(self) -> list[dict[str, Any]]:
        """The bundles that it can analyze with."""
        content = self._connection.ask("GET", "/api/bundles").json()
        return list(content["bundles"] if isinstance(content, dict) else content)

    def submit(
        self,
        paths: str | Path | Iterable[str | Path],
        bundle: str = "auto",
        on_progress: OnBytes = lambda sent, total: None,
    ) -> Submitted:
        """Send files, folders and zips; every case in them becomes a study.

        Files are read while they are sent and never held in memory. When this returns, the
        studies are on the service's disk and survive its restart.

        Args:
            paths: one or several. What lies below a folder is sent with its place in it.
            bundle: a name from :meth:`bundles`, or ``auto``.
            on_progress: told how many bytes are sent, and of how many.

        Raises:
            TumorscopeError: nothing to send, more than the service takes, nothing that it can read.
            Unavailable: the connection broke.
        """
        given = [paths] if isinstance(paths, str | Path) else list(paths)
        return self.submit_files(outgoing(Path(path) for path in given), bundle, on_progress)

    def submit_files(
        self,
        files: Sequence[Outgoing],
        bundle: str = "auto",
        on_progress: OnBytes = lambda sent, total: None,
        key: str | None = None,
        repeated: bool = False,
    ) -> Submitted:
        """The same for files whose names are chosen.

        Args:
            files: see :func:`tumorscope.client.uploading.named_below`.
            bundle: a name, or ``auto``.
            on_progress: told how many bytes are sent, and of how many.
            key: names this upload, 1 to 64 letters, digits, ``-`` and ``_``. One sent twice under a key,
                because the response to the first was lost, is taken once.
            repeated: it may have been sent before under this key.
        """
        about = self.about()  # a wrong token or too large an upload shows now, not after gigabytes
        total = sum(file.size for file in files)
        if about.upload_files is not None and len(files) > about.upload_files:
            raise TumorscopeError(
                f"{len(files):,} files are more than {self.address} takes at once ({about.upload_files:,}); "
                "send fewer at a time, or a zip"
            )
        if about.upload_bytes is not None and total > about.upload_bytes:
            raise TumorscopeError(
                f"{total / 2**20:,.0f} MiB are more than {self.address} takes at once "
                f"({about.upload_bytes / 2**20:,.0f} MiB); send fewer files at a time"
            )
        told = ProgressReporter(total, on_progress)
        return self._send_once(files, bundle, told, key or secrets.token_urlsafe(18), repeated)

    def _send_once(
        self, files: Sequence[Outgoing], bundle: str, told: ProgressReporter, key: str, repeated: bool
    ) -> Submitted:
        """Send until the service has said that it took it; by the key it knows what it took already."""
        tries, until = 0, time.monotonic() + _CHECKING_S
        while True:
            if (repeated or tries) and (taken := self._taken(key, until)) is not None:
                return taken
            parts = [Part(file, told.add) for file in files]
            try:
                return self._connection.value(
                    Submitted,
                    "POST",
                    "/api/studies",
                    data={"bundle": bundle},
                    files=[
                        ("files", (file.name, part, "application/octet-stream"))
                        for file, part in zip(files, parts, strict=True)
                    ],
                    headers={"Idempotency-Key": key},
                    timeout=httpx2.Timeout(RESPONSE_S, connect=CONNECT_S, read=_CHECKING_S),
                )
            except Unavailable:
                tries += 1
                if tries == _TRIES:
                    raise
            finally:
                for part in parts:
                    part.close()
            time.sleep(_PAUSE_S)
            told.start()

    def _taken(self, key: str, until: float) -> Submitted | None:
        """What became of an upload under this key, if the service took it.

        Asked without the files: an response that comes before a long body is through may get lost.
        """
        while True:
            try:
                return self._connection.value(Submitted, "POST", "/api/studies", headers={"Idempotency-Key": key})
            except Refused as error:
                if error.status != _CONFLICT:
                    if error.status in (400, 415, 422):  # an upload without files: nothing is known under this key
                        return None
                    raise
                if time.monotonic() > until:  # it is still being taken
                    raise
            time.sleep(_PAUSE_S)

    def fetch(self, dicomweb: str, bundle: str = "auto") -> Submitted:
        """Have the service fetch a study by DICOMweb.

        Args:
            dicomweb: the study's address, such as ``https://pacs.example.org/dicom-web/studies/1.2.3``.
            bundle: a name, or ``auto``.
        """
        return self._connection.value(Submitted, "POST", "/api/studies", json={"dicomweb": dicomweb, "bundle": bundle})

    def study(self, study: Study | str) -> Study:
        """A study as it is now, with its revisions and files.

        Raises:
            Refused: there is none (``status`` is 404).
        """
        return self._connection.value(Study, "GET", _path(study))

    def studies(self, search: str = "", state: str | None = None) -> Iterator[Study]:
        """All studies, newest first, fetched page by page.

        Args:
            search: a part of the name.
            state: only those in this state.
        """
        asked: dict[str, Any] = {"search": search, "state": state, "limit": _PAGE}
        after: str | None = None
        while True:
            given = {name: value for name, value in {**asked, "after": after}.items() if value}
            page = self._connection.value(Page, "GET", "/api/studies", params=given)
            yield from page.studies
            if page.next is None:
                return
            after = page.next

    def wait(
        self,
        study: Study | str,
        on_change: Callable[[Study], None] = lambda now: None,
        *,
        abort_timeout_s: float = PATIENCE_S,
    ) -> Study:
        """Wait until a study is done or has failed, and return it; its ``state`` says which.

        The service tells of changes as they come (server-sent events). A connection that breaks is made
        anew; where no event comes through, the study is asked for every two seconds.

        Args:
            study: or its id.
            on_change: told of the study now, and whenever it changed.
            abort_timeout_s: for how long a service that cannot be reached is tried again.

        Raises:
            Unavailable: it could not be reached for so long.
            Refused: the study is not there (any more).
        """
        last: Study | None = None
        for now in changes(self._connection, _id(study), abort_timeout_s):
            if last is None or _seen(now) != _seen(last):
                on_change(now)
            last = now
            if now.settled:
                return self.study(now) if now.state == "done" and not now.files else now
        raise AssertionError("changes never end")

    def analysis(self, study: Study | str, revision: int | None = None) -> AnalysisDocument:
        """All findings: the content of ``analysis.json``, see docs/output.md.

        Args:
            study: or its id.
            revision: of which results; the newest where it is not named.
        """
        params = {} if revision is None else {"revision": revision}
        return self._connection.value(AnalysisDocument, "GET", f"{_path(study)}/analysis", params=params)

    def download(
        self,
        study: Study | str,
        name: str,
        folder: str | Path,
        *,
        on_progress: OnBytes = lambda done, total: None,
    ) -> Path:
        """Fetch one result into a folder, whole or not at all.

        Args:
            study: or its id.
            name: as in :attr:`Study.files`, such as ``report.pdf``, or ``results.zip`` for all of them.
            folder: made if it is not there.
            on_progress: told how many bytes are here, and of how many (0 where that is not known).

        Returns:
            Where it lies now.
        """
        known = self.study(study)
        listed = {file.name: file for file in known.files}
        file = listed.get(name)
        if file is None:
            offers = ", ".join(sorted(listed)) or f"nothing, it is {known.state}"
            raise Refused(f"{known.name}: there is no {name}; there is {offers}", 404)
        told = ProgressReporter(file.bytes or 0, on_progress)
        return fetch_together(self._connection, Path(folder), {name: _below_api(file.href)}, told.add)[0]

    def download_all(
        self, study: Study | str, folder: str | Path, *, on_progress: OnBytes = lambda done, total: None
    ) -> list[Path]:
        """Fetch all results of a study into a folder: all whole, or none; ``analysis.json`` last.

        Args:
            study: or its id.
            folder: made if it is not there.
            on_progress: told how many bytes are here, and of how many.

        Raises:
            Refused: there are no results (yet).
        """
        known = self.study(study)
        if not known.files:
            raise Refused(f"{known.name}: there are no results; it is {known.state}", 409)
        single = [file for file in known.files if file.name != _WHOLE]
        files = sorted(single, key=lambda file: file.name == "analysis.json")
        told = ProgressReporter(sum(file.bytes or 0 for file in files), on_progress)
        addresses = {file.name: _below_api(file.href) for file in files}
        return fetch_together(self._connection, Path(folder), addresses, told.add)

    def correct_mask(self, study: Study, mask: str | Path | bytes) -> Study:
        """Put a mask corrected by hand in place of the network's; measurements and report follow as a new revision.

        Args:
            study: as it was when the mask was drawn. If somebody saved another one since, this is refused.
            mask: a NIfTI file (``.nii.gz``, 0 and 1) on the scan's grid, or its bytes.

        Returns:
            The study, to :meth:`wait` for.
        """
        try:
            content = mask if isinstance(mask, bytes) else Path(mask).read_bytes()
        except OSError as error:
            raise TumorscopeError(f"{mask}: cannot be read ({(error.strerror or 'unknown').lower()})") from error
        headers = {"If-Match": f'"{study.revision}"', "Content-Type": "application/gzip"}
        return self._connection.value(Study, "PUT", f"{_path(study)}/mask", content=content, headers=headers)

    def retry(self, study: Study | str) -> Study:
        """Have a study that failed analyzed once more."""
        return self._connection.value(Study, "POST", f"{_path(study)}/retry")

    def delete(self, study: Study | str) -> None:
        """Remove a study, what was uploaded and what was found."""
        self._connection.ask("DELETE", _path(study))


_STUDY_ID = TypeAdapter(StudyId)


def _id(study: Study | str) -> str:
    if isinstance(study, Study):
        return study.id
    try:
        return _STUDY_ID.validate_python(study)
    except ValueError:
        raise TumorscopeError(f"{study!r} is no study's id; they are letters, digits, _ and -") from None


def _path(study: Study | str) -> str:
    return f"/api/studies/{_id(study)}"


def _below_api(href: str) -> str:
    """A path of this service, whatever lies before it (a proxy's prefix); never another host's."""
    _before, api, rest = href.partition("/api/studies/")
    if not api or ".." in rest.split("?")[0].split("/"):
        raise Refused("the service names files that are not its own; check the address")
    return api + rest


def _seen(study: Study) -> tuple[Any, ...]:
    """What a person would call a change."""
    return study.state, study.stage, study.done, study.total, study.revision, study.failure
