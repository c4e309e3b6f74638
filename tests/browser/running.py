"""A service with a worker of its own, a browser before it, and cases to give them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dicom_making import Grid, write_study
from playwright.sync_api import Browser, CDPSession, Page, Playwright, expect

from tumorscope.datasets.phantom import demo_phantom, make_phantom, write_nifti

PATIENCE_S = 240
"""For an analysis on a busy machine; idle ones take a few seconds."""

_CHROMIUM = Path("/usr/bin/chromium")
_SOFTWARE_WEBGL = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
_ADDRESS = re.compile(r"http://[\d.]+:\d+")


@contextmanager
def running_service(folder: Path, *options: str) -> Iterator[str]:
    """`tumorscope serve` on a free port, with these options besides; gives its address."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "serve.log"
    command = [
        sys.executable,
        "-m",
        "tumorscope",
        "serve",
        "--port",
        "0",
        "--workers",
        "1",
        "--data",
        str(folder / "data"),
        *options,
    ]
    with log.open("wb") as out:
        server = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        yield _address(server, log)
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(180)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _address(server: subprocess.Popen, log: Path) -> str:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        found = _ADDRESS.search(log.read_text(errors="replace"))
        if found:
            return found[0]
        assert server.poll() is None, f"the service ended: {log.read_text(errors='replace')}"
        time.sleep(0.1)
    raise AssertionError("the service does not start")


def launch(playwright: Playwright) -> Browser:
    """Debian's Chromium, or Playwright's own where that is not there; WebGL2 in software."""
    path = str(_CHROMIUM) if _CHROMIUM.exists() else None
    return playwright.chromium.launch(executable_path=path, args=_SOFTWARE_WEBGL)


def new_page(browser: Browser, width: int = 1280, height: int = 720, **options: Any) -> Page:
    """A page in a context of its own; whatever the browser calls an error fails the test at the end."""
    page = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True, **options).new_page()
    page.set_default_timeout(30_000)
    return page


def drop(page: Page, *paths: Path) -> None:
    """Drop files and folders from the desktop, as a person does."""
    page.locator(".drop").wait_for()
    browser: CDPSession = page.context.new_cdp_session(page)
    size = page.viewport_size
    assert size is not None
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        event = {"type": kind, "x": size["width"] // 2, "y": size["height"] // 2, "data": data}
        browser.send("Input.dispatchDragEvent", event)


def ask(address: str) -> Any:
    """The JSON of a response of the service."""
    with urllib.request.urlopen(address) as response:
        return json.load(response)


def wait_done(base: str, study: str, revision: int = 1) -> dict[str, Any]:
    """The study, once a revision is there."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        found = ask(f"{base}/api/studies/{study}")
        assert found["state"] != "failed", found["failure"]
        if found["state"] == "done" and found["revision"] >= revision:
            return found
        time.sleep(0.2)
    raise AssertionError(f"study {study} is not done")


def study_of(page: Page) -> str:
    """The id in the page's address."""
    page.wait_for_url("**/#/studies/*")
    return page.url.rpartition("/")[2]


def open_study(page: Page, base: str, study: str, query: str = "") -> None:
    """Open a study and wait for its image."""
    page.goto(f"{base}/{query}#/studies/{study}")
    page.wait_for_selector(".viewport[data-ready]", timeout=PATIENCE_S * 1000)


def go_to(page: Page, index: int) -> None:
    """Go to a slice by keys."""
    page.keyboard.press("Home")
    for key, times in (("PageDown", index // 5), ("ArrowDown", index % 5)):
        for _ in range(times):
            page.keyboard.press(key)
    expect(page.locator(".where")).to_have_text(re.compile(rf"^Slice {index + 1} of "))


def nifti_case(folder: Path, name: str, slices: int = 24) -> Path:
    """A folder with a phantom's sequences, 256×256, and one tumor."""
    files = write_nifti(demo_phantom(shape=(slices, 256, 256)), folder / name)
    files["mask"].unlink()
    return folder / name


def healthy_case(folder: Path, name: str) -> Path:
    """A small head without a tumor, FLAIR only, as one file."""
    files = write_nifti(make_phantom([], seed=2, shape=(9, 128, 128), sequences=("flair",)), folder / name)
    return files["flair"].rename(folder / f"{name}.nii.gz")


def dicom_case(folder: Path, name: str) -> Path:
    """A folder with two DICOM series of one study."""
    return write_study(folder / name, ("flair", "t1c"), Grid(shape=(12, 128, 128), spacing_mm=(11.0, 1.8, 1.8)))
