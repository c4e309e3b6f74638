"""The service's database: SQLite in a file, or PostgreSQL by address, migrated to this version's tables."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from tumorscope.core.errors import TumorscopeError
from tumorscope.studies.sqlite import LOCK_TIMEOUT_S, prepare_connection

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x7465_6D6F_7273
"""The number of PostgreSQL's advisory lock during a migration."""
DAMAGED = "the database is damaged"


def open_database(address: str) -> Engine:
    """A pool of connections to a database, migrated to this version's tables.

    Args:
        address: as SQLAlchemy URL; a SQLite file is created if it does not exist.

    Raises:
        TumorscopeError: the database is unreachable, or belongs to another program or a later version.
    """
    url = make_url(address)
    shown = url.render_as_string(hide_password=True)
    engine = _sqlite(address) if url.get_backend_name() == "sqlite" else _postgresql(address)
    try:
        migrate(engine)
    except CommandError as error:
        engine.dispose()
        raise TumorscopeError(
            f"{shown}: belongs to another version of Tumorscope; use that version or another database"
        ) from error
    except SQLAlchemyError as error:
        engine.dispose()
        raise TumorscopeError(f"{shown}: cannot be used as the service's database ({_first_line(error)})") from error
    return engine


def migrate(engine: Engine) -> None:
    """Migrate the tables to this version; several processes may do so at once."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    newest = ScriptDirectory.from_config(config).get_current_head()
    with engine.connect() as connection:
        if MigrationContext.configure(connection).get_current_revision() == newest:
            return
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A read-only transaction."""
    with engine.connect() as connection, connection.begin():
        yield connection


def find_problem(engine: Engine) -> str | None:
    """Why the database cannot be used, in a few words; None if it can.

    SQLite checks the structure of the whole file on a new connection, since open connections cache pages
    that were intact when read. PostgreSQL is only checked for a response.
    """
    if engine.dialect.name != "sqlite":
        try:
            with reading(engine) as base:
                base.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return "the database does not respond"
        return None
    try:
        with closing(
            sqlite3.connect(f"{Path(engine.url.database or '').absolute().as_uri()}?mode=rw", uri=True)
        ) as own:
            (found,) = own.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError:
        return "the database does not respond"
    except sqlite3.DatabaseError:
        return DAMAGED
    return None if found == "ok" else DAMAGED


def is_full(error: SQLAlchemyError) -> bool:
    """Whether the disk of the database is full."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    return getattr(cause, "sqlite_errorname", None) == "SQLITE_FULL" or getattr(cause, "sqlstate", None) == "53100"


def _sqlite(address: str) -> Engine:
    engine = create_engine(address, connect_args={"timeout": LOCK_TIMEOUT_S}, pool_size=10, max_overflow=40)

    @event.listens_for(engine, "connect")
    def prepare(connection, _record) -> None:
        connection.isolation_level = None  # the driver would otherwise begin transactions on its own
        prepare_connection(connection)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads before it writes would fail with "locked" if another one wrote meanwhile.
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(address: str) -> Engine:
    return create_engine(
        address,
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=40,
        connect_args={"connect_timeout": LOCK_TIMEOUT_S},
    )


def _first_line(error: SQLAlchemyError) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return (str(cause).strip().splitlines() or [type(error).__name__])[0][:160]
