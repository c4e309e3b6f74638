"""The state of every study, in a database that several processes and machines share.

A study goes (``fetching`` →) ``queued`` → ``analyzing`` → ``done`` or ``failed``, and back to
``queued`` to measure a corrected segmentation or to retry a failed analysis; see :mod:`tumorscope.studies.claims`
for how workers take turns.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from tumorscope.service.catalog_records import STATES, NewStudy, Page, Revision, State, Study, StudyClaim
from tumorscope.service.catalog_rows import (
    CLAIMS,
    UNSETTLED,
    StudyTransaction,
    after_mark,
    page_mark,
    study_of,
    with_ahead,
)
from tumorscope.service.database import find_problem, open_database, reading, writing
from tumorscope.service.request_errors import Conflict, UnknownStudy
from tumorscope.service.settings import ServiceSettings
from tumorscope.service.study_folders import Folders
from tumorscope.service.tables import identity, revisions, studies
from tumorscope.studies.claims import Claim, Claims, Transaction

NOT_FAILED = "only a failed study can be retried"


class Catalog(Claims):
    """The database of studies; threads of a process may share one object.

    Args:
        address: of the database as SQLAlchemy URL, SQLite or PostgreSQL; the tables are created or migrated.
        lease_s: how long a claim is valid without renewal.
        attempts: a study that ended this many workers fails.
        clock: for tests; by default that of PostgreSQL, which all machines share, or of this machine.

    Raises:
        TumorscopeError: the database cannot be used.
    """

    unreachable = (SQLAlchemyError,)

    def __init__(
        self,
        address: str,
        lease_s: float = 60,
        attempts: int = 3,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        super().__init__(CLAIMS, self._writing, attempts, lease_s)
        self._engine = open_database(address)
        self._clock = clock

    @contextmanager
    def _writing(self) -> Iterator[StudyTransaction]:
        with writing(self._engine) as base:
            yield StudyTransaction(base, self._clock)

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
            return StudyTransaction(base, self._clock).now()

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
            with self._writing() as transaction:
                base, now = transaction.base, transaction.now()
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
                            done=0,
                            total=0,
                        )
                    )
                    base.execute(
                        insert(revisions).values(
                            study=entry.id, number=1, kind="analysis", state="queued", created=moment
                        )
                    )
                rows = base.execute(select(studies).where(studies.c.id.in_([entry.id for entry in entries])))
                created = {study.id: study for study in with_ahead(base, map(study_of, rows.all()))}
        except IntegrityError as error:
            raise Conflict("this upload was received before") from error
        return [created[entry.id] for entry in entries]

    def uploaded(self, upload: str) -> list[Study]:
        """The studies of an upload that still exist."""
        with reading(self._engine) as base:
            rows = base.execute(select(studies).where(studies.c.upload == upload).order_by(studies.c.place))
            return with_ahead(base, map(study_of, rows.all()))

    def get(self, study_id: str) -> Study | None:
        """A study; None if it does not exist (any more)."""
        with reading(self._engine) as base:
            row = base.execute(select(studies).where(studies.c.id == study_id)).one_or_none()
            return None if row is None else with_ahead(base, [study_of(row)])[0]

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
            page = with_ahead(base, map(study_of, rows[:limit]))
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

    def claim(self, item: str, worker: str) -> StudyClaim | None:
        """Claim a study for a worker; see :meth:`tumorscope.studies.claims.Claims.claim`."""
        with self._writing() as transaction:
            claim = self.claim_within(transaction, item, worker)
            if claim is None:
                return None
            query = select(studies, revisions.c.kind).where(studies.c.id == item)
            joined = query.join(
                revisions, (revisions.c.study == studies.c.id) & (revisions.c.number == studies.c.wanted)
            )
            row = transaction.base.execute(joined).one()
        return StudyClaim(
            item, claim.attempt, worker, row.wanted, row.kind, row.revision, row.name, row.bundle, row.fetch
        )

    def progress(self, claim: Claim, stage: str, done: int, total: int) -> bool:
        """Record progress; False if the claim is lost."""
        with self._writing() as base:
            change = "stage = :stage, done = :done, total = :total"
            return self._update_held(base, claim, change, stage=stage, done=done, total=total)

    def fetched(self, claim: Claim) -> bool:
        """Record that the study's files are complete and the analysis begins; False if the claim is lost."""
        with self._writing() as base:
            change = "state = 'analyzing', \"fetch\" = NULL, changed = :now"
            return self._update_held(base, claim, change, now=base.now())

    def finish(self, claim: StudyClaim, summary: dict[str, Any]) -> bool:
        """Record that the revision's results are committed; False, without a change, if the claim is lost."""
        with self._writing() as transaction:
            held = self._end(transaction, claim, "'done'")
            if held:
                made = update(studies).where(studies.c.id == claim.study)
                transaction.base.execute(made.values(revision=claim.revision, summary=summary))
            return held

    def _ended(self, base: Transaction, item: Any) -> None:
        """Give the revision in progress the state of its study: done, failed, or queued."""
        state = "CASE WHEN state IN ('done', 'failed') THEN state ELSE 'queued' END"
        base.execute(
            f"UPDATE revisions SET state = (SELECT {state} FROM studies WHERE id = :item) "
            "WHERE study = :item AND number = (SELECT wanted FROM studies WHERE id = :item)",
            item=item,
        )

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
        with self._writing() as transaction:
            base = transaction.base
            row = base.execute(select(studies).where(studies.c.id == study_id).with_for_update()).one_or_none()
            if row is None:
                raise UnknownStudy("the study does not exist")
            if row.state not in ("done", "failed"):
                raise Conflict("the study is being analyzed; try again when it is done")
            if base_revision < 1 or row.revision != base_revision:
                raise Conflict(f"revision {row.revision} is the newest, not {base_revision}; load it first")
            last = base.execute(select(func.max(revisions.c.number)).where(revisions.c.study == study_id)).scalar_one()
            number, now = last + 1, transaction.now()
            base.execute(
                insert(revisions).values(study=study_id, number=number, kind="edit", state="queued", created=now)
            )
            base.execute(update(studies).where(studies.c.id == study_id).values(wanted=number))
            self._reopen(transaction, study_id, ["done", "failed"])
            store(number)
        return number

    def retry(self, study_id: str, store: Callable[[], None] = lambda: None) -> Study:
        """Queue a failed study for another attempt.

        Args:
            study_id: the study.
            store: stores what is to differ; called before the request is visible, and only for a failed study.

        Raises:
            UnknownStudy: the study does not exist.
            Conflict: the study has not failed.
        """
        with self._writing() as base:
            if self._reopen(base, study_id, ["failed"]):
                store()
                row = base.base.execute(select(studies).where(studies.c.id == study_id)).one()
                return with_ahead(base.base, [study_of(row)])[0]
        if self.get(study_id) is None:
            raise UnknownStudy("the study does not exist")
        raise Conflict(NOT_FAILED)

    def overdue(self, moment: datetime) -> list[str]:
        """The ids of studies that have waited since before a moment or whose lease has expired, the oldest first."""
        waiting = and_(studies.c.worker.is_(None), studies.c.changed < moment)
        query = select(studies.c.id).where(studies.c.state.in_(UNSETTLED), or_(waiting, studies.c.lease <= self.now()))
        with reading(self._engine) as base:
            return list(base.execute(query.order_by(studies.c.changed, studies.c.id)).scalars())
