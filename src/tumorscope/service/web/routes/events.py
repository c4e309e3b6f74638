"""``/api/studies/{study_id}/events``: progress as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from tumorscope.service.web.backend import Backend, BackendOfApp
from tumorscope.service.web.presenting import present
from tumorscope.service.web.refusal import ApiError
from tumorscope.service.web.routes.describing import StudyId, problems

router = APIRouter(tags=["studies"])

_MOST_LISTENERS = 200
_SOON_S, _LATER_S, _SLOWER = 0.2, 1.0, 1.25
"""How soon a study is looked at again: soon after a change, less often while nothing happens."""


def _existing(study_id: StudyId, request: Request, backend: BackendOfApp) -> str:
    if backend.metrics.streams >= _MOST_LISTENERS:
        raise ApiError(429, "too many streams of events are open; ask for the study itself", {"retry-after": "5"})
    return backend.study(request, study_id).id


@router.get(
    "/api/studies/{study_id}/events",
    response_class=EventSourceResponse,
    responses=problems(404, 429),
    operation_id="follow_study",
)
async def follow_study(
    study_id: Annotated[str, Depends(_existing)], backend: BackendOfApp
) -> AsyncIterable[ServerSentEvent]:
    """A study's state as JSON, at once and at every change; the stream ends when it is done, failed or deleted."""
    with backend.metrics.stream():
        async for text in _changes(study_id, backend):
            yield ServerSentEvent(event="study", raw_data=text)


async def _changes(study_id: str, backend: Backend) -> AsyncIterable[str]:
    told, pause = "", _SOON_S
    while True:
        study = await to_thread.run_sync(backend.catalog.get, study_id)
        if study is None:
            return
        text = present(study, backend.settings.keep_days).model_dump_json()
        if text != told:
            yield text
            told, pause = text, _SOON_S
        if study.state in ("done", "failed"):
            return
        await asyncio.sleep(pause)
        if backend.stopping.is_set():
            return
        pause = min(pause * _SLOWER, _LATER_S)
