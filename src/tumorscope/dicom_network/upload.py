"""Send objects by STOW-RS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tumorscope.dicom_network.dicomweb import Refused, one_line_errors

if TYPE_CHECKING:
    from dicomweb_client import DICOMwebClient
    from pydicom import Dataset
    from requests import Response

TEMPORARY_FAILURES = frozenset({0x0110, 0x0124, 0x0213})
"""Processing failure, not authorized, resource limitation (PS3.7 C.5): the peer's state, not the object."""
BATCH_FILES, BATCH_BYTES = 20, 32 * 2**20
"""Limits of one request; a single larger file is sent alone."""


@dataclass(frozen=True)
class Pushed:
    """The outcome of sending a file.

    Attributes:
        path: of the file.
        problem: why the archive did not store it; None if it did.
        temporary: whether the archive may accept it later, since it is full or has an internal error.
    """

    path: Path
    problem: str | None = None
    temporary: bool = False


def is_temporary(status: int) -> bool:
    """Whether a failure is due to the archive's state and not to the object (PS3.4 B.2.3, PS3.7 C.5).

    Args:
        status: of a C-STORE, or the FailureReason of STOW-RS.

    >>> is_temporary(0xA700), is_temporary(0xC000)
    (True, False)
    """
    return status & 0xFF00 == 0xA700 or status in TEMPORARY_FAILURES


def push_files(
    client: DICOMwebClient, files: Sequence[Path], on_file: Callable[[Pushed], None] = lambda pushed: None
) -> list[Pushed]:
    """Send files in batches; a refused file does not stop the others.

    Args:
        client: see :func:`tumorscope.dicom_network.dicomweb.connect_to_store`.
        files: DICOM files.
        on_file: called with the outcome of each, for a progress bar.

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
    failed = {path: Pushed(path, "not a DICOM object") for path in paths if path not in datasets}
    if datasets:
        with one_line_errors(client):
            failed |= _store(client, datasets)
    return [failed.get(path, Pushed(path)) for path in paths]


def _store(client: DICOMwebClient, datasets: dict[Path, Dataset]) -> dict[Path, Pushed]:
    """The files that were not stored, with the reasons."""
    from requests import HTTPError

    try:
        response = client.store_instances(list(datasets.values()))
    except HTTPError as error:
        if error.response is None or error.response.status_code not in (400, 409, 413, 415, 422):
            raise
        reasons = _failure_reasons(_body(error.response))
        if all(str(dataset.SOPInstanceUID) in reasons for dataset in datasets.values()):
            return _failed(datasets, reasons)
        if len(datasets) > 1:  # some or all of them failed: send each one alone
            return {path: each for item in datasets.items() for path, each in _store(client, dict([item])).items()}
        path = next(iter(datasets))
        return {path: Pushed(path, f"refused ({error.response.status_code})")}
    return _failed(datasets, _failure_reasons(response))


def _failed(datasets: dict[Path, Dataset], reasons: dict[str, int]) -> dict[Path, Pushed]:
    named = {path: str(dataset.SOPInstanceUID) for path, dataset in datasets.items()}
    return {
        path: Pushed(path, f"refused (reason {reasons[uid]:04X})", is_temporary(reasons[uid]))
        for path, uid in named.items()
        if uid in reasons
    }


def _failure_reasons(response: Dataset) -> dict[str, int]:
    """FailureReason by SOPInstanceUID in a Store Instances Response (PS3.18 I.2)."""
    return {
        str(item.get("ReferencedSOPInstanceUID")): int(item.get("FailureReason") or 0)
        for item in response.get("FailedSOPSequence") or []
    }


def _body(response: Response) -> Dataset:
    """The data set of an error response; empty if it is not DICOM JSON."""
    from pydicom import Dataset

    try:
        return Dataset.from_json(response.json())
    except Exception:  # text, XML, nothing, or JSON of another kind
        return Dataset()


def _read(path: Path) -> Dataset | None:
    from pydicom import dcmread

    try:
        dataset = dcmread(path)
        return dataset if dataset.get("SOPInstanceUID") else None
    except OSError as error:
        raise Refused(f"{path.name}: cannot be read ({(error.strerror or 'unknown reason').lower()})") from error
    except Exception:  # pydicom raises many types of errors
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
