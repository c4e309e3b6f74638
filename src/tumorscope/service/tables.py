"""The tables of the service's database."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)


class Moment(TypeDecorator[datetime]):
    """A time in UTC, also for databases without time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

studies = Table(
    "studies",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("bundle", Text, nullable=False),
    Column("fetch", Text),
    Column("upload", String(64)),
    Column("place", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("stage", String(32)),
    Column("done", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("failure", Text),
    Column("created", Moment, nullable=False),
    Column("changed", Moment, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("wanted", Integer, nullable=False),
    Column("summary", JSON(none_as_null=True)),
    Column("attempt", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("worker", Text),
    Column("lease", Moment),
    Index(None, "created", "id"),
    Index(None, "state", "changed"),
    UniqueConstraint("upload", "place"),
)
"""``wanted`` is the revision in progress; ``attempt`` counts all claims, ``tries`` those that count against the
study; ``upload`` and ``place`` identify the request and the position in it, so that a repeated request creates
nothing."""

revisions = Table(
    "revisions",
    metadata,
    Column("study", String(32), ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("created", Moment, nullable=False),
)

identity = Table(
    "identity",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("value", String(32), nullable=False),
)
"""One row: the text that is also in the folder of studies; see :mod:`tumorscope.service.identity`."""
