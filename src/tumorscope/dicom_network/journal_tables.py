"""The tables of a node's journal."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tumorscope.core.errors import TumorscopeError
from tumorscope.studies.claims import ClaimTable
from tumorscope.studies.sqlite import CLAIM_COLUMNS, SqliteDatabase

STUDIES = ClaimTable("studies", "code", ("ready", "analyzing"), "'ready'", "'analyzing'")
RESULTS = ClaimTable("results", "rowid", ("waiting", "sending"), "'waiting'", "'sending'")

_TABLES = f"""
CREATE TABLE IF NOT EXISTS studies (
    code TEXT PRIMARY KEY, uid TEXT NOT NULL UNIQUE, state TEXT NOT NULL DEFAULT 'receiving',
    interrupted INTEGER NOT NULL DEFAULT 0, first_received REAL NOT NULL, {CLAIM_COLUMNS}
);
CREATE TABLE IF NOT EXISTS images (
    study TEXT NOT NULL REFERENCES studies(code) ON DELETE CASCADE, uid TEXT NOT NULL,
    file TEXT NOT NULL, input INTEGER NOT NULL, PRIMARY KEY (study, uid)
);
CREATE TABLE IF NOT EXISTS results (
    study TEXT NOT NULL REFERENCES studies(code) ON DELETE CASCADE, run INTEGER NOT NULL, file TEXT NOT NULL,
    destination TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'waiting', {CLAIM_COLUMNS},
    PRIMARY KEY (study, run, file, destination)
);
CREATE TABLE IF NOT EXISTS runs (
    study TEXT NOT NULL REFERENCES studies(code) ON DELETE CASCADE, run INTEGER NOT NULL,
    images INTEGER NOT NULL, incomplete INTEGER NOT NULL, PRIMARY KEY (study, run)
);
"""
_FROM_FIRST_VERSION = """
ALTER TABLE studies RENAME COLUMN run TO attempt;
ALTER TABLE studies RENAME COLUMN crashes TO tries;
ALTER TABLE studies RENAME COLUMN reason TO failure;
ALTER TABLE studies ADD COLUMN worker TEXT;
ALTER TABLE studies ADD COLUMN lease REAL;
UPDATE studies SET worker = '' WHERE state = 'analyzing';
ALTER TABLE results RENAME COLUMN refusals TO tries;
ALTER TABLE results RENAME COLUMN reason TO failure;
ALTER TABLE results ADD COLUMN state TEXT NOT NULL DEFAULT 'waiting';
ALTER TABLE results ADD COLUMN attempt INTEGER NOT NULL DEFAULT 0;
ALTER TABLE results ADD COLUMN worker TEXT;
ALTER TABLE results ADD COLUMN lease REAL;
ALTER TABLE results ADD COLUMN changed REAL;
UPDATE results SET state = CASE WHEN sent = 1 THEN 'sent' WHEN tries >= 5 THEN 'failed' ELSE 'waiting' END;
"""
"""The first version had no leases; an analysis that it began is held by nobody, and repeated."""


def open_journal(path: Path) -> SqliteDatabase:
    """The database of a journal; created if it does not exist, migrated if it is of the first version.

    Raises:
        TumorscopeError: the file is not a journal, or cannot be written.
    """
    try:
        base = SqliteDatabase(path)
        with base.transaction():
            columns = {row["name"] for row in base.rows("PRAGMA table_info(studies)")}
            for statement in (_FROM_FIRST_VERSION if "crashes" in columns else _TABLES).split(";"):
                base.execute(statement)
    except sqlite3.DatabaseError as error:
        raise TumorscopeError(f"{path}: not a node's journal ({error}); choose another folder with --data") from error
    return base
