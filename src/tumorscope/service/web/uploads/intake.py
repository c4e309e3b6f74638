"""Create studies from a request; their files are on disk before the response."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from anyio import to_thread
from pydantic import ValidationError
from starlette.requests import Request

from tumorscope.core.errors import TumorscopeError
from tumorscope.io.checks import printable
from tumorscope.io.reading_choices import ReadingChoices
from tumorscope.service.catalog_records import NewStudy, Study, new_id
from tumorscope.service.queue import enqueue
from tumorscope.service.remote_archives import check_address
from tumorscope.service.request_errors import Conflict
from tumorscope.service.sent_names import SentName, SentNames, by_sent_names, unknown_sent_names
from tumorscope.service.web.api_error import ApiError, invalid_line
from tumorscope.service.web.backend import Backend
from tumorscope.service.web.schemas import DicomwebStudy, LeftOutEntry, Uploaded
from tumorscope.service.web.serializers import study_state
from tumorscope.service.web.uploads.archives import unpack_archives
from tumorscope.service.web.uploads.bodies import body_chunks, read_body
from tumorscope.service.web.uploads.limits import Limits
from tumorscope.service.web.uploads.multipart import MultipartReceiver
from tumorscope.service.web.uploads.tree import LeftOut, UploadTree
from tumorscope.service.web.uploads.upload_cases import UploadedCase, find_uploaded_cases

_MAX_ADDRESS_BYTES = 8192
_FIELDS = {"bundle", "register", "spacing", "sequences"}
_Result = TypeVar("_Result")


@asynccontextmanager
async def idempotent(backend: Backend, key: str | None) -> AsyncIterator[Uploaded | None]:
    """Process an upload exclusively among uploads with the same key.

    Yields the response to an earlier upload with this key, or None.

    Raises:
        ApiError: an upload with this key is in progress.
    """
    if key is None:
        yield None
        return
    if key in backend.keys_under_way:
        raise ApiError(409, "this upload is still in progress; try again in a few seconds")
    backend.keys_under_way.add(key)
    try:
        studies = await to_thread.run_sync(backend.catalog.uploaded, key)
        yield _response(backend, studies, ()) if studies else None
    finally:
        backend.keys_under_way.discard(key)


async def accept_address(request: Request, backend: Backend, key: str | None) -> Uploaded:
    """Create a study that a worker will fetch by DICOMweb.

    Raises:
        ApiError: the body is invalid, or the address is not allowed.
    """
    body = await read_body(request, _MAX_ADDRESS_BYTES)
    try:
        wanted = DicomwebStudy.model_validate_json(body)
    except ValidationError as error:
        raise ApiError(400, invalid_line(error.errors()[0], "the body")) from None

    def create() -> list[Study]:
        bundle = backend.check_bundle(wanted.bundle)
        check_address(wanted.dicomweb, backend.settings)
        study_id = new_id()
        backend.folders.prepare(study_id, ReadingChoices(wanted.register_series))
        return _create(backend, [NewStudy(study_id, "DICOMweb", bundle, wanted.dicomweb)], key)

    return _response(backend, await _in_thread(backend, create), ())


async def accept_upload(request: Request, backend: Backend, key: str | None) -> Uploaded:
    """Receive an upload: write it to disk while it arrives, group its files into cases, create their studies.

    Raises:
        ApiError: the upload exceeds a limit, is unsafe, or has no readable scan; nothing of it is kept.
    """
    settings = backend.settings
    limits = Limits(settings.upload_bytes, settings.upload_files, settings.unpacked_bytes)
    root = await _in_thread(backend, backend.folders.incoming)
    tree = UploadTree(root, limits)
    outcome = "rejected"
    try:
        receiver = MultipartReceiver(request.headers.get("content-type", ""), tree)
        try:
            async for chunk in body_chunks(request, limits.upload_bytes):
                await _in_thread(backend, lambda chunk=chunk: receiver.write(chunk))
                backend.metrics.upload_bytes.inc(len(chunk))
            receiver.finish()
        finally:
            receiver.close()
        studies = await _in_thread(backend, lambda: _create_studies(backend, tree, receiver, key))
        outcome = "accepted"
    finally:
        backend.metrics.uploads.labels(outcome).inc()
        await to_thread.run_sync(lambda: shutil.rmtree(root, ignore_errors=True))
    return _response(backend, studies, tree.left_out)


def create_from_folder(backend: Backend, folder: Path, name: str) -> Study:
    """Create a study from a folder with the files of one case, below :meth:`Folders.incoming`."""
    entry = NewStudy(new_id(), name, backend.check_bundle(None))
    try:
        backend.folders.import_upload(folder, entry.id)
        return _create(backend, [entry], None)[0]
    except BaseException:
        backend.folders.remove(entry.id)
        raise


def _create_studies(backend: Backend, tree: UploadTree, receiver: MultipartReceiver, key: str | None) -> list[Study]:
    unknown = set(receiver.fields) - _FIELDS
    if unknown:
        raise ApiError(400, f"the form has an unknown field; the known ones are files, {', '.join(sorted(_FIELDS))}")
    if not receiver.files:
        raise ApiError(400, "the upload has no files; put them into the field named files")
    bundle = backend.check_bundle(receiver.fields.get("bundle"))
    reading = ReadingChoices.from_fields(receiver.fields)
    unpack_archives(tree)
    sent = tree.sent_names
    cases = find_uploaded_cases(tree, by_sent_names(reading, sent).sequences)
    if not cases:
        raise ApiError(400, _no_scan_detail(tree.left_out))
    readings = _by_case(reading, cases, sent)
    entries = [NewStudy(new_id(), case.name, bundle) for case in cases]
    imported: list[str] = []
    try:
        for entry, case, its_reading in zip(entries, cases, readings, strict=True):
            imported.append(entry.id)
            folder = backend.folders.incoming()
            its_names = _flatten(case, folder, sent)
            backend.folders.import_upload(folder, entry.id, its_reading, its_names)
        return _create(backend, entries, key)
    except BaseException:
        for study_id in imported:
            backend.folders.remove(study_id)
        raise


def check_sent_names(names: Sequence[str], sent: SentNames) -> None:
    """Check that each name is that of a file, a folder or a DICOM series of an upload.

    Raises:
        ApiError: nothing is called so: a misspelled name would have no effect.
    """
    unknown = unknown_sent_names(names, sent)
    if unknown:
        shown = printable(unknown[0][:60])
        raise ApiError(422, f"sequences: no file, folder or DICOM series of the upload is named {shown!r}; check it")


def _by_case(reading: ReadingChoices, cases: Sequence[UploadedCase], sent: SentNames) -> list[ReadingChoices]:
    """The choices for each case, with the names that it has.

    Raises:
        ApiError: nothing in the upload has a name.
    """
    readings = []
    missing = list(reading.sequences)
    for case in cases:
        unknown = unknown_sent_names(reading.sequences, {file: sent[file] for file in case.files})
        own = {name: told for name, told in reading.sequences.items() if name not in unknown}
        readings.append(replace(reading, sequences=own))
        missing = [name for name in missing if name in unknown]
    in_cases = {file for case in cases for file in case.files}
    check_sent_names(missing, {file: name for file, name in sent.items() if file not in in_cases})
    return readings


def _flatten(case: UploadedCase, folder: Path, sent: SentNames) -> Mapping[str, SentName]:
    """Move a case's files into one folder, where equal names get numbers; return what each was called."""
    names: dict[str, SentName] = {}
    taken: set[str] = set()
    for number, file in enumerate(case.files):
        name = file.name if file.name.lower() not in taken else f"{number:05d}-{file.name}"
        taken.add(name.lower())
        file.replace(folder / name)
        names[name] = sent[file]
    return names


def _create(backend: Backend, entries: list[NewStudy], key: str | None) -> list[Study]:
    """Create the studies, then notify the workers.

    Raises:
        ApiError: another process has received the same upload meanwhile.
    """
    try:
        studies = backend.catalog.create_all(entries, key)
    except Conflict:
        for entry in entries:
            backend.folders.remove(entry.id)
        raise ApiError(409, "this upload was received at the same time; send it again") from None
    for study in studies:
        enqueue(backend.queue, study.id)
    return studies


def _response(backend: Backend, studies: list[Study], left_out: tuple[LeftOut, ...] | list[LeftOut]) -> Uploaded:
    return Uploaded(
        studies=[study_state(study, backend.settings.keep_days) for study in studies],
        left_out=[LeftOutEntry(name=each.name, reason=each.reason) for each in left_out],
    )


def _no_scan_detail(left_out: list[LeftOut]) -> str:
    """One line for an upload without any scan."""
    if not left_out:
        return "the upload has no files that could be a scan"
    first = f"{left_out[0].name}: {left_out[0].reason}"
    return first if len(left_out) == 1 else f"none of {len(left_out)} files is a scan; the first is {first}"


async def _in_thread(backend: Backend, work: Callable[[], _Result]) -> _Result:
    """Run blocking work in an upload thread; a TumorscopeError becomes an ApiError."""
    try:
        return await to_thread.run_sync(work, limiter=backend.upload_threads)
    except TumorscopeError as error:
        if isinstance(error, ApiError):
            raise
        raise ApiError(400, str(error)) from error
