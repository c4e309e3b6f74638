"""Private PostgreSQL and Redis servers from Debian packages."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from ports import free_ports

TIMEOUT_S = 180.0
"""How long a test waits for an event; only a failing test waits this long."""


def wait_until(condition: Callable[[], object], what: str, timeout_s: float = TIMEOUT_S) -> None:
    """Poll a condition; only a failing test waits for the timeout."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"no result within {timeout_s:g} s: {what}")
        time.sleep(0.01)


@contextmanager
def running_postgresql() -> Iterator[str]:
    """An empty server; yields the address of its first database."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        pytest.skip("PostgreSQL is not installed")
    programs, (port,) = found[-1].parent, free_ports(1)
    # The server does not run as root, and other users cannot access root's temporary folders.
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="tumorscope-postgresql-", dir="/tmp"))
    if user:
        shutil.chown(folder, user)
    try:
        data, log = folder / "data", folder / "log"
        make = [programs / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(make, check=True, user=user, stdout=subprocess.DEVNULL, cwd=folder)
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": folder, "fsync": "off"}
        command = [programs / "postgres", "-D", data, "-p", str(port)]
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        address = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        with _running(command, log, user, lambda: _postgresql_responds(address)):
            yield address
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_redis() -> Iterator[str]:
    """An empty server; yields its address."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("Redis is not installed")
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="tumorscope-redis-") as folder:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        address = f"redis://127.0.0.1:{port}/0"
        with _running(command, Path(folder, "log"), None, lambda: _redis_responds(address)):
            yield address


def empty_database(address: str) -> str:
    """Empty a database and return its address."""
    import psycopg

    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return address


@contextmanager
def _running(command: Sequence[object], log: Path, user: str | None, responses: Callable[[], bool]) -> Iterator[None]:
    with log.open("wb") as file:
        process = subprocess.Popen([str(part) for part in command], stdout=file, stderr=file, user=user, cwd=log.parent)
    try:
        wait_until(lambda: responses() or process.poll() is not None, f"a response of {command[0]}")
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.send_signal(signal.SIGINT)  # PostgreSQL takes SIGTERM for a request to wait for its clients
        process.wait(TIMEOUT_S)


def _postgresql_responds(address: str) -> bool:
    import psycopg

    try:
        psycopg.connect(address, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _redis_responds(address: str) -> bool:
    from redis import Redis
    from redis.exceptions import ConnectionError as NoConnection

    try:
        return bool(Redis.from_url(address).ping())
    except NoConnection:
        return False
