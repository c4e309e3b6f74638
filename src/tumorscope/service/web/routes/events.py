"""``/api/studies/{study_id}/events``: progress as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from tumorscope.service.web.api_error import ApiError
from tumorscope.service.web.backend import Backend, BackendOfApp
from tumorscope.service.web.routes.responses import StudyId, problems
from tumorscope.service.web.serializers import study_state

router = APIRouter(tags=["studies"])

_MAX_STREAMS = 200
_FIRST_PAUSE_S, _MAX_PAUSE_S, _BACKOFF = 0.2, 1.0, 1.25
"""Polling intervals of a study: short after a change, growing while nothing changes."""


def _existing(study_id: StudyId, request: Request, backend: BackendOfApp) -> str:
    if backend.metrics.streams >= _MAX_STREAMS:
        raise ApiError(429, "too many event streams are open; request the study itself", {"retry-after": "5"})
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
    """Stream a study's state as JSON, at once and at every change, until it is done, failed or deleted."""
    with backend.metrics.stream():
        async for text in _changes(study_id, backend):
            yield ServerSentEvent(event="study", raw_data=text)


async def _changes(study_id: str, backend: Backend) -> AsyncIterable[str]:
    sent, pause = "", _FIRST_PAUSE_S
    while True:
        study = await to_thread.run_sync(backend.catalog.get, study_id)
        if study is None:
            return
        text = study_state(study, backend.settings.keep_days).model_dump_json()
        if text != sent:
            yield text
            sent, pause = text, _FIRST_PAUSE_S
        if study.state in ("done", "failed"):
            return
        await asyncio.sleep(pause)
        if backend.stopping.is_set():
            return
        pause = min(pause * _BACKOFF, _MAX_PAUSE_S)
