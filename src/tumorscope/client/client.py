"""The client: one method per operation of the service."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2
from pydantic import TypeAdapter

from tumorscope.client.changes import changes
from tumorscope.client.connection import CONNECT_S, RESPONSE_S, Connection, Refused, Unavailable
from tumorscope.client.downloads import fetch_together
from tumorscope.client.responses import About, Page, Study, StudyId, Submitted
from tumorscope.client.uploads import OnBytes, Outgoing, Part, ProgressReporter, outgoing
from tumorscope.core.errors import TumorscopeError
from tumorscope.io.reading_choices import ReadingChoices
from tumorscope.reporting.analysis_document import AnalysisDocument

RECONNECT_TIMEOUT_S = 300.0
"""How long :meth:`Client.wait` tries to reconnect, for example while the service restarts."""
_CHECKING_S = 1800.0
"""The service responds to an upload after it has unpacked and checked it."""
_TRIES, _PAUSE_S = 3, 1.0
_PAGE, _CONFLICT = 100, 409
_ARCHIVE = "results.zip"


class Client:
    """A client of a Tumorscope service.

    It connects at the first request. Only one thread may use a client at a time.

    Args:
        address: such as ``http://127.0.0.1:8000``.
        token: the service's token, or
        user: a name and a password.

    Raises:
        TumorscopeError: the address is invalid.

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
        """The address of the service."""
        return self._connection.address

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def about(self) -> About:
        """The version and the limits of the service; also checks the token."""
        return self._connection.value(About, "GET", "/api/about")

    def bundles(self) -> list[dict[str, Any]]:
        """The bundles of the service."""
        content = self._connection.ask("GET", "/api/bundles").json()
        return list(content["bundles"] if isinstance(content, dict) else content)

    def submit(
        self,
        paths: str | Path | Iterable[str | Path],
        bundle: str | None = None,
        on_progress: OnBytes = lambda sent, total: None,
        reading: ReadingChoices | None = None,
    ) -> Submitted:
        """Send files, folders and ZIP archives; every case in them becomes a study.

        Files are streamed and never held in memory. When this returns, the studies are on the service's disk
        and survive its restart.

        Args:
            paths: one or several. Files below a folder are sent with their paths in it.
            bundle: a name from :meth:`bundles`; ``auto`` chooses by the sequences; None leaves it to the service.
            on_progress: called with the number of sent bytes and the total.
            reading: what the files do not tell themselves: their voxel size, which sequence each shows, and whether
                to register them.

        Raises:
            TumorscopeError: nothing to send, too much for the service, or nothing that it can read.
            Unavailable: the connection failed.
        """
        given = [paths] if isinstance(paths, str | Path) else list(paths)
        return self.submit_files(outgoing(Path(path) for path in given), bundle, on_progress, reading=reading)

    def submit_files(
        self,
        files: Sequence[Outgoing],
        bundle: str | None = None,
        on_progress: OnBytes = lambda sent, total: None,
        key: str | None = None,
        repeated: bool = False,
        reading: ReadingChoices | None = None,
    ) -> Submitted:
        """Send files under chosen names; see :meth:`submit`.

        Args:
            files: see :func:`tumorscope.client.uploads.named_below`.
            bundle: see :meth:`submit`.
            on_progress: called with the number of sent bytes and the total.
            key: identifies this upload, 1 to 64 letters, digits, ``-`` and ``_``. An upload that is repeated with
                the same key, because its response was lost, creates its studies once.
            repeated: whether the upload may have been sent before with this key.
            reading: see :meth:`submit`.
        """
        about = self.about()  # detects a wrong token or too large an upload before sending
        total = sum(file.size for file in files)
        if about.upload_files is not None and len(files) > about.upload_files:
            raise TumorscopeError(
                f"{len(files):,} files are more than {self.address} accepts at once ({about.upload_files:,}); "
                "send fewer at a time, or a ZIP archive"
            )
        if about.upload_bytes is not None and total > about.upload_bytes:
            raise TumorscopeError(
                f"{total / 2**20:,.0f} MiB are more than {self.address} accepts at once "
                f"({about.upload_bytes / 2**20:,.0f} MiB); send fewer files at a time"
            )
        reporter = ProgressReporter(total, on_progress)
        fields = {**_wanted(bundle), **(reading or ReadingChoices()).to_fields()}
        return self._send_once(files, fields, reporter, key or secrets.token_urlsafe(18), repeated)

    def _send_once(
        self, files: Sequence[Outgoing], fields: dict[str, str], reporter: ProgressReporter, key: str, repeated: bool
    ) -> Submitted:
        """Send, and retry until the service confirms; the key prevents duplicates."""
        tries, until = 0, time.monotonic() + _CHECKING_S
        while True:
            if (repeated or tries) and (taken := self._taken(key, until)) is not None:
                return taken
            parts = [Part(file, reporter.add) for file in files]
            try:
                return self._connection.value(
                    Submitted,
                    "POST",
                    "/api/studies",
                    data=fields,
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
            reporter.start()

    def _taken(self, key: str, until: float) -> Submitted | None:
        """The response to an earlier upload with this key; None if the service has none.

        Requested without the files, since a response before the end of a long body may get lost.
        """
        while True:
            try:
                return self._connection.value(Submitted, "POST", "/api/studies", headers={"Idempotency-Key": key})
            except Refused as error:
                if error.status != _CONFLICT:
                    if error.status in (400, 415, 422):  # an upload without files: the key is unknown
                        return None
                    raise
                if time.monotonic() > until:  # the first upload is still in progress
                    raise
            time.sleep(_PAUSE_S)

    def fetch(self, dicomweb: str, bundle: str | None = None, register: bool = False) -> Submitted:
        """Make the service fetch a study by DICOMweb.

        Args:
            dicomweb: the study's address, such as ``https://pacs.example.org/dicom-web/studies/1.2.3``.
            bundle: see :meth:`submit`.
            register: rigidly co-register its series.
        """
        study = {"dicomweb": dicomweb, **_wanted(bundle), **({"register": True} if register else {})}
        return self._connection.value(Submitted, "POST", "/api/studies", json=study)

    def study(self, study: Study | str) -> Study:
        """The current state of a study with its revisions and files.

        Raises:
            Refused: the study does not exist (``status`` is 404).
        """
        return self._connection.value(Study, "GET", _path(study))

    def studies(self, search: str = "", state: str | None = None) -> Iterator[Study]:
        """All studies, newest first, fetched page by page.

        Args:
            search: part of the name.
            state: only studies in this state.
        """
        filters: dict[str, Any] = {"search": search, "state": state, "limit": _PAGE}
        after: str | None = None
        while True:
            given = {name: value for name, value in {**filters, "after": after}.items() if value}
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
        reconnect_timeout_s: float = RECONNECT_TIMEOUT_S,
    ) -> Study:
        """Wait until a study is done or failed, and return it; see its ``state``.

        The service sends changes as server-sent events. A broken connection is re-established; without
        events, the study is polled every two seconds.

        Args:
            study: the study or its id.
            on_change: called with the study, at once and after every change.
            reconnect_timeout_s: how long to retry an unreachable service.

        Raises:
            Unavailable: the service was unreachable for this time.
            Refused: the study does not exist (any more).
        """
        last: Study | None = None
        for now in changes(self._connection, _id(study), reconnect_timeout_s):
            if last is None or _visible_state(now) != _visible_state(last):
                on_change(now)
            last = now
            if now.settled:
                return self.study(now) if now.state == "done" and not now.files else now
        raise AssertionError("changes() never ends")

    def analysis(self, study: Study | str, revision: int | None = None) -> AnalysisDocument:
        """All findings: the content of ``analysis.json``, see docs/output.md.

        Args:
            study: the study or its id.
            revision: of the results; by default the newest.
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
        """Download one result into a folder, completely or not at all.

        Args:
            study: the study or its id.
            name: as in :attr:`Study.files`, such as ``report.pdf``, or ``results.zip`` for all of them.
            folder: created if it does not exist.
            on_progress: called with the number of received bytes and the total, or 0 if that is unknown.

        Returns:
            The path of the file.
        """
        known = self.study(study)
        listed = {file.name: file for file in known.files}
        file = listed.get(name)
        if file is None:
            available = ", ".join(sorted(listed)) or f"nothing, it is {known.state}"
            raise Refused(f"{known.name}: there is no {name}; available: {available}", 404)
        reporter = ProgressReporter(file.bytes or 0, on_progress)
        return fetch_together(self._connection, Path(folder), {name: _below_api(file.href)}, reporter.add)[0]

    def download_all(
        self, study: Study | str, folder: str | Path, *, on_progress: OnBytes = lambda done, total: None
    ) -> list[Path]:
        """Download all results of a study into a folder, all completely or none; ``analysis.json`` comes last.

        Args:
            study: the study or its id.
            folder: created if it does not exist.
            on_progress: called with the number of received bytes and the total.

        Raises:
            Refused: the study has no results (yet).
        """
        known = self.study(study)
        if not known.files:
            raise Refused(f"{known.name}: there are no results; it is {known.state}", 409)
        single = [file for file in known.files if file.name != _ARCHIVE]
        files = sorted(single, key=lambda file: file.name == "analysis.json")
        reporter = ProgressReporter(sum(file.bytes or 0 for file in files), on_progress)
        addresses = {file.name: _below_api(file.href) for file in files}
        return fetch_together(self._connection, Path(folder), addresses, reporter.add)

    def correct_mask(self, study: Study, mask: str | Path | bytes) -> Study:
        """Replace the network's mask by a corrected one; measurements and report follow as a new revision.

        Args:
            study: as of when the mask was drawn; rejected if another user has saved a mask since.
            mask: a NIfTI file (``.nii.gz``, 0 and 1) on the scan's grid, or its bytes.

        Returns:
            The study, for :meth:`wait`.
        """
        try:
            content = mask if isinstance(mask, bytes) else Path(mask).read_bytes()
        except OSError as error:
            raise TumorscopeError(f"{mask}: cannot be read ({(error.strerror or 'unknown').lower()})") from error
        headers = {"If-Match": f'"{study.revision}"', "Content-Type": "application/gzip"}
        return self._connection.value(Study, "PUT", f"{_path(study)}/mask", content=content, headers=headers)

    def retry(self, study: Study | str, reading: ReadingChoices | None = None) -> Study:
        """Retry a failed study.

        Args:
            study: the study or its id.
            reading: what its files do not tell themselves, instead of all that was stated before; its files and
                folders have the names under which they were sent. By default :attr:`Study.reading`.

        Raises:
            Refused: the study has not failed (``status`` is 409), or nothing of it has a name (422).
        """
        stated = {} if reading is None else {"json": reading.to_values()}
        return self._connection.value(Study, "POST", f"{_path(study)}/retry", **stated)

    def delete(self, study: Study | str) -> None:
        """Delete a study with its files and results."""
        self._connection.ask("DELETE", _path(study))


_STUDY_ID = TypeAdapter(StudyId)


def _id(study: Study | str) -> str:
    if isinstance(study, Study):
        return study.id
    try:
        return _STUDY_ID.validate_python(study)
    except ValueError:
        raise TumorscopeError(f"{study!r} is not a study's id, which has letters, digits, _ and -") from None


def _wanted(bundle: str | None) -> dict[str, str]:
    """The field of a bundle; without one the service takes that of its own settings."""
    return {} if bundle is None else {"bundle": bundle}


def _path(study: Study | str) -> str:
    return f"/api/studies/{_id(study)}"


def _below_api(href: str) -> str:
    """A path of this service without a proxy's prefix; never of another host."""
    _prefix, api, rest = href.partition("/api/studies/")
    if not api or ".." in rest.split("?")[0].split("/"):
        raise Refused("the response refers to files of another service; check the address")
    return api + rest


def _visible_state(study: Study) -> tuple[Any, ...]:
    """The part of a study whose change is reported."""
    return study.state, study.stage, study.done, study.total, study.revision, study.failure
