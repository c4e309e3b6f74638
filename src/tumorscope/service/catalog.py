"""The state of every study, in a database that several processes and machines share.

A study goes (``fetching`` →) ``queued`` → ``analyzing`` → ``done`` or ``failed``, and back to
``queued`` to measure a corrected segmentation or to retry a failed analysis. A worker holds a claim
with a lease on its study. Another worker may take over a claim whose lease has expired; each claim has a
higher number than the one before, so later updates by the former holder are rejected.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from tumorscope.service.catalog_rows import (
    BUSY,
    SETTLED,
    UNCLAIMED,
    WAITING,
    after_mark,
    mark_revision,
    page_mark,
    study_of,
    update_held,
    waiting_state,
    working_state,
)
from tumorscope.service.database import find_problem, open_database, reading, writing
from tumorscope.service.errors import Conflict, UnknownStudy
from tumorscope.service.folders import Folders
from tumorscope.service.records import STATES, Claim, NewStudy, Page, Revision, State, Study
from tumorscope.service.settings import ServiceSettings
from tumorscope.service.tables import identity, revisions, studies


class Catalog:
    """The database of studies; threads of a process may share one object.

    Args:
        address: of the database as SQLAlchemy URL, SQLite or PostgreSQL; the tables are created or migrated.
        lease_s: how long a claim is valid without renewal.
        attempts: a study that ended this many workers fails.
        clock: for tests; by default that of PostgreSQL, which all machines share, or of this machine.

    Raises:
        TumorscopeError: the database cannot be used.
    """

    def __init__(
        self,
        address: str,
        lease_s: float = 60,
        attempts: int = 3,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self._engine = open_database(address)
        self._lease = timedelta(seconds=lease_s)
        self._attempts = attempts
        self._clock = clock

    @classmethod
    def of(cls, settings: ServiceSettings) -> Catalog:
        """Open the catalog that the settings name; the folder of a SQLite file is created."""
        if settings.database is None:
            Folders(settings.data)
        return cls(settings.database_url, settings.lease_s, settings.attempts)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @property
    def address(self) -> str:
        """The address of the database without its password."""
        return self._engine.url.render_as_string(hide_password=True)

    def problem(self) -> str | None:
        """Why the database cannot be used; None if it can."""
        return find_problem(self._engine)

    def identity(self) -> str | None:
        """The random text that identifies this database to the folder of studies; None before there is one."""
        with reading(self._engine) as base:
            return base.execute(select(identity.c.value)).scalar_one_or_none()

    def mark(self, value: str) -> None:
        """Set the database's identity unless it has one."""
        try:
            with writing(self._engine) as base:
                base.execute(insert(identity).values(number=1, value=value))
        except IntegrityError:  # another process was first
            return

    def now(self) -> datetime:
        """The current time, by the clock of the leases."""
        with reading(self._engine) as base:
            return self._now(base)

    def _now(self, base: Connection) -> datetime:
        if self._clock is not None:
            return self._clock()
        if base.dialect.name == "postgresql":
            return base.execute(select(func.clock_timestamp())).scalar_one().astimezone(UTC)
        return datetime.now(UTC)

    # Create and read

    def create(
        self, study_id: str, name: str, bundle: str, *, fetch: str | None = None, upload: str | None = None
    ) -> Study:
        """Create one study; see :meth:`create_all`."""
        return self.create_all([NewStudy(study_id, name, bundle, fetch)], upload)[0]

    def create_all(self, entries: Sequence[NewStudy], upload: str | None = None) -> list[Study]:
        """Create the studies of one upload, all or none; their files are already on disk.

        Args:
            entries: in the order of the list of studies.
            upload: the idempotency key of the request; a second request with the same key creates nothing.

        Raises:
            Conflict: this upload, or a study with this id, exists already.
        """
        try:
            with writing(self._engine) as base:
                now = self._now(base)
                for index, entry in enumerate(entries):
                    moment = now - timedelta(microseconds=index)  # the list shows the newest first
                    base.execute(
                        insert(studies).values(
                            id=entry.id,
                            name=entry.name,
                            bundle=entry.bundle,
                            fetch=entry.fetch,
                            upload=upload,
                            place=index,
                            state="fetching" if entry.fetch else "queued",
                            created=moment,
                            changed=moment,
                            revision=0,
                            wanted=1,
                            attempt=0,
                            tries=0,
                            **UNCLAIMED,
                        )
                    )
                    base.execute(
                        insert(revisions).values(
                            study=entry.id, number=1, kind="analysis", state="queued", created=moment
                        )
                    )
                rows = base.execute(select(studies).where(studies.c.id.in_([entry.id for entry in entries])))
                created = {row.id: study_of(row) for row in rows}
        except IntegrityError as error:
            raise Conflict("this upload was received before") from error
        return [created[entry.id] for entry in entries]

    def uploaded(self, upload: str) -> list[Study]:
        """The studies of an upload that still exist."""
        with reading(self._engine) as base:
            rows = base.execute(select(studies).where(studies.c.upload == upload).order_by(studies.c.place))
            return [study_of(row) for row in rows]

    def get(self, study_id: str) -> Study | None:
        """A study; None if it does not exist (any more)."""
        with reading(self._engine) as base:
            row = base.execute(select(studies).where(studies.c.id == study_id)).one_or_none()
            return None if row is None else study_of(row)

    def revisions(self, study_id: str) -> list[Revision]:
        """All revisions of a study, the oldest first, including failed ones."""
        query = select(revisions).where(revisions.c.study == study_id).order_by(revisions.c.number)
        with reading(self._engine) as base:
            return [Revision(row.number, row.kind, row.state, row.created) for row in base.execute(query)]

    def page(self, search: str = "", states: Collection[State] = (), limit: int = 50, after: str | None = None) -> Page:
        """Studies, newest first.

        Args:
            search: part of the name, or the complete id.
            states: only studies in these states; all if empty.
            limit: the maximum number of studies.
            after: ``next`` of the previous page.

        Raises:
            TumorscopeError: ``after`` is not a value of ``next``.
        """
        wanted: list[ColumnElement[bool]] = []
        if search:
            wanted.append(studies.c.name.icontains(search, autoescape=True) | (studies.c.id == search))
        if states:
            wanted.append(studies.c.state.in_(states))
        query = select(studies).where(*wanted, *after_mark(after))
        query = query.order_by(studies.c.created.desc(), studies.c.id.desc()).limit(limit + 1)
        with reading(self._engine) as base:
            rows = base.execute(query).all()
            total = base.execute(select(func.count()).select_from(studies).where(*wanted)).scalar_one()
        page = [study_of(row) for row in rows[:limit]]
        return Page(tuple(page), page_mark(page[-1]) if len(rows) > limit else None, total)

    def counts(self) -> dict[State, int]:
        """The number of studies in each state."""
        with reading(self._engine) as base:
            rows = base.execute(select(studies.c.state, func.count()).group_by(studies.c.state)).all()
        return dict.fromkeys(STATES, 0) | {row[0]: row[1] for row in rows}

    def ids(self) -> set[str]:
        """The ids of all studies."""
        with reading(self._engine) as base:
            return set(base.execute(select(studies.c.id)).scalars())

    # Claim and settle

    def claim(self, study_id: str, worker: str) -> Claim | None:
        """Claim a study for a worker; None if it is not waiting or another worker has it.

        A study whose lease has expired as often as allowed fails here.
        """
        with writing(self._engine) as base:
            now = self._now(base)
            abandoned = and_(studies.c.id == study_id, BUSY, studies.c.lease <= now)
            reason = f"the analysis ended its worker {self._attempts} times; retry it to try again"
            exhausted = base.execute(
                update(studies)
                .where(abandoned, studies.c.tries >= self._attempts)
                .values(state="failed", failure=reason, changed=now, **UNCLAIMED)
                .returning(studies.c.wanted)
            ).one_or_none()
            if exhausted is not None:
                mark_revision(base, study_id, exhausted.wanted, "failed")
                return None
            row = base.execute(
                update(studies)
                .where(or_(abandoned, and_(studies.c.id == study_id, WAITING)))
                .values(
                    state=working_state(),
                    attempt=studies.c.attempt + 1,
                    tries=studies.c.tries + 1,
                    changed=now,
                    **{**UNCLAIMED, "worker": worker, "lease": now + self._lease},
                )
                .returning(studies)
            ).one_or_none()
            if row is None:
                return None
            kind = base.execute(
                select(revisions.c.kind).where(revisions.c.study == study_id, revisions.c.number == row.wanted)
            ).scalar_one()
        return Claim(study_id, row.wanted, row.attempt, worker, kind, row.revision, row.name, row.bundle, row.fetch)

    def renew_lease(self, claim: Claim) -> bool:
        """Extend the lease; False if the claim is lost."""
        with writing(self._engine) as base:
            return update_held(base, claim, lease=self._now(base) + self._lease)

    def progress(self, claim: Claim, stage: str, done: int, total: int) -> bool:
        """Record progress; False if the claim is lost."""
        with writing(self._engine) as base:
            return update_held(base, claim, stage=stage, done=done, total=total)

    def fetched(self, claim: Claim) -> bool:
        """Record that the study's files are complete and the analysis begins; False if the claim is lost."""
        with writing(self._engine) as base:
            return update_held(base, claim, state="analyzing", fetch=None, changed=self._now(base))

    def finish(self, claim: Claim, summary: dict[str, Any]) -> bool:
        """Record that the revision's results are committed; False, without a change, if the claim is lost."""
        return self._settle(claim, "done", revision=claim.revision, summary=summary, failure=None)

    def fail(self, claim: Claim, reason: str) -> bool:
        """Record a failure with its reason in one line; False if the claim is lost."""
        return self._settle(claim, "failed", failure=reason)

    def _settle(self, claim: Claim, state: State, **values: Any) -> bool:
        with writing(self._engine) as base:
            held = update_held(base, claim, state=state, changed=self._now(base), **values, **UNCLAIMED)
            if held:
                mark_revision(base, claim.study, claim.revision, state)
            return held

    def release(self, claim: Claim) -> bool:
        """Return the study to the queue because its worker stops; the attempt does not count."""
        with writing(self._engine) as base:
            values: dict[str, Any] = {"state": waiting_state(), "tries": studies.c.tries - 1}
            return update_held(base, claim, changed=self._now(base), **values, **UNCLAIMED)

    def release_all(self, worker: str) -> list[str]:
        """Return all studies of a worker to the queue; their ids."""
        with writing(self._engine) as base:
            held = update(studies).where(studies.c.worker == worker, BUSY)
            values: dict[str, Any] = {"state": waiting_state(), "tries": studies.c.tries - 1}
            given = held.values(changed=self._now(base), **values, **UNCLAIMED).returning(studies.c.id)
            return list(base.execute(given).scalars())

    def expire_leases(self, worker: str) -> list[str]:
        """Expire the leases of a worker whose process ended; the ids of its studies. The attempts count."""
        with writing(self._engine) as base:
            ended = update(studies).where(studies.c.worker == worker, BUSY).values(lease=self._now(base))
            return list(base.execute(ended.returning(studies.c.id)).scalars())

    # Edit and retry

    def request_edit(
        self, study_id: str, base_revision: int, store: Callable[[int], None] = lambda number: None
    ) -> int:
        """Request a revision from a corrected segmentation; return its number.

        Args:
            study_id: the study.
            base_revision: the revision whose segmentation was corrected.
            store: stores the segmentation's file under the new number; called before the request is visible.

        Raises:
            UnknownStudy: the study does not exist.
            Conflict: that revision is not the newest, or the study is being analyzed.
        """
        with writing(self._engine) as base:
            row = base.execute(select(studies).where(studies.c.id == study_id).with_for_update()).one_or_none()
            if row is None:
                raise UnknownStudy("the study does not exist")
            if row.state not in ("done", "failed"):
                raise Conflict("the study is being analyzed; try again when it is done")
            if base_revision < 1 or row.revision != base_revision:
                raise Conflict(f"revision {row.revision} is the newest, not {base_revision}; load it first")
            last = base.execute(select(func.max(revisions.c.number)).where(revisions.c.study == study_id)).scalar_one()
            number, now = last + 1, self._now(base)
            base.execute(
                insert(revisions).values(study=study_id, number=number, kind="edit", state="queued", created=now)
            )
            again = update(studies).where(studies.c.id == study_id)
            base.execute(again.values(state="queued", wanted=number, tries=0, failure=None, changed=now, **UNCLAIMED))
            store(number)
        return number

    def retry(self, study_id: str) -> Study:
        """Queue a failed study for another attempt.

        Raises:
            UnknownStudy: the study does not exist.
            Conflict: the study has not failed.
        """
        with writing(self._engine) as base:
            values: dict[str, Any] = {"state": waiting_state(), "tries": 0, "failure": None}
            failed = update(studies).where(studies.c.id == study_id, studies.c.state == "failed")
            row = base.execute(
                failed.values(changed=self._now(base), **values, **UNCLAIMED).returning(studies)
            ).one_or_none()
            if row is not None:
                mark_revision(base, study_id, row.wanted, "queued")
                return study_of(row)
        if self.get(study_id) is None:
            raise UnknownStudy("the study does not exist")
        raise Conflict("only a failed study can be retried")

    # Delete and recover

    def delete(
        self,
        study_id: str,
        unchanged_since: datetime | None = None,
        remove: Callable[[], object] = lambda: None,
    ) -> bool:
        """Delete a study, even one that is being analyzed; whether it existed.

        Args:
            study_id: the study.
            unchanged_since: delete it only if it has been done or failed since before this moment.
            remove: hides its files; called before the deletion is visible.
        """
        wanted = [studies.c.id == study_id]
        if unchanged_since is not None:
            wanted += [SETTLED, studies.c.changed < unchanged_since]
        with writing(self._engine) as base:
            existed = base.execute(delete(studies).where(*wanted)).rowcount == 1
            if existed:
                remove()
            return existed

    def expired(self, moment: datetime) -> list[str]:
        """The ids of studies that have been done or failed since before a moment."""
        with reading(self._engine) as base:
            return list(base.execute(select(studies.c.id).where(SETTLED, studies.c.changed < moment)).scalars())

    def overdue(self, moment: datetime) -> list[str]:
        """The ids of studies that have waited since before a moment or whose lease has expired, the oldest first."""
        with reading(self._engine) as base:
            waiting = and_(WAITING, studies.c.changed < moment)
            abandoned = and_(BUSY, studies.c.lease <= self._now(base))
            query = select(studies.c.id).where(or_(waiting, abandoned)).order_by(studies.c.changed, studies.c.id)
            return list(base.execute(query).scalars())
