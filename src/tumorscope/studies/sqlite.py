"""A SQLite file that threads and processes share, for :class:`~tumorscope.studies.claims.Claims`."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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
        self._base = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._base.row_factory = sqlite3.Row
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            self._base.execute(f"PRAGMA {pragma}")

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


def _stored(value: Any) -> Any:
    return value.timestamp() if isinstance(value, datetime) else value
