"""Studies as responses of the HTTP interface."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from tumorscope.service.catalog_records import Revision, Study
from tumorscope.service.viewer_images import view_names
from tumorscope.service.web.backend import Backend
from tumorscope.service.web.revision_files import ARCHIVE, ARCHIVE_TITLE, RESULTS, VIEW_FOLDER, VIEW_SUFFIX
from tumorscope.service.web.schemas import (
    FileEntry,
    ImageEntry,
    Progress,
    Reading,
    RevisionEntry,
    StudyDetail,
    StudyState,
    Summary,
)

_SETTLED = ("done", "failed")


def study_state(study: Study, keep_days: float | None) -> StudyState:
    """The state of a study."""
    return StudyState(**_state(study, keep_days))


def study_detail(study: Study, revisions: Iterable[Revision], shown: int, backend: Backend, root: str) -> StudyDetail:
    """A study with the images and files of one revision.

    Args:
        study, revisions: from the catalog.
        shown: the revision whose images and files are listed; 0 for none.
        backend: of the application.
        root: the URL path prefix of the service.
    """
    base = f"{root}/api/studies/{study.id}"
    run = backend.folders.run(study.id, shown) if shown else None
    return StudyDetail(
        **_state(study, backend.settings.keep_days),
        reading=Reading.model_validate(backend.folders.reading(study.id).to_values()),
        revisions=[RevisionEntry(revision=each.number, kind=each.kind, created=each.created) for each in revisions],
        images=[] if run is None else _images(base, shown, run),
        files=[] if run is None else _files(base, shown, run),
    )


def _state(study: Study, keep_days: float | None) -> dict:
    expires = keep_days is not None and study.state in _SETTLED
    return {
        "id": study.id,
        "name": study.name,
        "state": study.state,
        "progress": Progress(stage=study.stage, done=study.done, total=study.total),
        "ahead": study.ahead,
        "failure": study.failure,
        "bundle": Path(study.bundle).name,  # hides the path of a bundle that is a folder
        "created": study.created,
        "changed": study.changed,
        "expires": study.changed + timedelta(days=keep_days or 0) if expires else None,
        "revision": study.revision,
        "summary": None if study.summary is None else Summary.model_validate(study.summary),
    }


def _images(base: str, revision: int, run: Path) -> list[ImageEntry]:
    return [
        ImageEntry(name=name, href=f"{base}/images/{quote(name)}{VIEW_SUFFIX}?revision={revision}")
        for name in view_names(run / VIEW_FOLDER)
    ]


def _files(base: str, revision: int, run: Path) -> list[FileEntry]:
    files = []
    for result in RESULTS:
        try:
            size = (run / result.file).stat().st_size
        except OSError:  # not every study has every file
            continue
        href = f"{base}/{result.address}?revision={revision}"
        files.append(FileEntry(name=result.file, title=result.output.title, bytes=size, href=href))
    if files:
        archive = f"{base}/{ARCHIVE}?revision={revision}"
        total = sum(file.bytes for file in files)
        files.append(FileEntry(name=ARCHIVE, title=ARCHIVE_TITLE, bytes=total, href=archive))
    return files
