"""Studies as the interface tells of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from tumorscope.service.records import Revision, Study
from tumorscope.service.views import view_names
from tumorscope.service.web.backend import Backend
from tumorscope.service.web.models import (
    FileEntry,
    ImageEntry,
    Progress,
    RevisionEntry,
    StudyDetail,
    StudyState,
    Summary,
)
from tumorscope.service.web.results import RESULTS, VIEW_FOLDER, VIEW_SUFFIX, WHOLE, WHOLE_TITLE

_SETTLED = ("done", "failed")


def present(study: Study, keep_days: float | None) -> StudyState:
    """Where a study stands."""
    return StudyState(**_state(study, keep_days))


def present_whole(study: Study, revisions: Iterable[Revision], shown: int, backend: Backend, root: str) -> StudyDetail:
    """A study with what can be had of one of its revisions; of none where that is 0.

    Args:
        study, revisions: of the catalog.
        shown: the revision whose images and files are listed.
        backend: of the application.
        root: the path below which the service is seen.
    """
    at = f"{root}/api/studies/{study.id}"
    run = backend.folders.run(study.id, shown) if shown else None
    return StudyDetail(
        **_state(study, backend.settings.keep_days),
        revisions=[RevisionEntry(revision=each.number, kind=each.kind, created=each.created) for each in revisions],
        images=[] if run is None else _images(at, shown, run),
        files=[] if run is None else _files(at, shown, run),
    )


def _state(study: Study, keep_days: float | None) -> dict:
    expires = keep_days is not None and study.state in _SETTLED
    return {
        "id": study.id,
        "name": study.name,
        "state": study.state,
        "progress": Progress(stage=study.stage, done=study.done, total=study.total),
        "failure": study.failure,
        "bundle": Path(study.bundle).name,  # where it is a folder, its place is nobody's business
        "created": study.created,
        "changed": study.changed,
        "expires": study.changed + timedelta(days=keep_days or 0) if expires else None,
        "revision": study.revision,
        "summary": None if study.summary is None else Summary.model_validate(study.summary),
    }


def _images(at: str, revision: int, run: Path) -> list[ImageEntry]:
    return [
        ImageEntry(name=name, href=f"{at}/images/{quote(name)}{VIEW_SUFFIX}?revision={revision}")
        for name in view_names(run / VIEW_FOLDER)
    ]


def _files(at: str, revision: int, run: Path) -> list[FileEntry]:
    files = []
    for result in RESULTS:
        try:
            size = (run / result.file).stat().st_size
        except OSError:  # not every study has every file
            continue
        href = f"{at}/{result.address}?revision={revision}"
        files.append(FileEntry(name=result.file, title=result.output.title, bytes=size, href=href))
    if files:
        whole = f"{at}/{WHOLE}?revision={revision}"
        total = sum(file.bytes for file in files)
        files.append(FileEntry(name=WHOLE, title=WHOLE_TITLE, bytes=total, href=whole))
    return files
