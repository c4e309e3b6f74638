"""Where every study stands, in a database that several processes and machines share.

A study goes (``fetching`` →) ``queued`` → ``analyzing`` → ``done`` or ``failed``, and back to
``queued`` when a corrected segmentation is to be measured or when it is asked for again. Who works on
it holds a claim with a lease. A claim whose lease has run out may be taken over; from then on
nothing that the former holder says is heard, since each claim has a higher number than the last.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Update,
    and_,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from tumorscope.core.errors import TumorscopeError
from tumorscope.service.database import find_trouble, open_database, reading, writing
from tumorscope.service.errors import Conflict, UnknownStudy
from tumorscope.service.folders import Folders
from tumorscope.service.records import STATES, Claim, NewStudy, Page, Revision, State, Study
from tumorscope.service.settings import ServiceSettings
from tumorscope.service.tables import identity, revisions, studies

_BUSY = studies.c.state.in_(("fetching", "analyzing")) & studies.c.lease.is_not(None)
_WAITING = (studies.c.state == "queued") | ((studies.c.state == "fetching") & studies.c.lease.is_(None))
_SETTLED = studies.c.state.in_(("done", "failed"))
_NOBODY: dict[str, Any] = {"worker": None, "lease": None, "stage": None, "done": 0, "total": 0}


class Catalog:
    """The database; one object for all threads of a process.

    Args:
        address: SQLAlchemy's, SQLite or PostgreSQL; the tables are made or brought up to date.
        lease_s: how long a claim holds without being renewed.
        attempts: how often a study may end its worker before it has failed.
        clock: for tests; by default PostgreSQL's own clock, which all machines share, or this machine's.

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
        """The catalog that the settings name; a folder for its file is made."""
        if settings.database is None:
            Folders(settings.data)
        return cls(settings.database_url, settings.lease_s, settings.attempts)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @property
    def address(self) -> str:
        """Of the database, without its password."""
        return self._engine.url.render_as_string(hide_password=True)

    def trouble(self) -> str | None:
        """Why the database cannot be worked with; None where all is well."""
        return find_trouble(self._engine)

    def identity(self) -> str | None:
        """The text by which the folder of studies knows this database; None before there is one."""
        with reading(self._engine) as base:
            return base.execute(select(identity.c.value)).scalar_one_or_none()

    def mark(self, value: str) -> None:
        """Give the database an identity, unless it has one."""
        try:
            with writing(self._engine) as base:
                base.execute(insert(identity).values(number=1, value=value))
        except IntegrityError:  # another process was first
            return

    def now(self) -> datetime:
        """The moment, by the clock that leases go by."""
        with reading(self._engine) as base:
            return self._now(base)

    def _now(self, base: Connection) -> datetime:
        if self._clock is not None:
            return self._clock()
        if base.dialect.name == "postgresql":
            return base.execute(select(func.clock_timestamp())).scalar_one().astimezone(UTC)
        return datetime.now(UTC)

    # Entering and finding

    def create(
        self, study_id: str, name: str, bundle: str, *, fetch: str | None = None, upload: str | None = None
    ) -> Study:
        """Enter one study; see :meth:`create_all`."""
        return self.create_all([NewStudy(study_id, name, bundle, fetch)], upload)[0]

    def create_all(self, entries: Sequence[NewStudy], upload: str | None = None) -> list[Study]:
        """Enter the studies of one upload, all or none; their files are in place and on disk.

        Args:
            entries: in the order in which they are to be listed.
            upload: the key of the request; a second one with the same key enters nothing.

        Raises:
            Conflict: this upload, or a study of this id, was entered before.
        """
        try:
            with writing(self._engine) as base:
                now = self._now(base)
                for place, entry in enumerate(entries):
                    moment = now - timedelta(microseconds=place)  # newest first is then the order given
                    base.execute(
                        insert(studies).values(
                            id=entry.id,
                            name=entry.name,
                            bundle=entry.bundle,
                            fetch=entry.fetch,
                            upload=upload,
                            place=place,
                            state="fetching" if entry.fetch else "queued",
                            created=moment,
                            changed=moment,
                            revision=0,
                            wanted=1,
                            attempt=0,
                            tries=0,
                            **_NOBODY,
                        )
                    )
                    base.execute(
                        insert(revisions).values(
                            study=entry.id, number=1, kind="analysis", state="queued", created=moment
                        )
                    )
                rows = base.execute(select(studies).where(studies.c.id.in_([entry.id for entry in entries])))
                found = {row.id: _study(row) for row in rows}
        except IntegrityError as error:
            raise Conflict("this upload was taken before") from error
        return [found[entry.id] for entry in entries]

    def uploaded(self, upload: str) -> list[Study]:
        """The studies that an upload brought and that are still there."""
        with reading(self._engine) as base:
            rows = base.execute(select(studies).where(studies.c.upload == upload).order_by(studies.c.place))
            return [_study(row) for row in rows]

    def get(self, study_id: str) -> Study | None:
        """A study; None if it is not there, or no longer."""
        with reading(self._engine) as base:
            row = base.execute(select(studies).where(studies.c.id == study_id)).one_or_none()
            return None if row is None else _study(row)

    def revisions(self, study_id: str) -> list[Revision]:
        """All revisions of a study, the oldest first, those that failed among them."""
        query = select(revisions).where(revisions.c.study == study_id).order_by(revisions.c.number)
        with reading(self._engine) as base:
            return [Revision(row.number, row.kind, row.state, row.created) for row in base.execute(query)]

    def page(self, search: str = "", states: Collection[State] = (), limit: int = 50, after: str | None = None) -> Page:
        """Studies, newest first.

        Args:
            search: part of the name, or the whole id.
            states: only these; empty takes all.
            limit: how many at most.
            after: ``next`` of the page before.

        Raises:
            TumorscopeError: ``after`` is not such a mark.
        """
        wanted: list[ColumnElement[bool]] = []
        if search:
            wanted.append(studies.c.name.icontains(search, autoescape=True) | (studies.c.id == search))
        if states:
            wanted.append(studies.c.state.in_(states))
        query = select(studies).where(*wanted, *_after(after))
        query = query.order_by(studies.c.created.desc(), studies.c.id.desc()).limit(limit + 1)
        with reading(self._engine) as base:
            rows = base.execute(query).all()
            total = base.execute(select(func.count()).select_from(studies).where(*wanted)).scalar_one()
        found = [_study(row) for row in rows[:limit]]
        return Page(tuple(found), _mark(found[-1]) if len(rows) > limit else None, total)

    def counts(self) -> dict[State, int]:
        """How many studies are in each state."""
        with reading(self._engine) as base:
            rows = base.execute(select(studies.c.state, func.count()).group_by(studies.c.state)).all()
        return dict.fromkeys(STATES, 0) | {row[0]: row[1] for row in rows}

    def ids(self) -> set[str]:
        """Every study there is."""
        with reading(self._engine) as base:
            return set(base.execute(select(studies.c.id)).scalars())

    # Working

    def claim(self, study_id: str, worker: str) -> Claim | None:
        """Take a study to work on it; None if there is nothing to do, or someone else does it.

        A study whose lease ran out as often as is allowed fails here.
        """
        with writing(self._engine) as base:
            now = self._now(base)
            abandoned = and_(studies.c.id == study_id, _BUSY, studies.c.lease <= now)
            reason = f"the analysis ended its worker {self._attempts} times; ask for it again to try once more"
            worn_out = base.execute(
                update(studies)
                .where(abandoned, studies.c.tries >= self._attempts)
                .values(state="failed", failure=reason, changed=now, **_NOBODY)
                .returning(studies.c.wanted)
            ).one_or_none()
            if worn_out is not None:
                _mark_revision(base, study_id, worn_out.wanted, "failed")
                return None
            row = base.execute(
                update(studies)
                .where(or_(abandoned, and_(studies.c.id == study_id, _WAITING)))
                .values(
                    state=_working_state(),
                    attempt=studies.c.attempt + 1,
                    tries=studies.c.tries + 1,
                    changed=now,
                    **{**_NOBODY, "worker": worker, "lease": now + self._lease},
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
        """Renew the lease; False if the claim is lost, and the work with it."""
        with writing(self._engine) as base:
            return _held(base, claim, lease=self._now(base) + self._lease)

    def progress(self, claim: Claim, stage: str, done: int, total: int) -> bool:
        """Say how far the work is; False if the claim is lost."""
        with writing(self._engine) as base:
            return _held(base, claim, stage=stage, done=done, total=total)

    def fetched(self, claim: Claim) -> bool:
        """The study's files are in place: what follows is the analysis. False if the claim is lost."""
        with writing(self._engine) as base:
            return _held(base, claim, state="analyzing", fetch=None, changed=self._now(base))

    def finish(self, claim: Claim, summary: dict[str, Any]) -> bool:
        """The revision's results are in place; False if the claim is lost, and nothing was entered."""
        return self._settle(claim, "done", revision=claim.revision, summary=summary, failure=None)

    def fail(self, claim: Claim, reason: str) -> bool:
        """It cannot be done, in one line; False if the claim is lost."""
        return self._settle(claim, "failed", failure=reason)

    def _settle(self, claim: Claim, state: State, **values: Any) -> bool:
        with writing(self._engine) as base:
            held = _held(base, claim, state=state, changed=self._now(base), **values, **_NOBODY)
            if held:
                _mark_revision(base, claim.study, claim.revision, state)
            return held

    def release_claim(self, claim: Claim) -> bool:
        """The worker stops before it is done; this attempt does not count against the study."""
        with writing(self._engine) as base:
            values: dict[str, Any] = {"state": _waiting_state(), "tries": studies.c.tries - 1}
            return _held(base, claim, changed=self._now(base), **values, **_NOBODY)

    def give_back_all(self, worker: str) -> list[str]:
        """The same for everything that a worker holds."""
        with writing(self._engine) as base:
            held = update(studies).where(studies.c.worker == worker, _BUSY)
            values: dict[str, Any] = {"state": _waiting_state(), "tries": studies.c.tries - 1}
            given = held.values(changed=self._now(base), **values, **_NOBODY).returning(studies.c.id)
            return list(base.execute(given).scalars())

    def release(self, worker: str) -> list[str]:
        """A worker's process has ended: what it held may be taken at once. The attempts count."""
        with writing(self._engine) as base:
            ended = update(studies).where(studies.c.worker == worker, _BUSY).values(lease=self._now(base))
            return list(base.execute(ended.returning(studies.c.id)).scalars())

    # Asking for more

    def request_edit(
        self, study_id: str, base_revision: int, place: Callable[[int], None] = lambda number: None
    ) -> int:
        """Ask for a revision from a corrected segmentation; its number.

        Args:
            study_id: the study.
            base_revision: the one whose segmentation was corrected.
            place: puts the segmentation's file in its place, given the number, before anyone can see the request.

        Raises:
            UnknownStudy: there is none.
            Conflict: that revision is not the newest, or the study is being worked on.
        """
        with writing(self._engine) as base:
            row = base.execute(select(studies).where(studies.c.id == study_id).with_for_update()).one_or_none()
            if row is None:
                raise UnknownStudy("there is no such study")
            if row.state not in ("done", "failed"):
                raise Conflict("the study is being worked on; try again when it is done")
            if base_revision < 1 or row.revision != base_revision:
                raise Conflict(f"revision {row.revision} is the newest, not {base_revision}; load it first")
            last = base.execute(select(func.max(revisions.c.number)).where(revisions.c.study == study_id)).scalar_one()
            number, now = last + 1, self._now(base)
            base.execute(
                insert(revisions).values(study=study_id, number=number, kind="edit", state="queued", created=now)
            )
            again = update(studies).where(studies.c.id == study_id)
            base.execute(again.values(state="queued", wanted=number, tries=0, failure=None, changed=now, **_NOBODY))
            place(number)
        return number

    def retry(self, study_id: str) -> Study:
        """Ask once more for what failed.

        Raises:
            UnknownStudy: there is none.
            Conflict: it has not failed.
        """
        with writing(self._engine) as base:
            values: dict[str, Any] = {"state": _waiting_state(), "tries": 0, "failure": None}
            failed = update(studies).where(studies.c.id == study_id, studies.c.state == "failed")
            row = base.execute(
                failed.values(changed=self._now(base), **values, **_NOBODY).returning(studies)
            ).one_or_none()
            if row is not None:
                _mark_revision(base, study_id, row.wanted, "queued")
                return _study(row)
        if self.get(study_id) is None:
            raise UnknownStudy("there is no such study")
        raise Conflict("only a study that has failed can be asked for again")

    # Forgetting and making good

    def delete(
        self,
        study_id: str,
        unchanged_since: datetime | None = None,
        remove: Callable[[], object] = lambda: None,
    ) -> bool:
        """Strike a study out, whoever works on it; whether it was there.

        Args:
            study_id: the study.
            unchanged_since: only if it has been done or failed since before this moment.
            remove: takes its files out of sight before anyone can see that it is gone.
        """
        wanted = [studies.c.id == study_id]
        if unchanged_since is not None:
            wanted += [_SETTLED, studies.c.changed < unchanged_since]
        with writing(self._engine) as base:
            found = base.execute(delete(studies).where(*wanted)).rowcount == 1
            if found:
                remove()
            return found

    def expired(self, moment: datetime) -> list[str]:
        """Studies that have been done or failed since before a moment."""
        with reading(self._engine) as base:
            return list(base.execute(select(studies.c.id).where(_SETTLED, studies.c.changed < moment)).scalars())

    def to_queue(self, moment: datetime) -> list[str]:
        """Studies that wait since before a moment and those whose worker is gone, the longest waiting first."""
        with reading(self._engine) as base:
            forgotten = and_(_WAITING, studies.c.changed < moment)
            abandoned = and_(_BUSY, studies.c.lease <= self._now(base))
            query = select(studies.c.id).where(or_(forgotten, abandoned)).order_by(studies.c.changed, studies.c.id)
            return list(base.execute(query).scalars())


def _working_state() -> ColumnElement[str]:
    return case((studies.c.fetch.is_(None), "analyzing"), else_="fetching")


def _waiting_state() -> ColumnElement[str]:
    return case((studies.c.fetch.is_(None), "queued"), else_="fetching")


def _held(base: Connection, claim: Claim, **values: Any) -> bool:
    """Change a study if the claim still holds."""
    change: Update = update(studies).where(
        studies.c.id == claim.study, studies.c.attempt == claim.attempt, _BUSY, studies.c.worker == claim.worker
    )
    return base.execute(change.values(**values)).rowcount == 1


def _mark_revision(base: Connection, study_id: str, number: int, state: str) -> None:
    base.execute(
        update(revisions).where(revisions.c.study == study_id, revisions.c.number == number).values(state=state)
    )


def _study(row: Row[Any]) -> Study:
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


_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def _mark(study: Study) -> str:
    return f"{(study.created - _BEGINNING) // timedelta(microseconds=1)}.{study.id}"


def _after(mark: str | None) -> list[ColumnElement[bool]]:
    if mark is None:
        return []
    digits, _, study_id = mark.partition(".")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 17):
        raise TumorscopeError("after: give what `next` of the page before says")
    moment = _BEGINNING + timedelta(microseconds=int(digits))
    return [or_(studies.c.created < moment, and_(studies.c.created == moment, studies.c.id < study_id))]
