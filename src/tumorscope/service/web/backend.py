"""What the routes work with: settings, catalog, folders, queue, metrics."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import anyio
from fastapi import Depends, Request

from tumorscope.inference.bundles import Bundle, load_bundle, shipped_bundles
from tumorscope.service.catalog import Catalog
from tumorscope.service.folders import Folders
from tumorscope.service.identity import join_identity
from tumorscope.service.queue import StudyQueue, make_queue
from tumorscope.service.records import Study, is_id
from tumorscope.service.settings import ServiceSettings
from tumorscope.service.web.metrics import Metrics
from tumorscope.service.web.readiness import Readiness
from tumorscope.service.web.refusal import ApiError

_UPLOADS_AT_ONCE = 8
"""Uploads have threads of their own, so that however many come, status calls find one free."""


@dataclass(frozen=True)
class Backend:
    """Made once for an application.

    Attributes:
        bundles: that may be asked for by name.
        keys_under_way: Idempotency-Keys of the uploads that are being taken.
        upload_threads: how many uploads are worked on at once.
        stopping: set when the service is to stop; streams of events then end.
    """

    settings: ServiceSettings
    catalog: Catalog
    folders: Folders
    queue: StudyQueue
    bundles: tuple[Bundle, ...]
    metrics: Metrics
    readiness: Readiness
    keys_under_way: set[str] = field(default_factory=set)
    upload_threads: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(_UPLOADS_AT_ONCE))
    stopping: threading.Event = field(default_factory=threading.Event)

    def study(self, request: Request, study_id: str) -> Study:
        """The study that an address names; its id is noted for the log.

        Raises:
            ApiError: there is none.
        """
        if is_id(study_id):
            study = self.catalog.get(study_id)
            if study is not None:
                request.state.study_id = study_id
                return study
        raise ApiError(404, "no such study; it may have been deleted, or have expired")

    def check_bundle(self, name: str | None) -> str:
        """The bundle that is asked for, or the service's own.

        Raises:
            ApiError: there is none of that name; a folder cannot be asked for.
        """
        if name is None or name == self.settings.bundle:
            return self.settings.bundle
        known = {bundle.name for bundle in self.bundles} | {"auto"}
        if name not in known:
            raise ApiError(400, f"no such bundle; there are {', '.join(sorted(known))}")
        return name


def make_backend(settings: ServiceSettings, catalog: Catalog | None = None) -> Backend:
    """Open what the settings name.

    Raises:
        TumorscopeError: the database, the queue or the folder cannot be used, or the bundle is none.
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
    )


def _bundles(own: str) -> tuple[Bundle, ...]:
    shipped = shipped_bundles()
    if own == "auto" or own in {bundle.name for bundle in shipped}:
        return tuple(shipped)
    return (load_bundle(Path(own)), *shipped)


async def _of_request(request: Request) -> Backend:
    return request.app.state.backend


BackendOfApp = Annotated[Backend, Depends(_of_request)]
