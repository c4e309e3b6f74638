"""A failed study is tried again with what its files do not say, where its failure is told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from browser.running import PATIENCE_S, ask, drop, healthy_case, new_page, study_of, wait_done
from playwright.sync_api import Browser, Page, expect

_LONG_MS = PATIENCE_S * 1000
_LENGTHS = [f"Distance from {axis} to {axis}, mm" for axis in ("column", "row", "slice")]
_NAME, _SEQUENCE = "File, folder or DICOM series", "What it shows"


@pytest.fixture
def failed(page: Page, base: str, cases: Path) -> str:
    """The id of a study that failed for its voxel size, which is shown."""
    page.goto(base)
    page.get_by_text("Options for scans that do not say enough").click()
    for each in _LENGTHS:
        page.get_by_label(each).fill("3")
    page.get_by_label(_NAME).fill("odd.nii.gz")
    page.get_by_label(_SEQUENCE).select_option(label="FLAIR")
    drop(page, healthy_case(cases, "odd"))
    study = study_of(page)
    expect(page.get_by_role("heading", name="This could not be analyzed")).to_be_visible(timeout=_LONG_MS)
    return study


def in_force(base: str, study: str) -> Any:
    return ask(f"{base}/api/studies/{study}")["reading"]


def test_the_options_in_force_are_shown_changed_and_followed_by_keys_alone(page: Page, base: str, failed: str) -> None:
    status = page.get_by_role("status").filter(has_text="leave out the spacing")
    expect(status).to_contain_text("Change the option “Voxel size” below, then try again.")
    for each in _LENGTHS:
        expect(page.get_by_label(each)).to_have_value("3")
    expect(page.get_by_label(_NAME)).to_have_value("odd.nii.gz")
    expect(page.get_by_label(_SEQUENCE)).to_have_value("flair")

    page.get_by_role("checkbox", name="Align the series to each other").focus()
    page.keyboard.press("Space")
    for number, each in enumerate(_LENGTHS):
        page.keyboard.press("Tab")
        if number == 0:
            page.keyboard.press("Tab")  # the explanation of the option before
        expect(page.get_by_label(each)).to_be_focused()
        page.keyboard.press("Control+A")
        page.keyboard.press("Delete")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="This could not be analyzed")).to_be_hidden()
    wait_done(base, failed)
    assert in_force(base, failed) == {"register": True, "spacing": None, "sequences": {"odd.nii.gz": "flair"}}
    expect(page.locator(".viewport")).to_be_visible(timeout=_LONG_MS)


def test_what_is_not_accepted_is_told_and_stays_in_the_fields(page: Page, base: str, failed: str) -> None:
    again = page.get_by_role("button", name="Try again")
    page.get_by_label(_LENGTHS[0]).fill("")
    again.click()
    expect(page.get_by_text("The voxel size needs three lengths in mm")).to_be_visible()

    page.get_by_label(_LENGTHS[0]).fill("1.5")
    page.get_by_label(_NAME).fill("even.nii.gz")
    again.click()
    expect(page.get_by_text("of the upload is named 'even.nii.gz'; check it")).to_be_visible()

    expect(page.get_by_label(_NAME)).to_have_value("even.nii.gz")
    assert ask(f"{base}/api/studies/{failed}")["state"] == "failed"
    assert in_force(base, failed)["spacing"] == [3, 3, 3]


def test_the_list_leads_to_the_options_that_a_failure_asks_for(page: Page, base: str, failed: str) -> None:
    page.goto(f"{base}/#/")
    row = page.locator(".studies tbody tr").filter(has=page.locator(f'a[href$="{failed}"]'))
    row.get_by_role("button", name="Try odd again with other options").click()
    page.wait_for_url(re.compile(f"#/studies/{failed}"))
    expect(page.get_by_label(_LENGTHS[0])).to_be_visible()
    assert ask(f"{base}/api/studies/{failed}")["state"] == "failed"


@pytest.mark.parametrize("size", [(390, 844), (640, 400)], ids=["phone", "at 200 %"])
def test_the_options_fit_or_are_scrolled_to(chromium: Browser, base: str, failed: str, size: tuple[int, int]) -> None:
    page = new_page(chromium, *size)
    page.goto(f"{base}/#/studies/{failed}")
    for each in (page.get_by_role("heading", name="This could not"), page.get_by_role("button", name="Try again")):
        each.scroll_into_view_if_needed()
        expect(each).to_be_in_viewport(ratio=0.9)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    tops = {round(box["y"]) for each in _LENGTHS if (box := page.get_by_label(each).bounding_box())}
    assert len(tops) == 1, "the three lengths are beside each other"
    page.context.close()
