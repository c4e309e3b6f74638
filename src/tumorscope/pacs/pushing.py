"""Sending objects by STOW-RS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tumorscope.pacs.dicomweb import Refused, plain_errors

if TYPE_CHECKING:
    from dicomweb_client import DICOMwebClient
    from pydicom import Dataset

BATCH_FILES, BATCH_BYTES = 20, 32 * 2**20
"""One request carries at most so many files, and no more bytes unless one file alone has them."""


@dataclass(frozen=True)
class Pushed:
    """What became of a file: ``problem`` is None where the service has it."""

    path: Path
    problem: str | None = None


def push_files(
    client: DICOMwebClient, files: Sequence[Path], on_file: Callable[[Pushed], None] = lambda pushed: None
) -> list[Pushed]:
    """Send files, in batches; one that is refused does not stop the others.

    Args:
        client: see :func:`tumorscope.pacs.dicomweb.connect_to_store`.
        files: DICOM files.
        on_file: called with what became of each, for a progress bar.

    Raises:
        TumorscopeError: no connection, access denied, not DICOMweb.
    """
    outcomes = []
    for batch in _batches(files):
        for pushed in _push(client, batch):
            outcomes.append(pushed)
            on_file(pushed)
    return outcomes


def _push(client: DICOMwebClient, paths: list[Path]) -> list[Pushed]:
    read = {path: _read(path) for path in paths}
    datasets = {path: dataset for path, dataset in read.items() if dataset is not None}
    problems = {path: "no DICOM object" for path in paths if path not in datasets}
    if datasets:
        with plain_errors(client):
            problems |= _store(client, datasets)
    return [Pushed(path, problems.get(path)) for path in paths]


def _store(client: DICOMwebClient, datasets: dict[Path, Dataset]) -> dict[Path, str]:
    """Why each file that was not taken was not."""
    from requests import HTTPError

    try:
        answer = client.store_instances(list(datasets.values()))
    except HTTPError as error:
        if error.response is None or error.response.status_code not in (400, 409, 415, 422):
            raise
        if len(datasets) > 1:  # some or all of them: ask for each
            return {path: why for item in datasets.items() for path, why in _store(client, dict([item])).items()}
        return {next(iter(datasets)): f"refused ({error.response.status_code})"}
    failed = {
        str(item.get("ReferencedSOPInstanceUID")): f"refused (reason {int(item.get('FailureReason') or 0):04X})"
        for item in answer.get("FailedSOPSequence") or []
    }
    named = {path: str(dataset.get("SOPInstanceUID")) for path, dataset in datasets.items()}
    return {path: failed[uid] for path, uid in named.items() if uid in failed}


def _read(path: Path) -> Dataset | None:
    from pydicom import dcmread

    try:
        dataset = dcmread(path)
        return dataset if dataset.get("SOPInstanceUID") else None
    except OSError as error:
        raise Refused(f"{path.name}: cannot be read ({(error.strerror or 'unknown reason').lower()})") from error
    except Exception:  # pydicom raises many kinds
        return None


def _batches(files: Sequence[Path]) -> Iterator[list[Path]]:
    batch: list[Path] = []
    size = 0
    for path in files:
        length = path.stat().st_size if path.exists() else 0
        if batch and (len(batch) >= BATCH_FILES or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(path)
        size += length
    if batch:
        yield batch
