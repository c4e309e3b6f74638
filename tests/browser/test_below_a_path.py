"""The service behind a proxy that shows it below a path: page, documents, events and downloads."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.reverse_proxy import Shown, shown_below
from browser.running import PATIENCE_S, drop, healthy_case, running_service, study_of
from playwright.sync_api import Page, expect

from tumorscope.client import Client

_LONG_MS = PATIENCE_S * 1000


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One that is told its path by an option, and believes another one from its proxy."""
    options = ("--root-path", "/tumor", "--trusted-proxy", "127.0.0.1")
    with running_service(tmp_path_factory.mktemp("behind"), *options) as address:
        yield address


@pytest.fixture(params=["by-option", "by-header"])
def shown(request: pytest.FixtureRequest, service: str) -> Iterator[Shown]:
    path, cut_off = ("/tumor", False) if request.param == "by-option" else ("/mri/head", True)
    with shown_below(path, service, cut_off) as shown:
        yield shown


def test_a_scan_goes_from_the_drop_to_the_download_below_a_path(
    page: Page, shown: Shown, cases: Path, tmp_path: Path
) -> None:
    page.goto(shown.address)
    assert page.url.startswith(f"{shown.address}/"), "with a slash, from which the page names everything"
    drop(page, healthy_case(cases, "head"))
    study = study_of(page)
    page.wait_for_selector(".viewport[data-ready]", timeout=_LONG_MS)
    assert f"GET /api/studies/{study}/events" in shown.passed

    for name, begins in (("report.pdf", b"%PDF"), ("results.zip", b"PK"), ("mask.nii.gz", b"\x1f\x8b")):
        with page.expect_download() as download:
            page.locator(f'a[data-file="{name}"]').click()
        download.value.save_as(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(begins)

    page.goto(f"{shown.address}/#/")
    expect(page.get_by_role("row", name="head").first).to_contain_text("No tumor found")
    assert shown.strays == []


def test_the_description_of_the_interface_is_shown_and_used_below_a_path(page: Page, shown: Shown) -> None:
    page.goto(f"{shown.address}/docs")
    expect(page.get_by_text("/api/studies", exact=True).first).to_be_visible()
    page.locator("#operations-service-about .opblock-summary-control").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    response = page.locator("#operations-service-about .live-responses-table td.response-col_status").last
    expect(response).to_have_text("200")
    assert "GET /api/about" in shown.passed
    assert shown.strays == []


def test_programs_work_below_a_path_too(shown: Shown, cases: Path, tmp_path: Path) -> None:
    with Client(shown.address) as client:
        (study,) = client.submit(healthy_case(cases, "head")).studies
        done = client.wait(study)
        assert done.state == "done"
        names = {path.name for path in client.download_all(done, tmp_path / "out")}
        client.delete(done)
    assert {"analysis.json", "report.pdf", "mask.nii.gz"} <= names
    assert shown.strays == []
