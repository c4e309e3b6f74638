"""The queue that tells workers which study to look at: huey's, in a SQLite file or in Redis.

A message is a study's id and nothing else; what is to be done is in the catalog. One that is
doubled finds nothing to do, and for one that is lost the sweeper sends another.
"""

from __future__ import annotations

import logging
import sqlite3
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huey import RedisHuey, SqliteHuey
from huey.api import Huey
from huey.consumer import Consumer
from huey.registry import Message
from huey.serializer import Serializer
from sqlalchemy.engine import make_url

from tumorscope.core.errors import TumorscopeError
from tumorscope.service.records import is_id
from tumorscope.service.settings import ServiceSettings

log = logging.getLogger(__name__)

_NAME = "tumorscope"
_TASK = "analyze"
_POLL_S = 0.05, 0.5
"""How soon a SQLite queue is looked at again, from just after a message to when nothing came for long."""


@dataclass(frozen=True)
class StudyQueue:
    """Messages to the workers.

    Attributes:
        huey: the library's queue.
        send: puts a study's id into it.
    """

    huey: Huey
    send: Callable[[str], object]

    def waiting(self) -> int:
        """How many messages nobody has taken yet.

        Raises:
            TumorscopeError: the queue does not response.
        """
        try:
            return self.huey.pending_count()
        except Exception as error:
            raise TumorscopeError(f"the queue does not response ({type(error).__name__})") from error

    def consumer(self) -> Consumer:
        """What takes messages one by one, in a thread of its own; to be started and stopped."""
        first, last = _POLL_S
        return _Consumer(
            self.huey, workers=1, periodic=False, initial_delay=first, max_delay=last, scheduler_interval=60
        )


def make_queue(settings: ServiceSettings, analyze: Callable[[str], None] = lambda study_id: None) -> StudyQueue:
    """The queue that the settings name.

    Args:
        settings: of the service.
        analyze: what a worker does with a study's id; must not raise.

    Raises:
        TumorscopeError: a file for it cannot be made.
    """
    url = make_url(settings.queue_url)
    options: dict[str, Any] = {"results": False, "serializer": _OnlyIds()}
    if url.get_backend_name() == "sqlite":
        huey = _sqlite(Path(url.database or ""), options)
    else:
        from redis import ConnectionPool

        # Without limits of time, an upload would wait for ever with a Redis that is out of reach.
        pool = ConnectionPool.from_url(settings.queue_url, socket_connect_timeout=3, socket_timeout=10)
        huey = RedisHuey(_NAME, connection_pool=pool, **options)
    logging.getLogger("huey").setLevel(logging.CRITICAL)  # the sweeper says in a line what huey says in a hundred

    @huey.task(name=_TASK)
    def task(study_id: str) -> None:
        analyze(study_id)

    return StudyQueue(huey, task)


def enqueue(queue: StudyQueue, study_id: str) -> bool:
    """Say that there is something to do for a study; False if the queue is out of reach, and the sweeper will."""
    try:
        queue.send(study_id)
    except Exception as error:  # Redis and SQLite raise kinds of their own
        log.warning("%s: the queue is out of reach (%s); it is told later", study_id, type(error).__name__)
        return False
    return True


def _sqlite(path: Path, options: dict[str, Any]) -> Huey:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return SqliteHuey(_NAME, filename=str(path), timeout=30, strict_fifo=True, **options)
    except (OSError, sqlite3.Error) as error:
        raise TumorscopeError(f"{path}: cannot be used as the queue ({error})") from error


class _OnlyIds(Serializer):
    """Ids as text. Huey's own way is pickle: who can write into the queue could run code in a worker."""

    def __init__(self) -> None:
        super().__init__()

    def _serialize(self, data: Message) -> bytes:
        return str(data.args[0]).encode("ascii")

    def _deserialize(self, data: bytes) -> Message:
        study_id = bytes(data).decode("ascii", "replace")
        if not is_id(study_id):
            raise ValueError("no study's id")
        return Message(id=str(uuid.uuid4()), name=f"{__name__}.{_TASK}", retries=0, args=(study_id,), kwargs={})


class _Consumer(Consumer):
    """Leaves the process's signals alone: who runs it decides when it stops."""

    def _set_signal_handlers(self) -> None:
        pass
