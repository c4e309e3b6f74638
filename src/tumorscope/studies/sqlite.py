"""A SQLite file that threads and processes share, for :class:`~tumorscope.studies.claims.Claims`."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

LOCK_TIMEOUT_S = 30
CLAIM_COLUMNS = """attempt INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0, failure TEXT, worker TEXT,
    lease REAL, changed REAL"""
"""The columns of a :class:`~tumorscope.studies.claims.ClaimTable` besides its key and ``state``."""


class SqliteDatabase:
    """A database whose transactions are on disk when they end, unless they say that they need not be; times are stored
    in seconds since 1970.

    Args:
        path: of the file; created if it does not exist.

    Raises:
        sqlite3.DatabaseError: the file is not a database, or cannot be written.
    """

    def __init__(self, path: Path | str) -> None:
        self._lock = threading.RLock()
        self._base = sqlite3.connect(path, timeout=LOCK_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        self._base.row_factory = sqlite3.Row
        prepare_connection(self._base)

    def close(self) -> None:
        with self._lock:
            self._base.close()

    @contextmanager
    def transaction(self, *, on_disk: bool = True) -> Iterator[SqliteDatabase]:
        """A transaction that writes, and waits until it is the only one.

        Args:
            on_disk: it is on disk when it ends. Else it is atomic and in its order all the same, but a power cut may
                take it back, as long as none that is on disk has followed. Waiting for the disk is most of the time.
        """
        with self._lock:
            self._base.execute(f"PRAGMA synchronous = {'FULL' if on_disk else 'NORMAL'}")
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield self
                self._base.execute("COMMIT")
            except BaseException:
                if self._base.in_transaction:
                    self._base.execute("ROLLBACK")
                raise

    def now(self) -> datetime:
        return datetime.now(UTC)

    def execute(self, statement: str, /, **values: Any) -> sqlite3.Cursor:
        """Run a statement, within a transaction."""
        return self._base.execute(statement, {name: _stored(value) for name, value in values.items()})

    def rows(self, query: str, /, **values: Any) -> list[sqlite3.Row]:
        """The rows of a query."""
        with self._lock:
            return self.execute(query, **values).fetchall()


def prepare_connection(connection: sqlite3.Connection) -> None:
    """Write-ahead log, synced at every commit, and foreign keys; connections may be opened at the same time.

    Raises:
        sqlite3.DatabaseError: the file is not a database, or stays locked for :data:`LOCK_TIMEOUT_S`.
    """
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    # SQLite's own timeout does not apply to this change of mode while another connection makes it too.
    while not _write_ahead(connection):
        if time.monotonic() > deadline:
            raise sqlite3.OperationalError("database is locked")
        time.sleep(0.01)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _write_ahead(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname.startswith("SQLITE_BUSY"):
            return False
        raise
    return True


def _stored(value: Any) -> Any:
    return value.timestamp() if isinstance(value, datetime) else value
