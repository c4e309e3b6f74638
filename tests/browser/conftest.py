from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright")

from browser.running import drop, launch, new_page, nifti_case, running_service, study_of, wait_done
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tumorscope.service.web.routes.page import STATIC

expect.set_options(timeout=30_000)  # tests share the machine with each other and with the worker


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service that runs for all of these tests."""
    assert (STATIC / "index.html").is_file(), "build the viewer first: npm ci && npm run build, in viewer/"
    with running_service(tmp_path_factory.mktemp("service")) as address:
        yield address


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page at 1280×720 in which no script may fail and no policy may be broken."""
    complaints: list[str] = []
    page = new_page(chromium)
    watch(page, complaints)
    yield page
    page.context.close()
    assert complaints == []


def watch(page: Page, complaints: list[str]) -> None:
    """Collect what goes wrong in a page; what the service refuses is told to the user and no fault."""

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(str(error)))


@pytest.fixture(scope="session")
def phantom(base: str, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The id of an analyzed phantom, dropped as a folder of three NIfTI files; tests only look at it."""
    page = new_page(chromium)
    page.goto(base)
    drop(page, nifti_case(tmp_path_factory.mktemp("cases"), "phantom"))
    study = study_of(page)
    page.context.close()
    wait_done(base, study)
    return study


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    return tmp_path / "cases"
