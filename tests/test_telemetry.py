"""Nothing leaves the machine, and nothing but the program's own cache is left in the home folder, whatever the runtimes would
like."""

import os
import signal

import pytest
from sealed import run_sealed

from tumorscope.core import telemetry
from tumorscope.datasets.phantom import make_phantom, plausible_lesion, write_nifti
from tumorscope.inference.engine import openvino_available

COMMAND = "from tumorscope.cli import main\nmain()"
LIBRARY = """
from tumorscope import analyze, load_bundle, load_engine, open_scan
import sys
print(analyze(open_scan(sys.argv[1]), load_engine(load_bundle("lgg"), sys.argv[2])).rejection is None)
"""


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture(scope="module")
def flair(tmp_path_factory):
    phantom = make_phantom([plausible_lesion(0)], shape=(4, 128, 128))
    return str(write_nifti(phantom, tmp_path_factory.mktemp("phantom"))["flair"])


def engines():
    return ["onnxruntime", pytest.param("openvino", marks=pytest.mark.skipif(not openvino_available(), reason="fast"))]


def left_in(home):
    """Files by folder of the cache, which holds nothing of any scan; any other file by its path."""
    files = [path.relative_to(home) for path in home.rglob("*") if path.is_file()]
    cache = "cache/tumorscope"
    return {path.parts[2] if path.is_relative_to(cache) else str(path) for path in files}


def test_sending_would_be_noticed(home):
    """Else the other tests could not fail."""
    for call in ("connect(('127.0.0.1', 9))", "sendto(b'', ('127.0.0.1', 9))"):
        done = run_sealed(f"import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).{call}", home=home)
        assert done.returncode == -signal.SIGSYS
    assert run_sealed("print(1)", home=home).returncode == 0


@pytest.mark.parametrize("engine", engines())
def test_analyze_sends_nothing_and_leaves_only_its_cache_in_the_home_folder(home, tmp_path, flair, engine):
    done = run_sealed(COMMAND, "analyze", flair, "-o", str(tmp_path / "out"), "--engine", engine, home=home)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "flair" / "analysis.json").is_file()
    assert left_in(home) == ({"networks", "templates"} if engine == "openvino" else {"templates"})


@pytest.mark.parametrize("engine", engines())
def test_the_python_interface_does_so_too(home, flair, engine):
    done = run_sealed(LIBRARY, flair, engine, home=home)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
    assert left_in(home) == ({"networks"} if engine == "openvino" else set())


def test_what_a_user_has_set_stays(monkeypatch):
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED", raising=False)
    telemetry.decline()
    assert (os.environ["ORT_DISABLE_TELEMETRY"], os.environ["RAY_USAGE_STATS_ENABLED"]) == ("0", "0")
