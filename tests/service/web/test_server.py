"""The server as a separate process with few file descriptors."""

import re
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack, contextmanager

import pytest
from service.stores import TIMEOUT_S, wait_until

from tumorscope.service.web.server import LogLimit

FILES = 256

_IDLE_FOR = """
from tumorscope.cli import main
from tumorscope.service.web import server
server.IDLE_S = {seconds}
main()
"""


def few_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))


@contextmanager
def served(tmp_path, *program):
    """`tumorscope serve` without workers; gives its port and its log."""
    log = tmp_path / "serve.log"
    command = [sys.executable, *program, "serve", "--port", "0", "--workers", "0", "--data", str(tmp_path / "data")]
    with log.open("wb") as out:
        server = subprocess.Popen(command, stdout=out, stderr=out, preexec_fn=few_files)
    try:
        wait_until(lambda: re.search(r":\d+/ ", log.read_text()) or server.poll() is not None, "the service to start")
        yield int(re.search(r":(\d+)/ ", log.read_text())[1]), log
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(TIMEOUT_S) == 0


def status(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/studies", timeout=10) as response:
        return response.status


def test_idle_connections_neither_block_the_service_nor_flood_its_log(tmp_path):
    """More connections than file descriptors; half of them began a request and stopped, and none is idle for long."""
    with served(tmp_path, "-c", _IDLE_FOR.format(seconds=3600.0)) as (port, log), ExitStack() as opened:
        for number in range(FILES + 50):
            one = opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            if number % 2:
                one.sendall(b"GET /api/studies HTTP/1.1\r\nHost: 127.0")
        for _ in range(5):
            assert status(port) == 200
        said = log.read_text()
    assert said.count("more than 64 connections; the longest idle ones are closed") == 1
    assert "Traceback" not in said
    assert len(said.splitlines()) < 20


def test_an_idle_connection_is_closed_and_a_busy_one_is_not(tmp_path):
    with served(tmp_path, "-c", _IDLE_FOR.format(seconds=1.0)) as (port, _log):
        idle = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
        slow = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
        slow.sendall(b"POST /api/studies HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n")
        slow.sendall(b"Content-Type: application/json\r\n\r\n{")
        assert idle.recv(100) == b"", "closed by the service"
        time.sleep(2)
        slow.sendall(b"}")
        assert slow.recv(100).startswith(b"HTTP/1.1 400 ")
        idle.close()
        slow.close()


@pytest.mark.parametrize(("every_s", "lines"), [(60.0, 1), (0.0, 3)])
def test_repeated_messages_are_rate_limited(every_s, lines):
    seldom = LogLimit(every_s)
    assert sum(seldom.due() for _ in range(3)) == lines
