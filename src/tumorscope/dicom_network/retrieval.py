"""Fetch a study by QIDO-RS and WADO-RS."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.files import save_whole
from tumorscope.dicom_network.dicomweb import Refused, one_line_errors
from tumorscope.dicom_network.store import image_code
from tumorscope.io.dicom.privacy import series_code

if TYPE_CHECKING:
    from dicomweb_client import DICOMwebClient
    from pydicom import Dataset

_AS_STORED = (("application/dicom", "*"),)
_PAGE = 500
_UID = re.compile(r"(?=.{1,64}$)[0-9]+(\.[0-9]+)*")
_SERIES, _INSTANCE = "0020000E", "00080018"


@dataclass(frozen=True)
class Pulled:
    """A study that has been fetched.

    Attributes:
        files: all files of the study.
        fetched: how many of them are new; the others were present.
    """

    files: tuple[Path, ...]
    fetched: int


def pull_study(
    client: DICOMwebClient,
    study: str,
    out: Path,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Pulled:
    """Fetch every object of a study into ``out/series-<code>/image-<code>.dcm``.

    Files are written atomically, so those of an earlier attempt are kept. Objects have the transfer syntax in
    which the service stores them.

    Args:
        client: see :func:`tumorscope.dicom_network.dicomweb.connect`.
        study: StudyInstanceUID.
        out: created if it does not exist.
        on_progress: called with the number of present objects and the total.

    Raises:
        TumorscopeError: the study does not exist, no connection, a full disk and the like.
    """
    if not _UID.fullmatch(study):
        raise TumorscopeError("the study's UID is invalid; it has digits and dots, such as 1.2.840.113619.2.5")
    with one_line_errors(client):
        listed = _list(client, study)
        if not listed:
            raise Refused(f"{client.base_url}: does not have this study")
        paths = {image: out / series_code(series) / f"{image_code(image)}.dcm" for image, series in listed.items()}
        missing = {image for image, path in paths.items() if not path.exists()}
        present = len(paths) - len(missing)
        on_progress(present, len(paths))
        fetched = 0
        for dataset in _fetch(client, study, listed, missing):
            image = str(dataset.get("SOPInstanceUID") or "")
            if image not in paths or str(dataset.get("StudyInstanceUID") or "") != study:
                raise Refused(f"{client.base_url}: sent an object that was not requested")
            if image not in missing:
                continue
            save_whole(paths[image], _encoded(dataset))
            missing.remove(image)
            fetched += 1
            on_progress(present + fetched, len(paths))
        if missing:
            raise Refused(f"{client.base_url}: sent {fetched} objects, but lists {len(missing)} more")
    return Pulled(tuple(sorted(paths.values())), fetched)


def _list(client: DICOMwebClient, study: str) -> dict[str, str]:
    """The SeriesInstanceUID of every object of the study, by SOPInstanceUID."""
    listed: dict[str, str] = {}
    while True:
        page = client.search_for_instances(study, limit=_PAGE, offset=len(listed))
        before = len(listed)
        for entry in page:
            listed[entry[_INSTANCE]["Value"][0]] = entry[_SERIES]["Value"][0]
        if len(listed) == before or len(page) < _PAGE:  # the end, or a service without paging
            return listed


def _fetch(client: DICOMwebClient, study: str, listed: dict[str, str], missing: set[str]) -> Iterator[Dataset]:
    """Fetch series without any present object in one request each, other objects one by one."""
    by_series: dict[str, list[str]] = {}
    for image, series in listed.items():
        by_series.setdefault(series, []).append(image)
    for series, images in by_series.items():
        wanted = [image for image in images if image in missing]
        if len(wanted) == len(images):
            yield from client.iter_series(study, series, media_types=_AS_STORED)
        else:
            for image in wanted:
                yield client.retrieve_instance(study, series, image, media_types=_AS_STORED)


def _encoded(dataset: Dataset) -> bytes:
    content = BytesIO()
    dataset.save_as(content, enforce_file_format=True)
    return content.getvalue()
