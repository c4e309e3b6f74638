"""The migrations create the tables, whichever process starts first."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from tumorscope.core.errors import TumorscopeError
from tumorscope.service.database import find_problem, open_database, reading, writing
from tumorscope.service.tables import metadata


def test_migrations_create_exactly_the_tables_of_the_code(database):
    engine = open_database(database)
    with reading(engine) as base:
        assert compare_metadata(MigrationContext.configure(base), metadata) == []
    assert {"studies", "revisions", "identity", "alembic_version"} == set(inspect(engine).get_table_names())
    engine.dispose()


def test_processes_that_start_together_migrate_once(database):
    with ThreadPoolExecutor(4) as pool:
        engines = list(pool.map(open_database, [database] * 4))
    with reading(engines[0]) as base:
        assert base.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == ["0002"]
    for engine in engines:
        engine.dispose()


def test_a_database_of_a_later_version_is_refused(database):
    engine = open_database(database)
    with writing(engine) as base:
        base.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(TumorscopeError, match="belongs to another version"):
        open_database(database)


def test_a_file_that_is_not_a_database_is_named(tmp_path):
    path = tmp_path / "x.sqlite"
    path.write_bytes(b"something else entirely" * 100)
    with pytest.raises(TumorscopeError, match="x.sqlite: cannot be used as the service's database"):
        open_database(f"sqlite:///{path}")


def test_the_password_of_an_unreachable_database_is_not_shown():
    with pytest.raises(TumorscopeError, match="cannot be used") as caught:
        open_database("postgresql+psycopg://anna:secret@127.0.0.1:1/none")
    assert "secret" not in str(caught.value)


def test_sqlite_syncs_at_every_commit(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path / 'x.sqlite'}")
    with reading(engine) as base:
        pragmas = {name: base.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")}
    assert pragmas == {"journal_mode": "wal", "synchronous": 2}
    assert sqlite3.sqlite_version_info >= (3, 35), "UPDATE … RETURNING"
    engine.dispose()


def test_damage_to_an_open_database_file_is_detected(tmp_path):
    """Every page but the first, which identifies the file."""
    path = tmp_path / "x.sqlite"
    engine = open_database(f"sqlite:///{path}")
    assert find_problem(engine) is None
    with sqlite3.connect(path) as own:
        own.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    damage(path)
    assert find_problem(engine) == "the database is damaged"
    path.unlink()
    assert find_problem(engine) == "the database does not respond"
    engine.dispose()


def damage(path):
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))


def test_an_unreachable_server_is_a_problem():
    engine = create_engine("postgresql+psycopg://anna:secret@127.0.0.1:1/none")
    assert find_problem(engine) == "the database does not respond"
