"""The state shared by all routes: settings, catalog, folders, queue, metrics."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import anyio
from fastapi import Depends, Request

from tumorscope.inference.bundles import Bundle, load_bundle, shipped_bundles
from tumorscope.service.catalog import Catalog
from tumorscope.service.catalog_records import Study, is_id
from tumorscope.service.identity import join_identity
from tumorscope.service.queue import StudyQueue, make_queue
from tumorscope.service.result_destinations import result_destinations
from tumorscope.service.settings import ServiceSettings
from tumorscope.service.study_folders import Folders
from tumorscope.service.web.api_error import ApiError
from tumorscope.service.web.prometheus import Metrics
from tumorscope.service.web.readiness import Readiness

_UPLOADS_AT_ONCE = 8
"""Uploads have separate threads, so that they never block status requests."""


@dataclass(frozen=True)
class Backend:
    """The shared state of one application.

    Attributes:
        bundles: available by name.
        destinations: names of the archives to which results may be sent.
        write_demo_scan: writes a scan to try into a folder; None where the service offers none.
        keys_under_way: Idempotency-Keys of uploads in progress.
        upload_threads: limits how many uploads are processed at once.
        stopping: set when the service stops; event streams then end.
    """

    settings: ServiceSettings
    catalog: Catalog
    folders: Folders
    queue: StudyQueue
    bundles: tuple[Bundle, ...]
    metrics: Metrics
    readiness: Readiness
    destinations: tuple[str, ...] = ()
    write_demo_scan: Callable[[Path], None] | None = None
    keys_under_way: set[str] = field(default_factory=set)
    upload_threads: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(_UPLOADS_AT_ONCE))
    stopping: threading.Event = field(default_factory=threading.Event)

    def study(self, request: Request, study_id: str) -> Study:
        """The study with an id, which is also recorded for the access log.

        Raises:
            ApiError: the study does not exist.
        """
        if is_id(study_id):
            study = self.catalog.get(study_id)
            if study is not None:
                request.state.study_id = study_id
                return study
        raise ApiError(404, "there is no such study; it may have been deleted or have expired")

    def check_bundle(self, name: str | None) -> str:
        """The requested bundle, or the service's default.

        Raises:
            ApiError: there is no bundle of that name; a folder cannot be requested.
        """
        if name is None or name == self.settings.bundle:
            return self.settings.bundle
        known = {bundle.name for bundle in self.bundles} | {"auto"}
        if name not in known:
            raise ApiError(400, f"there is no such bundle; choose one of {', '.join(sorted(known))}")
        return name


def make_backend(
    settings: ServiceSettings,
    catalog: Catalog | None = None,
    write_demo_scan: Callable[[Path], None] | None = None,
) -> Backend:
    """Open the database, the queue and the folder of the settings.

    Raises:
        TumorscopeError: one of them, or the bundle, cannot be used.
    """
    folders = Folders(settings.data)
    opened = catalog or Catalog.of(settings)
    join_identity(opened, folders)
    queue = make_queue(settings)
    return Backend(
        settings=settings,
        catalog=opened,
        folders=folders,
        queue=queue,
        bundles=_bundles(settings.bundle),
        readiness=Readiness(opened, queue, folders),
        metrics=Metrics(opened.counts),
        destinations=tuple(each.name for each in result_destinations(settings)),
        write_demo_scan=write_demo_scan,
    )


def _bundles(own: str) -> tuple[Bundle, ...]:
    shipped = shipped_bundles()
    if own == "auto" or own in {bundle.name for bundle in shipped}:
        return tuple(shipped)
    return (load_bundle(Path(own)), *shipped)


async def _of_request(request: Request) -> Backend:
    return request.app.state.backend


BackendOfApp = Annotated[Backend, Depends(_of_request)]
