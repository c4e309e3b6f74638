"""Conditions, changes and rows of the catalog's tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, or_, update

from tumorscope.core.errors import TumorscopeError
from tumorscope.service.records import Claim, Study
from tumorscope.service.tables import revisions, studies

BUSY = studies.c.state.in_(("fetching", "analyzing")) & studies.c.lease.is_not(None)
WAITING = (studies.c.state == "queued") | ((studies.c.state == "fetching") & studies.c.lease.is_(None))
SETTLED = studies.c.state.in_(("done", "failed"))
UNCLAIMED: dict[str, Any] = {"worker": None, "lease": None, "stage": None, "done": 0, "total": 0}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def working_state() -> ColumnElement[str]:
    """The state of a study that a worker has claimed."""
    return case((studies.c.fetch.is_(None), "analyzing"), else_="fetching")


def waiting_state() -> ColumnElement[str]:
    """The state of a study that waits for a worker."""
    return case((studies.c.fetch.is_(None), "queued"), else_="fetching")


def update_held(base: Connection, claim: Claim, **values: Any) -> bool:
    """Update a study if the claim is still valid; whether it was."""
    change = update(studies).where(
        studies.c.id == claim.study, studies.c.attempt == claim.attempt, BUSY, studies.c.worker == claim.worker
    )
    return base.execute(change.values(**values)).rowcount == 1


def mark_revision(base: Connection, study_id: str, number: int, state: str) -> None:
    """Set the state of a revision."""
    base.execute(
        update(revisions).where(revisions.c.study == study_id, revisions.c.number == number).values(state=state)
    )


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
