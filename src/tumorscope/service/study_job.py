"""Process a claimed study: fetch its files, analyze them, and commit the results."""

from __future__ import annotations

import dataclasses
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

from sqlalchemy.exc import SQLAlchemyError

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.faults import failure_reason
from tumorscope.inference.bundles import shipped_bundles
from tumorscope.inference.engine_pool import EnginePool
from tumorscope.reporting.document import load_document
from tumorscope.reporting.outputs import DOCUMENT_FILE
from tumorscope.service.catalog import Catalog
from tumorscope.service.catalog_records import StudyClaim
from tumorscope.service.remote_archives import fetch_study
from tumorscope.service.sent_names import by_sent_names
from tumorscope.service.settings import ServiceSettings
from tumorscope.service.study_folders import Folders
from tumorscope.service.viewer_images import MASK, read_segmentation, write_views
from tumorscope.studies.case import AnalysisOptions, Case, process_case
from tumorscope.studies.lease import LeaseHolder, LeaseLost
from tumorscope.studies.lease import Outcome as WorkOutcome

log = logging.getLogger(__name__)

Outcome = WorkOutcome | Literal["nothing to do"]


def load_engines(settings: ServiceSettings) -> Callable[[str], EnginePool]:
    """A function from a bundle's name to its engines, which are loaded on first use and kept."""

    @cache
    def engines(bundle: str) -> EnginePool:
        # A request may name a bundle, but not a folder on this machine.
        if bundle not in ("auto", settings.bundle, *(each.name for each in shipped_bundles())):
            raise TumorscopeError(f"there is no bundle {bundle!r}")
        return EnginePool(bundle, settings.engine)

    return engines


def process(
    study_id: str,
    settings: ServiceSettings,
    catalog: Catalog,
    folders: Folders,
    engines: Callable[[str], EnginePool],
    stop: threading.Event | None = None,
    worker: str = "",
) -> Outcome:
    """Process a study if it is waiting; never raises.

    Args:
        study_id: from a message, which may be a duplicate or refer to a deleted study.
        settings, catalog, folders: of the service.
        engines: from :func:`load_engines`.
        stop: set when the worker must end; the study then returns to the queue.
        worker: the name under which the study is claimed.
    """
    try:
        claim = catalog.claim(study_id, worker or f"process-{os.getpid()}")
    except SQLAlchemyError as error:
        log.warning("%s: the database is unreachable (%s)", study_id, type(error).__name__)
        return "lost"
    if claim is None:
        return "nothing to do"
    log.info("%s: revision %d started, attempt %d", claim.study, claim.revision, claim.attempt)
    started = time.monotonic()

    def reason(error: Exception) -> str:
        line = failure_reason(error)
        log.error("%s: %s", claim.study, "cannot be analyzed" if isinstance(error, TumorscopeError) else line)
        return _public(line, claim, folders)

    outcome: Outcome = "lost"
    try:
        with LeaseHolder(catalog, claim, settings.longest_analysis_s, stop, partial(catalog.progress, claim)) as lease:
            job = _Job(lease, claim, settings, catalog, folders, engines)
            outcome = lease.work(lambda: catalog.finish(claim, job.make()), reason)
    except SQLAlchemyError as error:  # the lease expires, and another attempt follows
        log.error("%s: the database is unreachable (%s)", claim.study, type(error).__name__)
    log.info("%s: %s after %.1f s", claim.study, outcome, time.monotonic() - started)
    return outcome


@dataclass(frozen=True)
class _Job:
    """The work on one claim."""

    lease: LeaseHolder
    claim: StudyClaim
    settings: ServiceSettings
    catalog: Catalog
    folders: Folders
    engines: Callable[[str], EnginePool]

    def make(self) -> dict[str, Any]:
        """Make the revision's results unless they exist, and return their summary."""
        results = self.folders.run(self.claim.study, self.claim.revision)
        if not results.is_dir():  # else a worker ended between committing them and recording it
            if self.claim.fetch is not None:
                self._fetch(self.claim.fetch)
            self._analyze()
        return summary_of(results)

    def _fetch(self, address: str) -> None:
        self.lease.progress("fetching")
        out = self.folders.input(self.claim.study)
        fetch_study(address, out, self.settings, lambda done, total: self.lease.progress("fetching", done, total))
        if not self.catalog.fetched(self.claim):
            raise LeaseLost

    def _analyze(self) -> None:
        claim, folders, lease = self.claim, self.folders, self.lease
        edit = claim.kind == "edit"
        earlier = folders.run(claim.study, claim.base) / "view" if claim.base else None
        case = Case(folders.case(claim.study))
        reading = by_sent_names(folders.reading(claim.study), folders.sent_names(claim.study))
        if edit and earlier is not None:
            mask = read_segmentation(folders.mask(claim.study, claim.revision), earlier / f"{MASK}.nii.gz")
            rulers = folders.rulers(claim.study, claim.revision)
            case = dataclasses.replace(case, segmentation=mask, rulers=rulers)
        with folders.staging_dir() as staging:
            result = process_case(
                case,
                self.engines(claim.bundle),
                staging,
                AnalysisOptions(
                    find_truth=False,
                    register=reading.register or self.settings.register_series,
                    spacing_mm=reading.spacing_mm,
                    stated=reading.sequences,
                    explain=True,
                    input_check=not edit,
                    flips=self.settings.flips,
                    location=self.settings.location,
                ),
                name=lambda _name: claim.name,
                on_progress=lambda progress: lease.progress(progress.stage, progress.done, progress.total),
            )
            lease.check()
            write_views(result.analysis, result.folder / "view", earlier)
            lease.check()
            folders.commit(result.folder, claim.study, claim.revision)


def summary_of(results: Path) -> dict[str, Any]:
    """The summary of a revision that the list of studies shows.

    Args:
        results: the revision's folder.
    """
    document = load_document(results / DOCUMENT_FILE)
    rejection = document.input_rejected
    return {
        "input_rejected": None if rejection is None else dataclasses.asdict(rejection),
        "tumor_present": document.tumor_present,
        "tumor_probability": document.tumor_probability,
        "tumor_type": None if document.tumor_type is None else document.tumor_type.name,
        "volume_mm3": document.volume_mm3,
        "lesions": len(document.lesions),
        "slices": len(document.slices),
        "sequences": document.geometry.sequences,
        "patient_key": document.patient_key,
        "study_date": document.study_date,
    }


def _public(line: str, claim: StudyClaim, folders: Folders) -> str:
    """A reader's message in which the study's name replaces the paths of this machine."""
    source = folders.input(claim.study)
    for inner in (str(source), str(folders.data)):
        line = line.replace(inner, claim.name)
    if line.startswith(f"{source.name}:"):
        line = claim.name + line.removeprefix(source.name)
    return line
