import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import typer

from tumorscope.cli import serve
from tumorscope.core.errors import TumorscopeError

TIMEOUT_S = 120
TOKEN = "a-token-that-nobody-guesses"


@contextmanager
def serving(data: Path, *options: str, **environment: str) -> Iterator[tuple[subprocess.Popen, str, list[str]]]:
    """The command as a process; yields the process, its address and its log."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tumorscope", "serve", "--port", "0", "--workers", "0", "--data", str(data), *options],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )
    assert process.stderr is not None
    first = process.stderr.readline()
    found = re.search(r"http://\S+/", first)
    assert found, first
    logged = [first]
    reader = threading.Thread(target=lambda: logged.extend(process.stderr or ()))
    reader.start()
    try:
        yield process, found[0], logged
    finally:
        process.terminate()  # what is being logged still comes
        process.wait(TIMEOUT_S)
        reader.join()


def run(**options):
    given = dict.fromkeys(("host", "port", "data", "token", "user", "allowed_host", "database", "queue"))
    given |= dict.fromkeys(("workers", "keep_days", "bundle", "archive"))
    serve.command(**given | options)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_the_service_runs_until_it_is_stopped(tmp_path, end):
    with serving(tmp_path / "data") as (process, address, logged):
        with urlopen(f"{address}healthz", timeout=TIMEOUT_S) as response:
            assert response.status == 200
        process.send_signal(end)
        assert process.wait(TIMEOUT_S) == 0
    assert "Traceback" not in "".join(logged)


def test_secrets_come_from_the_environment_and_stay_out_of_the_log(tmp_path):
    with serving(tmp_path / "data", TUMORSCOPE_TOKEN=TOKEN) as (_, address, logged):
        with pytest.raises(HTTPError, match="401"):
            urlopen(f"{address}api/about", timeout=TIMEOUT_S)
        asked = Request(f"{address}api/about?x={TOKEN}", headers={"Authorization": f"Bearer {TOKEN}"})
        with urlopen(asked, timeout=TIMEOUT_S) as response:
            assert response.status == 200
    assert "GET (none) - 401" in "".join(logged)
    assert "GET /api/about - 200" in "".join(logged)
    assert TOKEN not in "".join(logged)


def test_a_port_in_use_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(TumorscopeError, match=f"port {port} of 127.0.0.1 cannot be used .*--port"):
            run(data=tmp_path / "data", port=port, workers=0)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.7.7"])
def test_a_service_on_the_network_requires_a_secret(tmp_path, host):
    with pytest.raises(TumorscopeError, match="needs a token or a user"):
        run(data=tmp_path / "data", host=host)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"token": "short", "host": "0.0.0.0"}, "the token is too short"),
        ({"user": ["ward:short"], "host": "0.0.0.0"}, "the password of ward is too short"),
        ({"token": ""}, "the token is too short"),
        ({"user": ["ward"]}, "NAME:PASSWORD"),
        ({"user": [":x"]}, "NAME:PASSWORD"),
        ({"keep_days": "soon"}, "keep_days"),
        ({"database": "mysql://user:secret@host/name"}, "postgresql"),
        ({"bundle": "nothing"}, "no bundle 'nothing'"),
        ({"archive": ["pacs"]}, "--archive pacs: not in "),
        ({"archive": ["pacs=127.0.0.1:104/PACS"]}, "--archive pacs: studies are fetched by DICOMweb"),
        ({"host": "no.such.host.invalid", "token": TOKEN, "workers": 0}, "not an address to listen on"),
    ],
)
def test_an_invalid_option_is_one_line(tmp_path, options, words):
    with pytest.raises(TumorscopeError, match=words) as error:
        run(data=tmp_path / "data", **options)
    assert "\n" not in str(error.value)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--host", "0.0.0.0"], "needs a token or a user"),
        (["--port", "{taken}"], "cannot be used"),
        ([], "this needs fastapi; run `pip install 'tumorscope[service]'`"),
    ],
)
def test_startup_errors_are_one_line_and_exit_code_2(tmp_path, options, words):
    without = "" if options else "sys.modules['fastapi'] = None; "
    program = f"import sys; {without}from tumorscope.cli import main; main()"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        given = [each.format(taken=taken.getsockname()[1]) for each in options]
        arguments = [sys.executable, "-c", program, "serve", "--data", str(tmp_path / "data"), *given]
        ended = subprocess.run(arguments, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 2
    assert words in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_help_lists_every_option():
    from typer.testing import CliRunner

    app = typer.Typer(rich_markup_mode=None)
    app.command()(serve.command)
    text = CliRunner().invoke(app, ["--help"], terminal_width=200).output
    for option in ("host", "port", "data", "token", "user", "allowed-host", "database", "queue", "workers"):
        assert f"--{option}" in text
    for option in ("keep-days", "bundle", "archive"):
        assert f"--{option}" in text
