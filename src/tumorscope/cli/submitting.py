"""Sending cases to a service, waiting for them, and telling what came out."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
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
from rich.table import Table

from tumorscope.cli.running import cases_in
from tumorscope.cli.submitted import Entry, Journal, stamp_of
from tumorscope.client import Client, Left, Refused, Study, Unavailable
from tumorscope.client.uploading import Outgoing, named_below, outgoing
from tumorscope.errors import TumorscopeError
from tumorscope.notice import NOTICE
from tumorscope.reading.dicom.studies import StudyFiles
from tumorscope.reporting.wording import area_text, probability_text, type_words, volume_text
from tumorscope.tumor_type import TypeFinding

GO_ON = "what was sent is kept; the same command goes on where it was"
_DENIED = (401, 403)


@dataclass(frozen=True)
class Waiting:
    """A case on this disk: one upload."""

    label: str
    path: Path
    files: tuple[Path, ...] | None = None

    def outgoing(self) -> list[Outgoing]:
        """Its files, with the names under which they are sent."""
        return outgoing([self.path]) if self.files is None else named_below(self.path, self.files)


@dataclass(frozen=True)
class Outcome:
    """What became of a case: its findings, or one line that says why there are none."""

    case: str
    document: dict[str, Any] | None = None
    folder: Path | None = None
    failure: str | None = None


@dataclass(frozen=True)
class _Sent:
    """A study at the service; ``before``: this command was interrupted after it was sent."""

    entry: Entry
    study: str
    label: str
    before: bool


def waiting_to_be_sent(paths: Sequence[Path]) -> list[Waiting]:
    """The cases in files, folders and zips; a zip is taken apart by the service."""
    waiting: list[Waiting] = []
    for path in paths:
        if path.suffix.lower() == ".zip":
            waiting.append(Waiting(path.name, path))
            continue
        for case in cases_in(path):
            if isinstance(case.path, StudyFiles):
                below = case.path.path if case.path.path.is_dir() else case.path.path.parent
                waiting.append(Waiting(case.label, below, case.path.files))
            else:
                waiting.append(Waiting(case.label, case.path or path))
    return waiting


def submit_cases(client: Client, waiting: Sequence[Waiting], out: Path, bundle: str, *, wait: bool = True) -> None:
    """Send every case, wait for every study, and fetch its results; one that fails does not stop the others.

    Raises:
        TumorscopeError: after the table of findings, if any case failed.
        Unavailable: the service is out of reach; what was sent and fetched until then is kept.
    """
    console = Console(stderr=True)
    journal = Journal(out)
    journal.save()  # a folder that cannot be written is known before anything is sent
    try:
        sent, failed, left_out = _send(client, waiting, journal, bundle, console)
        for each in left_out:
            console.print(f"left out: {each.name}: {each.reason}", style="dim", markup=False, highlight=False)
        if not wait:
            _print_sent(client, sent)
            _raise_if(failed, len(sent) + len(failed))
            return
        outcomes = [*_fetch(client, sent, journal, out, console), *failed]
    except Unavailable as error:
        raise Unavailable(f"{error}; {GO_ON}") from error
    except KeyboardInterrupt:
        console.print(GO_ON[0].upper() + GO_ON[1:], highlight=False)
        raise
    print_findings(outcomes, out)
    _raise_if(outcomes, len(outcomes))


def _send(
    client: Client, waiting: Sequence[Waiting], journal: Journal, bundle: str, console: Console
) -> tuple[list[_Sent], list[Outcome], list[Left]]:
    sent: list[_Sent] = []
    failed: list[Outcome] = []
    left_out: list[Left] = []
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        for number, case in enumerate(waiting, 1):
            place = f" ({number} of {len(waiting)})" if len(waiting) > 1 else ""
            task = progress.add_task(f"sending {escape(case.label[:32])}{place}", total=None)
            try:
                files = case.outgoing()
                stamp = stamp_of(client.address, bundle, files)
                repeated = stamp in journal.entries
                entry = journal.entry(stamp)
                before = bool(entry.studies)
                if not before:
                    answer = client.submit_files(
                        files,
                        bundle,
                        lambda done, total, task=task: progress.update(task, completed=done, total=total),
                        key=entry.key,
                        repeated=repeated,
                    )
                    left_out += answer.left_out
                    entry.studies = [study.id for study in answer.studies]
                    journal.save()
                    if not entry.studies:
                        raise TumorscopeError(f"{case.label}: nothing in it was taken")
                sent += [_Sent(entry, study, case.label, before) for study in entry.studies]
            except Unavailable:
                raise
            except TumorscopeError as error:
                if isinstance(error, Refused) and error.status in _DENIED:
                    raise
                failed.append(Outcome(case.label, failure=_naming(case.label, str(error))))
            progress.remove_task(task)
    return sent, failed, left_out


def _fetch(client: Client, sent: Sequence[_Sent], journal: Journal, out: Path, console: Console) -> list[Outcome]:
    outcomes: list[Outcome] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        over_cases = progress.add_task("cases", total=len(sent), visible=len(sent) > 1)
        for each in sent:
            task = progress.add_task(escape(each.label[:32]), total=None)

            def show(now: Study, task: Any = task) -> None:
                words = now.stage if now.state == "analysing" and now.stage else now.state
                progress.update(
                    task, description=f"{escape(now.name[:32])}: {words}", completed=now.done or 0, total=now.total
                )

            try:
                outcomes.append(_fetch_one(client, each, journal, out, show))
            except Unavailable:
                raise
            except TumorscopeError as error:
                if isinstance(error, Refused) and error.status in _DENIED:
                    raise
                outcomes.append(Outcome(each.label, failure=_naming(each.label, str(error))))
            progress.remove_task(task)
            progress.advance(over_cases)
    return outcomes


def _fetch_one(client: Client, sent: _Sent, journal: Journal, out: Path, show: Any) -> Outcome:
    entry = sent.entry
    here = out / entry.folders[sent.study] if sent.study in entry.folders else None
    fetched = here is not None and (here / "analysis.json").is_file() and sent.study in entry.fetched
    try:
        study = client.study(sent.study)
        if study.state == "failed" and sent.before:  # who gives the command again wants another try
            client.retry(study)
        study = client.wait(study, show)
    except Refused as error:
        if error.status != 404:
            raise
        if fetched and here is not None:
            return Outcome(here.name, _document(here), here)
        journal.forget(entry)
        raise TumorscopeError(
            f"{sent.label}: the service has it no more; give the command again to send it anew"
        ) from error
    folder = out / journal.folder(entry, study.id, study.name)
    if study.state == "failed":
        return Outcome(folder.name, failure=_naming(folder.name, study.failure or "the analysis failed"))
    if not fetched or entry.fetched.get(study.id) != study.revision:
        client.download_all(study, folder)
        entry.fetched[study.id] = study.revision
        journal.save()
    return Outcome(folder.name, _document(folder), folder)


def print_findings(outcomes: Sequence[Outcome], out: Path) -> None:
    """One row a case as `analyze` prints it; then failures and the notice."""
    documents = [outcome.document for outcome in outcomes if outcome.document is not None]
    typed = any(document.get("tumor_type") for document in documents)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("case", overflow="fold")
    for name in ("tumour", "probability", *(["type"] if typed else []), "lesions", "size"):
        table.add_column(name)
    for outcome in outcomes:
        if outcome.document is None:
            table.add_row(escape(outcome.case), "[red]failed[/red]")
        else:
            table.add_row(escape(outcome.case), *_cells(outcome.document, typed))
    console = Console(highlight=False)
    console.print(table)
    for outcome in outcomes:
        if outcome.failure and len(outcomes) > 1:
            console.print(f"failed: {outcome.failure}", style="red", markup=False)
        for warning in outcome.document["warnings"] if outcome.document and len(outcomes) == 1 else ():
            console.print(f"note: {warning}", style="dim", markup=False)
    if documents:
        console.print(f"Results are in {out}{os.sep}<case>{os.sep}", markup=False)
    console.print(NOTICE, style="dim")


def _cells(document: dict[str, Any], typed: bool) -> list[str]:
    kind, lesions = document.get("tumor_type"), document["lesions"]
    present = "present" if document["tumor_present"] else "none found"
    return [
        (present if document["judged"] else "not judged") + (", corrected by hand" if document["corrected"] else ""),
        probability_text(document["tumor_probability"], 3),
        *([_type(kind) if kind else "-"] if typed else []),
        str(len(lesions)),
        _size(document) if lesions else "-",
    ]


def _type(kind: dict[str, Any]) -> str:
    return type_words(
        TypeFinding(
            kind["name"],
            kind["likeliest"],
            kind["probability"],
            kind.get("type_probabilities", {}),
            kind["confidence_needed"],
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
            f"{folder}: its analysis.json cannot be read; remove the folder to fetch it anew"
        ) from error


def _print_sent(client: Client, sent: Sequence[_Sent]) -> None:
    console = Console(highlight=False)
    for each in sent:
        console.print(f"{each.study}  {each.label}", markup=False)
    console.print(f"Sent to {client.address}; the same command without --no-wait fetches the results", markup=False)


def _naming(label: str, line: str) -> str:
    return line if line.startswith(label) else f"{label}: {line}"


def _raise_if(outcomes: Sequence[Outcome], total: int) -> None:
    failures = [outcome.failure for outcome in outcomes if outcome.failure]
    if len(failures) == total == 1:
        raise TumorscopeError(failures[0])
    for failure in failures if total != len(outcomes) else ():
        Console(highlight=False).print(f"failed: {failure}", style="red", markup=False)
    if failures:
        raise TumorscopeError(f"{len(failures)} of {total} cases failed; the lines above say why")
