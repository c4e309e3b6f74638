"""Send cases to a service, wait for them, and print their findings."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

from tumorscope.cli.findings import FindingsTable, Row, aside
from tumorscope.cli.running import cases_in
from tumorscope.cli.submission_journal import Entry, Journal, stamp_of
from tumorscope.client import Client, LeftOut, Refused, Study, Unavailable
from tumorscope.client.uploads import Outgoing, named_below, outgoing
from tumorscope.core.errors import TumorscopeError
from tumorscope.core.faults import FAULT_LOG, failure_line
from tumorscope.inference.tumor_type import TypeFinding
from tumorscope.io.case_names import PublicNames, public_names
from tumorscope.io.dicom.studies import StudyFiles
from tumorscope.io.reading_choices import ReadingChoices
from tumorscope.io.stated_names import unknown_names
from tumorscope.reporting.wording import area_text, probability_text, type_words, volume_text
from tumorscope.studies.case import Case

RESUME_HINT = "sent cases are kept; the same command resumes"
_DENIED = (401, 403)


@dataclass(frozen=True)
class Waiting:
    """A case to upload."""

    path: Path
    files: tuple[Path, ...] | None = None
    case: Path | StudyFiles | None = None

    @cached_property
    def names(self) -> PublicNames:
        """Names without patient data; reads the headers of DICOM files."""
        return public_names(self.case or self.path)

    def outgoing(self) -> list[Outgoing]:
        """Its files with the names under which they are sent."""
        return outgoing([self.path]) if self.files is None else named_below(self.path, self.files)

    def names_it_has(self, names: Collection[str]) -> list[str]:
        """Those of the names that its files, its folders or its DICOM series have; all for a ZIP archive."""
        if self.path.suffix.lower() == ".zip":  # which is not looked into here
            return list(names)
        unknown = unknown_names(self.files or [self.path], names)
        return [name for name in names if name not in unknown]


@dataclass(frozen=True)
class _Sent:
    """A study at the service; ``before`` if an earlier run of the command sent it."""

    entry: Entry
    study: str
    names: PublicNames
    before: bool

    @property
    def label(self) -> str:
        return self.names.label


def waiting_to_be_sent(paths: Sequence[Path], reading: ReadingChoices | None = None) -> list[Waiting]:
    """The cases in files, folders and ZIP archives; the service unpacks archives."""
    zips = [Waiting(path) for path in paths if path.suffix.lower() == ".zip"]
    others = [path for path in paths if path.suffix.lower() != ".zip"]
    return [*zips, *map(_waiting, cases_in(others, reading.sequences if reading else None))]


def _stated_for(case: Waiting, reading: ReadingChoices) -> dict[str, str]:
    return {name: reading.sequences[name] for name in case.names_it_has(reading.sequences)}


def _waiting(case: Case) -> Waiting:
    path = case.path
    assert path is not None
    if not isinstance(path, StudyFiles):
        return Waiting(path)
    return Waiting(path.path if path.path.is_dir() else path.path.parent, path.files, path)


def submit_cases(
    client: Client,
    waiting: Sequence[Waiting],
    out: Path,
    bundle: str | None,
    *,
    wait: bool = True,
    reading: ReadingChoices | None = None,
) -> None:
    """Send every case, wait for every study, and download its results; a failed one does not stop the others.

    Raises:
        TumorscopeError: after the table of findings, if any case failed.
        Unavailable: the service is unreachable; sent cases and downloaded results are kept.
    """
    console = Console(stderr=True)
    journal = Journal(out)
    journal.save()  # fails before the upload if the folder cannot be written
    try:
        sent, failed, left_out = _send(client, waiting, journal, bundle, reading or ReadingChoices(), out, console)
        for each in left_out:
            console.print(f"left out: {each.name}: {each.reason}", style="dim", markup=False, highlight=False)
        total = len(sent) + len(failed)
        if not wait:
            _print_sent(client, sent)
            for row in failed if total > 1 else ():
                Console(highlight=False).print(f"failed: {row.failure}", style="red", markup=False)
            _raise_if(failed, total)
            return
        table = FindingsTable([*(each.label for each in sent), *(row.case for row in failed)], ("type",))
        failed += _fetch(client, sent, journal, out, console, table)
        for row in failed[: total - len(sent)]:
            table.add(row)
    except Unavailable as error:
        raise Unavailable(f"{error}; {RESUME_HINT}") from error
    except KeyboardInterrupt:
        console.print(RESUME_HINT[0].upper() + RESUME_HINT[1:], highlight=False)
        raise
    table.close(f"{out}{os.sep}<case>{os.sep}")
    _raise_if(failed, total)


def _send(
    client: Client,
    waiting: Sequence[Waiting],
    journal: Journal,
    bundle: str | None,
    reading: ReadingChoices,
    out: Path,
    console: Console,
) -> tuple[list[_Sent], list[Row], list[LeftOut]]:
    settings = "".join(f"\n{name}={value}" for name, value in reading.to_fields().items())
    sent: list[_Sent] = []
    failed: list[Row] = []
    left_out: list[LeftOut] = []
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        for number, case in enumerate(waiting, 1):
            position = f" ({number} of {len(waiting)})" if len(waiting) > 1 else ""
            task = progress.add_task(f"sending {escape(case.names.label[:32])}{position}", total=None)
            try:
                files = case.outgoing()
                stamp = stamp_of(client.address, f"{bundle}{settings}", files)
                repeated = stamp in journal.entries
                entry = journal.entry(stamp)
                before = bool(entry.studies)
                if not before:
                    response = client.submit_files(
                        files,
                        bundle,
                        lambda done, total, task=task: progress.update(task, completed=done, total=total),
                        key=entry.key,
                        repeated=repeated,
                        # The service refuses names that nothing in an upload has.
                        reading=replace(reading, sequences=_stated_for(case, reading)),
                    )
                    left_out += response.left_out
                    entry.studies = [study.id for study in response.studies]
                    journal.save()
                    if not entry.studies:
                        raise TumorscopeError(f"{case.names.label}: the service accepted none of its files")
                sent += [_Sent(entry, study, case.names, before) for study in entry.studies]
            except BaseException as error:
                failed.append(_failed(case.names, error, out))
            progress.remove_task(task)
    return sent, failed, left_out


def _fetch(
    client: Client, sent: Sequence[_Sent], journal: Journal, out: Path, console: Console, table: FindingsTable
) -> list[Row]:
    """Wait for every study, download and print it; return the rows of failed ones."""
    failed: list[Row] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, redirect_stdout=False, disable=not console.is_terminal
    ) as progress:
        over_cases = progress.add_task("cases", total=len(sent), visible=len(sent) > 1)
        for each in sent:
            task = progress.add_task(escape(each.label[:32]), total=None)

            def show(now: Study, task: Any = task) -> None:
                words = now.stage if now.state == "analyzing" and now.stage else now.state
                progress.update(
                    task, description=f"{escape(now.name[:32])}: {words}", completed=now.done or 0, total=now.total
                )

            try:
                row = _fetch_one(client, each, journal, out, show)
            except BaseException as error:
                row = _failed(each.names, error, out)
            failed += [row] if row.failure else []
            progress.remove_task(task)
            progress.advance(over_cases)
            with aside(progress):
                table.add(row)
    return failed


def _failed(names: PublicNames, error: BaseException, out: Path) -> Row:
    """The row of a case that an error has ended; errors that concern all cases are re-raised."""
    denied = isinstance(error, Refused) and error.status in _DENIED
    if denied or isinstance(error, Unavailable | KeyboardInterrupt | SystemExit):
        raise error
    line = names.hide(failure_line(error, names.label, out / FAULT_LOG))
    return Row(names.label, "failed", failure=_with_label(names.label, line))


def _fetch_one(client: Client, sent: _Sent, journal: Journal, out: Path, show: Any) -> Row:
    entry = sent.entry
    here = out / entry.folders[sent.study] if sent.study in entry.folders else None
    fetched = here is not None and (here / "analysis.json").is_file() and sent.study in entry.fetched
    try:
        study = client.study(sent.study)
        if study.state == "failed" and sent.before:  # a repeated command retries failed studies
            client.retry(study)
        study = client.wait(study, show)
    except Refused as error:
        if error.status != 404:
            raise
        if fetched and here is not None:
            return _row(here)
        journal.forget(entry)
        raise TumorscopeError(
            f"{sent.label}: the service no longer has it; repeat the command to send it again"
        ) from error
    folder = out / journal.folder(entry, study.id, study.name)
    if study.state == "failed":
        return Row(folder.name, "failed", failure=_with_label(folder.name, study.failure or "the analysis failed"))
    if not fetched or entry.fetched.get(study.id) != study.revision:
        client.download_all(study, folder)
        entry.fetched[study.id] = study.revision
        journal.save()
    return _row(folder)


def _row(folder: Path) -> Row:
    document = _document(folder)
    kind, lesions = document.get("tumor_type"), document["lesions"]
    present = "present" if document["tumor_present"] else "none found"
    return Row(
        case=folder.name,
        state=("not assessed" if document["input_rejected"] else present)
        + (", corrected by hand" if document["corrected"] else ""),
        cells=(
            probability_text(document["tumor_probability"], 3),
            str(len(lesions)),
            _size(document) if lesions else "-",
        ),
        more=(_type(kind) if kind else "-",),
        notes=tuple(warning["text"] for warning in document["warnings"]),
    )


def _type(kind: dict[str, Any]) -> str:
    return type_words(
        TypeFinding(
            kind["name"],
            kind["likeliest"],
            kind["probability"],
            kind.get("type_probabilities", {}),
            kind["confidence_needed"],
            kind.get("doubt"),
        )
    )


def _size(document: dict[str, Any]) -> str:
    slices = document["slices"]
    if len(slices) == 1:
        return area_text(document["voxels"], slices[0]["area_mm2"])
    return volume_text(document["voxels"], document["volume_mm3"])


def _document(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / "analysis.json").read_bytes())
    except (OSError, ValueError) as error:
        raise TumorscopeError(
            f"{folder}: its analysis.json cannot be read; remove the folder to download it again"
        ) from error


def _print_sent(client: Client, sent: Sequence[_Sent]) -> None:
    console = Console(highlight=False)
    for each in sent:
        console.print(f"{each.study}  {each.label}", markup=False)
    console.print(f"Sent to {client.address}; the same command without --no-wait downloads the results", markup=False)


def _with_label(label: str, line: str) -> str:
    return line if line.startswith(label) else f"{label}: {line}"


def _raise_if(failed: Sequence[Row], total: int) -> None:
    if len(failed) == total == 1:
        raise TumorscopeError(failed[0].failure or "")
    if failed:
        raise TumorscopeError(f"{len(failed)} of {total} cases failed; the lines above say why")
