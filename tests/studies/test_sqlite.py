"""A file that several processes open at the same moment."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from tumorscope.service.database import open_database
from tumorscope.studies.sqlite import SqliteDatabase

OPENERS = {
    "claims": lambda path: SqliteDatabase(path).close(),
    "service": lambda path: open_database(f"sqlite:///{path}").dispose(),
}


@pytest.mark.parametrize("opener", OPENERS)
def test_a_file_opens_while_another_process_writes_its_first_table(tmp_path, opener):
    path = tmp_path / "new.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        end = threading.Timer(0.3, other.execute, ["COMMIT"])
        end.start()
        OPENERS[opener](path)
        end.join()
    with closing(sqlite3.connect(path)) as base:
        assert base.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_connections_opened_together_all_write(tmp_path):
    def count(_) -> None:
        base = SqliteDatabase(tmp_path / "new.sqlite")
        with base.transaction():
            base.execute("CREATE TABLE IF NOT EXISTS seen (number INTEGER)")
            base.execute("INSERT INTO seen VALUES (1)")
        base.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(32)))
    with closing(sqlite3.connect(tmp_path / "new.sqlite")) as base:
        assert base.execute("SELECT count(*) FROM seen").fetchone() == (32,)
