"""Conditions, changes and rows of the catalog's tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    CursorResult,
    Row,
    Select,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    text,
)

from tumorscope.core.errors import TumorscopeError
from tumorscope.service.catalog_records import Study
from tumorscope.service.tables import Moment, studies
from tumorscope.studies.claims import ClaimTable

UNSETTLED = "queued", "fetching", "analyzing"
CLAIMS = ClaimTable(
    name="studies",
    key="id",
    states=UNSETTLED,
    waiting="CASE WHEN \"fetch\" IS NULL THEN 'queued' ELSE 'fetching' END",
    working="CASE WHEN \"fetch\" IS NULL THEN 'analyzing' ELSE 'fetching' END",
    also="stage = NULL, done = 0, total = 0",
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class StudyTransaction:
    """A transaction of the service's database for :class:`~tumorscope.studies.claims.Claims`."""

    base: Connection
    clock: Callable[[], datetime] | None = None

    def now(self) -> datetime:
        """The time of PostgreSQL, which all machines share, or of this machine."""
        if self.clock is not None:
            return self.clock()
        if self.base.dialect.name == "postgresql":
            return self.base.execute(select(func.clock_timestamp())).scalar_one().astimezone(UTC)
        return datetime.now(UTC)

    def execute(self, statement: str, /, **values: Any) -> CursorResult[Any]:
        times = [bindparam(name, type_=Moment) for name, value in values.items() if isinstance(value, datetime)]
        return self.base.execute(text(statement).bindparams(*times), values)


def study_of(row: Row[Any]) -> Study:
    """The record of a row."""
    return Study(
        row.id,
        row.name,
        row.state,
        row.bundle,
        row.stage,
        row.done,
        row.total,
        row.failure,
        row.created,
        row.changed,
        row.revision,
        row.summary,
    )


def with_ahead(base: Connection, listed: Iterable[Study]) -> list[Study]:
    """The same studies, where they wait for a worker with the number of studies before them."""
    listed = list(listed)
    waiting = [study.id for study in listed if study.state in ("queued", "fetching")]
    counts = {row[0]: row[1] for row in base.execute(_ahead(waiting))} if waiting else {}
    return [replace(study, ahead=counts.get(study.id)) for study in listed]


def _ahead(ids: list[str]) -> Select[str, int]:
    """For each of these studies that has no worker: how many have one, or are to have one before it."""
    other = studies.alias("other")
    # The studies of one upload are worked on in its order, but were created backwards, for the list of the newest.
    untouched = and_(other.c.changed == other.c.created, studies.c.changed == studies.c.created)
    together = and_(other.c.upload == studies.c.upload, untouched)
    earlier = case((together, other.c.place < studies.c.place), else_=other.c.changed < studies.c.changed)
    before = and_(other.c.id != studies.c.id, other.c.state.in_(UNSETTLED), or_(other.c.worker.is_not(None), earlier))
    return (
        select(studies.c.id, func.count(other.c.id))
        .select_from(studies.outerjoin(other, before))
        .where(studies.c.id.in_(ids), studies.c.worker.is_(None))
        .group_by(studies.c.id)
    )


def page_mark(study: Study) -> str:
    """The value of ``next`` on a page that ends with a study."""
    return f"{(study.created - _EPOCH) // timedelta(microseconds=1)}.{study.id}"


def after_mark(mark: str | None) -> list[ColumnElement[bool]]:
    """The condition for the studies after a page; none for the first page.

    Raises:
        TumorscopeError: the mark is not from :func:`page_mark`.
    """
    if mark is None:
        return []
    digits, _, study_id = mark.partition(".")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 17):
        raise TumorscopeError("after: use the value of `next` on the previous page")
    moment = _EPOCH + timedelta(microseconds=int(digits))
    return [or_(studies.c.created < moment, and_(studies.c.created == moment, studies.c.id < study_id))]
