"""From a request to studies in the catalog, their files on disk before the response is given."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from anyio import to_thread
from pydantic import ValidationError
from starlette.requests import Request

from tumorscope.core.errors import TumorscopeError
from tumorscope.service.errors import Conflict
from tumorscope.service.pulling import check_address
from tumorscope.service.queue import enqueue
from tumorscope.service.records import NewStudy, Study, new_id
from tumorscope.service.web.backend import Backend
from tumorscope.service.web.models import DicomwebStudy, LeftOutEntry, Uploaded
from tumorscope.service.web.presenting import present
from tumorscope.service.web.refusal import ApiError
from tumorscope.service.web.uploads.archives import unpack_archives
from tumorscope.service.web.uploads.bodies import pieces, whole_body
from tumorscope.service.web.uploads.limits import Limits
from tumorscope.service.web.uploads.multipart import MultipartReceiver
from tumorscope.service.web.uploads.sorting import UploadedCase, find_uploaded_cases
from tumorscope.service.web.uploads.tree import LeftOut, UploadTree

_LONGEST_ADDRESS_BODY = 8192
_FIELDS = {"bundle"}
_Result = TypeVar("_Result")


@asynccontextmanager
async def once(backend: Backend, key: str | None) -> AsyncIterator[Uploaded | None]:
    """While an upload is taken, nobody else takes one with the same key.

    Gives what became of the upload where it was taken before.

    Raises:
        ApiError: it is being taken at this moment.
    """
    if key is None:
        yield None
        return
    if key in backend.keys_under_way:
        raise ApiError(409, "this upload is still being taken; ask again in a few seconds")
    backend.keys_under_way.add(key)
    try:
        studies = await to_thread.run_sync(backend.catalog.uploaded, key)
        yield _response(backend, studies, ()) if studies else None
    finally:
        backend.keys_under_way.discard(key)


async def accept_address(request: Request, backend: Backend, key: str | None) -> Uploaded:
    """Enter a study that a worker is to fetch by DICOMweb.

    Raises:
        ApiError: the body is no such thing, or the address may not be asked.
    """
    body = await whole_body(request, _LONGEST_ADDRESS_BODY)
    try:
        wanted = DicomwebStudy.model_validate_json(body)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in fault["loc"]) or "the body"
        raise ApiError(400, f"{place}: {fault['msg'].lower()}") from None

    def enter() -> list[Study]:
        bundle = backend.check_bundle(wanted.bundle)
        check_address(wanted.dicomweb, backend.settings)
        study_id = new_id()
        backend.folders.prepare(study_id)
        return _enter(backend, [NewStudy(study_id, "DICOMweb", bundle, wanted.dicomweb)], key)

    return _response(backend, await _in_thread(backend, enter), ())


async def accept_upload(request: Request, backend: Backend, key: str | None) -> Uploaded:
    """Take an upload in: to disk while it arrives, then sorted into cases, then entered.

    Raises:
        ApiError: it breaks a limit, is unsafe, or holds nothing that can be read; nothing of it stays.
    """
    settings = backend.settings
    limits = Limits(settings.upload_bytes, settings.upload_files, settings.unpacked_bytes)
    root = await _in_thread(backend, backend.folders.incoming)
    tree = UploadTree(root, limits)
    outcome = "refused"
    try:
        receiver = MultipartReceiver(request.headers.get("content-type", ""), tree)
        try:
            async for piece in pieces(request, limits.upload_bytes):
                await _in_thread(backend, lambda piece=piece: receiver.write(piece))
                backend.metrics.upload_bytes.inc(len(piece))
            receiver.finish()
        finally:
            receiver.close()
        studies = await _in_thread(backend, lambda: _sort_and_enter(backend, tree, receiver, key))
        outcome = "taken"
    finally:
        backend.metrics.uploads.labels(outcome).inc()
        await to_thread.run_sync(lambda: shutil.rmtree(root, ignore_errors=True))
    return _response(backend, studies, tree.left_out)


def _sort_and_enter(backend: Backend, tree: UploadTree, receiver: MultipartReceiver, key: str | None) -> list[Study]:
    unknown = set(receiver.fields) - _FIELDS
    if unknown:
        raise ApiError(400, "a field of the form is not known; there are files and bundle")
    if not receiver.files:
        raise ApiError(400, "no files came; put them into the field named files")
    bundle = backend.check_bundle(receiver.fields.get("bundle"))
    unpack_archives(tree)
    cases = find_uploaded_cases(tree)
    if not cases:
        raise ApiError(400, _nothing(tree.left_out))
    entries = [NewStudy(new_id(), case.name, bundle) for case in cases]
    adopted: list[str] = []
    try:
        for entry, case in zip(entries, cases, strict=True):
            adopted.append(entry.id)
            backend.folders.import_upload(_gather(case, backend.folders.incoming()), entry.id)
        return _enter(backend, entries, key)
    except BaseException:
        for study_id in adopted:
            backend.folders.remove(study_id)
        raise


def _gather(case: UploadedCase, folder: Path) -> Path:
    """A case's files in one folder, however deep they lay; names that meet are numbered."""
    taken: set[str] = set()
    for number, file in enumerate(case.files):
        name = file.name if file.name.lower() not in taken else f"{number:05d}-{file.name}"
        taken.add(name.lower())
        file.replace(folder / name)
    return folder


def _enter(backend: Backend, entries: list[NewStudy], key: str | None) -> list[Study]:
    """Commit the studies, then tell the workers.

    Raises:
        ApiError: another process took the same upload meanwhile.
    """
    try:
        studies = backend.catalog.create_all(entries, key)
    except Conflict:
        for entry in entries:
            backend.folders.remove(entry.id)
        raise ApiError(409, "this upload was taken at the same moment; ask for it again") from None
    for study in studies:
        enqueue(backend.queue, study.id)
    return studies


def _response(backend: Backend, studies: list[Study], left_out: tuple[LeftOut, ...] | list[LeftOut]) -> Uploaded:
    return Uploaded(
        studies=[present(study, backend.settings.keep_days) for study in studies],
        left_out=[LeftOutEntry(name=each.name, reason=each.reason) for each in left_out],
    )


def _nothing(left_out: list[LeftOut]) -> str:
    """One line for an upload without a single scan."""
    if not left_out:
        return "the upload holds no files that could be a scan"
    first = f"{left_out[0].name}: {left_out[0].reason}"
    return first if len(left_out) == 1 else f"none of {len(left_out)} files is a scan; the first is {first}"


async def _in_thread(backend: Backend, work: Callable[[], _Result]) -> _Result:
    """Run what waits for the disk, in a thread of the uploads; what cannot be read is refused."""
    try:
        return await to_thread.run_sync(work, limiter=backend.upload_threads)
    except TumorscopeError as error:
        if isinstance(error, ApiError):
            raise
        raise ApiError(400, str(error)) from error
