"""Conditions, changes and rows of the catalog's tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, CursorResult, Row, and_, bindparam, func, or_, select, text

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
