"""The database of a node's journal: tables and transactions."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tumorscope.core.errors import TumorscopeError

_TABLES = """
CREATE TABLE IF NOT EXISTS studies (
    code TEXT PRIMARY KEY, uid TEXT NOT NULL UNIQUE, state TEXT NOT NULL DEFAULT 'receiving',
    interrupted INTEGER NOT NULL DEFAULT 0, run INTEGER NOT NULL DEFAULT 0, crashes INTEGER NOT NULL DEFAULT 0,
    reason TEXT, first_received REAL NOT NULL, changed REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS images (
    study TEXT NOT NULL REFERENCES studies(code) ON DELETE CASCADE, uid TEXT NOT NULL,
    file TEXT NOT NULL, input INTEGER NOT NULL, PRIMARY KEY (study, uid)
);
CREATE TABLE IF NOT EXISTS results (
    study TEXT NOT NULL REFERENCES studies(code) ON DELETE CASCADE, run INTEGER NOT NULL, file TEXT NOT NULL,
    destination TEXT NOT NULL, sent INTEGER NOT NULL DEFAULT 0, refusals INTEGER NOT NULL DEFAULT 0, reason TEXT,
    PRIMARY KEY (study, run, file, destination)
);
CREATE TABLE IF NOT EXISTS runs (
    study TEXT NOT NULL REFERENCES studies(code) ON DELETE CASCADE, run INTEGER NOT NULL,
    images INTEGER NOT NULL, incomplete INTEGER NOT NULL, PRIMARY KEY (study, run)
);
"""


class Database:
    """A SQLite database that threads and processes share.

    Args:
        path: of the database; created if it does not exist.

    Raises:
        TumorscopeError: the file is not a journal, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self.data = path.parent
        try:
            self._base = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
            self._base.row_factory = sqlite3.Row
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = FULL")
            self._base.execute("PRAGMA foreign_keys = ON")
            self._base.executescript(_TABLES)
        except sqlite3.DatabaseError as error:
            raise TumorscopeError(
                f"{path}: not a node's journal ({error}); choose another folder with --data"
            ) from error

    def close(self) -> None:
        with self._lock:
            self._base.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield self._base
                self._base.execute("COMMIT")
            except BaseException:
                if self._base.in_transaction:
                    self._base.execute("ROLLBACK")
                raise

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            return self._base.execute(query, values).fetchall()
