"""The service's database: SQLite in a file, or PostgreSQL by address, brought to this version's tables."""

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

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x7465_6D6F_7273
"""PostgreSQL's advisory lock for those who migrate."""
_PATIENCE_S = 30
DAMAGED = "the database is damaged"


def open_database(address: str) -> Engine:
    """A pool of connections to a database whose tables are those of this version.

    Args:
        address: SQLAlchemy's; a SQLite file is made if it is not there.

    Raises:
        TumorscopeError: it cannot be reached, or belongs to something else or a later version.
    """
    url = make_url(address)
    shown = url.render_as_string(hide_password=True)
    engine = _sqlite(address) if url.get_backend_name() == "sqlite" else _postgresql(address)
    try:
        migrate(engine)
    except CommandError as error:
        engine.dispose()
        raise TumorscopeError(f"{shown}: belongs to another version of Tumorscope; use that, or another one") from error
    except SQLAlchemyError as error:
        engine.dispose()
        raise TumorscopeError(f"{shown}: cannot be used as the service's database ({_first_line(error)})") from error
    return engine


def migrate(engine: Engine) -> None:
    """Bring the tables to this version; several processes may do so at once."""
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
    """A transaction that changes something."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only looks."""
    with engine.connect() as connection, connection.begin():
        yield connection


def find_trouble(engine: Engine) -> str | None:
    """Why the database cannot be worked with, in a few words; None where all is well.

    SQLite checks the structure of the whole file, on a connection of its own: others remember pages that
    were whole when they were read. PostgreSQL is only asked whether it responses.
    """
    if engine.dialect.name != "sqlite":
        try:
            with reading(engine) as base:
                base.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return "the database does not response"
        return None
    try:
        with closing(
            sqlite3.connect(f"{Path(engine.url.database or '').absolute().as_uri()}?mode=rw", uri=True)
        ) as own:
            (found,) = own.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError:
        return "the database does not response"
    except sqlite3.DatabaseError:
        return DAMAGED
    return None if found == "ok" else DAMAGED


def is_full(error: SQLAlchemyError) -> bool:
    """Whether the database had no room on its disk."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    return getattr(cause, "sqlite_errorname", None) == "SQLITE_FULL" or getattr(cause, "sqlstate", None) == "53100"


def _sqlite(address: str) -> Engine:
    engine = create_engine(address, connect_args={"timeout": _PATIENCE_S}, pool_size=10, max_overflow=40)

    @event.listens_for(engine, "connect")
    def prepare(connection, _record) -> None:
        connection.isolation_level = None  # the driver's own idea of when a transaction begins
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # Who first reads and then writes would be told "locked" where another one wrote meanwhile.
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(address: str) -> Engine:
    return create_engine(
        address,
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=40,
        connect_args={"connect_timeout": _PATIENCE_S},
    )


def _first_line(error: SQLAlchemyError) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return (str(cause).strip().splitlines() or [type(error).__name__])[0][:160]
