"""A study's way from a claim to its results."""

from __future__ import annotations

import dataclasses
import logging
import os
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal

from sqlalchemy.exc import SQLAlchemyError

from tumorscope.core.errors import TumorscopeError, where
from tumorscope.inference.analysis import Analysis, analyze
from tumorscope.inference.bundles import shipped_bundles
from tumorscope.inference.engine_pool import EnginePool
from tumorscope.io import open_scan
from tumorscope.reporting.document import load_document
from tumorscope.reporting.outputs import DOCUMENT_FILE
from tumorscope.reporting.results import write_results
from tumorscope.service.catalog import Catalog
from tumorscope.service.folders import Folders
from tumorscope.service.pulling import fetch_study
from tumorscope.service.records import Claim
from tumorscope.service.settings import ServiceSettings
from tumorscope.service.views import MASK, read_segmentation, write_views
from tumorscope.studies.revision import revise

log = logging.getLogger(__name__)

Outcome = Literal["nothing to do", "done", "failed", "given back", "lost"]
_A_STEP_S = 0.25
"""Progress is entered no more often."""
_BEATS = 4
"""So often in a lease a worker is heard of."""
HANGING = 70
"""The exit code of a worker whose analysis hung."""


class _Stopped(Exception):
    """The worker is to end."""


class _Lost(Exception):
    """Someone else has the study now, or it was deleted."""


def load_engines(settings: ServiceSettings) -> Callable[[str], EnginePool]:
    """EnginePool by bundle, each loaded when it is first needed and kept."""

    @cache
    def engines(bundle: str) -> EnginePool:
        # A request may name a bundle, but no folder of this machine.
        if bundle not in ("auto", settings.bundle, *(each.name for each in shipped_bundles())):
            raise TumorscopeError(f"no bundle {bundle!r} here")
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
    """Do what there is to do for a study; never raises.

    Args:
        study_id: from a message; it may be told twice, or be long gone.
        settings, catalog, folders: of the service.
        engines: from :func:`load_engines`.
        stop: set when the worker is to end; the study is then given back.
        worker: the name under which it is claimed.
    """
    try:
        claim = catalog.claim(study_id, worker or f"process-{os.getpid()}")
    except SQLAlchemyError as error:
        log.warning("%s: the database is out of reach (%s)", study_id, type(error).__name__)
        return "lost"
    if claim is None:
        return "nothing to do"
    log.info("%s: revision %d begins, attempt %d", claim.study, claim.revision, claim.attempt)
    started = time.monotonic()
    with LeaseHolder(catalog, claim, settings, stop or threading.Event()) as hold:
        outcome = _settle(hold, lambda: _make(hold, claim, settings, folders, engines), settings, folders)
    log.info("%s: %s after %.1f s", claim.study, outcome, time.monotonic() - started)
    return outcome


class LeaseHolder:
    """A claim that is kept alive by a thread until it is settled, and what is said about the work meanwhile."""

    def __init__(self, catalog: Catalog, claim: Claim, settings: ServiceSettings, stop: threading.Event) -> None:
        self.catalog = catalog
        self.claim = claim
        self._settings = settings
        self._stop = stop
        self._lost = threading.Event()
        self._over = threading.Event()
        self._stage: str | None = None
        self._said = 0.0
        self._thread = threading.Thread(target=self._beat, name=f"hold-{claim.study}", daemon=True)

    def __enter__(self) -> LeaseHolder:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def check(self) -> None:
        """End the work here if it has no purpose any more."""
        if self._lost.is_set():
            raise _Lost
        if self._stop.is_set():
            raise _Stopped

    def progress(self, stage: str, done: int = 0, total: int = 0) -> None:
        """Say how far it is; a new stage at once, anything else a few times a second."""
        self.check()
        now = time.monotonic()
        if stage == self._stage and now - self._said < _A_STEP_S and done < total:
            return
        self._stage, self._said = stage, now
        try:
            held = self.catalog.progress(self.claim, stage, done, total)
        except SQLAlchemyError:  # the lease says whether there is still time
            return
        if not held:
            self._lost.set()
            raise _Lost

    def _beat(self) -> None:
        started = heard = time.monotonic()
        while not self._over.wait(self._settings.lease_s / _BEATS):
            try:
                held = self.catalog.renew_lease(self.claim)
                heard = time.monotonic()
            except SQLAlchemyError:
                held = time.monotonic() - heard < self._settings.lease_s
            if not held:
                self._lost.set()
                return
            if time.monotonic() - started > self._settings.longest_analysis_s:
                self._end_what_hangs()

    def _end_what_hangs(self) -> None:
        """Nothing ends a thread that hangs in a library, but the end of its process."""
        line = f"the analysis took longer than {self._settings.longest_analysis_s:g} s"
        log.error("%s: %s; this worker ends", self.claim.study, line)
        try:
            self.catalog.fail(self.claim, line)
        finally:
            os._exit(HANGING)


def _settle(
    hold: LeaseHolder, make: Callable[[], dict[str, Any]], settings: ServiceSettings, folders: Folders
) -> Outcome:
    """Do the work and enter what became of it."""
    catalog, claim = hold.catalog, hold.claim
    try:
        try:
            return "done" if catalog.finish(claim, make()) else "lost"
        except _Lost:
            return "lost"
        except _Stopped:
            return "given back" if catalog.release_claim(claim) else "lost"
        except SQLAlchemyError:
            raise
        except TumorscopeError as error:
            reason = _public(str(error), claim, folders)
        except MemoryError:
            reason = "not enough memory"
        except FileNotFoundError as error:
            if catalog.get(claim.study) is None:
                return "lost"
            reason = f"the analysis broke: {where(error)}"
        except OSError as error:
            reason = f"the service's disk: {(error.strerror or type(error).__name__).lower()}"
        except Exception as error:
            reason = f"the analysis broke: {where(error)}"
        held = catalog.fail(claim, reason)
        if held:
            log.error("%s: %s", claim.study, reason if reason.startswith("the analysis") else "cannot be analyzed")
        return "failed" if held else "lost"
    except SQLAlchemyError as error:  # the lease runs out, and another attempt follows
        log.error("%s: the database is out of reach (%s)", claim.study, type(error).__name__)
        return "lost"


def _make(
    hold: LeaseHolder, claim: Claim, settings: ServiceSettings, folders: Folders, engines: Callable[[str], EnginePool]
) -> dict[str, Any]:
    """The revision's results in their place, and their summary."""
    place = folders.run(claim.study, claim.revision)
    if not place.is_dir():  # else a worker was ended between putting them there and saying so
        if claim.fetch is not None:
            _fetch(hold, claim, claim.fetch, settings, folders)
        _analyze(hold, claim, folders, engines)
    return summary_of(place)


def _fetch(hold: LeaseHolder, claim: Claim, address: str, settings: ServiceSettings, folders: Folders) -> None:
    hold.progress("fetching")
    out = folders.input(claim.study)
    fetch_study(address, out, settings, lambda done, total: hold.progress("fetching", done, total))
    if not hold.catalog.fetched(claim):
        raise _Lost


def _analyze(hold: LeaseHolder, claim: Claim, folders: Folders, engines: Callable[[str], EnginePool]) -> None:
    hold.progress("reading")
    started = time.perf_counter()
    scan = open_scan(folders.case(claim.study), on_files=lambda done, total: hold.progress("reading", done, total))
    scan = dataclasses.replace(scan, case=claim.name)
    reading_ms = round((time.perf_counter() - started) * 1000, 2)
    engine, reason = engines(claim.bundle).for_scan(scan)
    edit, slices, done = claim.kind == "edit", scan.shape[0], 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        hold.progress("analyzing", done, slices)

    hold.progress("analyzing", 0, slices)
    analysis = analyze(scan, engine, advance, explain=True, input_check=not edit)
    timing_ms = {"reading": reading_ms, **analysis.timing_ms}
    analysis = dataclasses.replace(analysis, timing_ms=timing_ms, bundle_reason=reason)
    earlier = folders.run(claim.study, claim.base) / "view" if claim.base else None
    if edit and earlier is not None:
        segmentation = read_segmentation(folders.mask(claim.study, claim.revision), earlier / f"{MASK}.nii.gz")
        analysis = revise(analysis, engine, segmentation)
    hold.progress("writing")
    _write(hold, claim, analysis, earlier, folders)


def _write(hold: LeaseHolder, claim: Claim, analysis: Analysis, earlier: Path | None, folders: Folders) -> None:
    with folders.aside() as aside:
        made = write_results(analysis, aside)["analysis"].parent
        hold.check()
        write_views(analysis, made / "view", earlier)
        hold.check()
        folders.seal(made, claim.study, claim.revision)


def summary_of(results: Path) -> dict[str, Any]:
    """What a list of studies shows of a revision.

    Args:
        results: its folder.
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
    }


def _public(line: str, claim: Claim, folders: Folders) -> str:
    """A reader's message, with the study's name in the place of this machine's folders."""
    place = folders.input(claim.study)
    for inner in (str(place), str(folders.data)):
        line = line.replace(inner, claim.name)
    if line.startswith(f"{place.name}:"):
        line = claim.name + line.removeprefix(place.name)
    return " ".join(line.split())
