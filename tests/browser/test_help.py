import csv
import urllib.request

from browser.running import open_study, study_of
from playwright.sync_api import Page, expect


def test_a_word_is_explained_where_it_stands_and_escape_closes_only_that(page: Page, base: str, phantom: str) -> None:
    open_study(page, base, phantom, "?canvas")
    page.get_by_role("button", name="What is meant: Presence probability").click()
    tip = page.get_by_role("note").filter(has_text="calibrated")
    expect(tip).to_be_visible()
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    expect(page.locator(".viewport")).to_be_visible()


def test_where_the_volume_cannot_be_shown_the_button_says_why(page: Page, base: str, phantom: str) -> None:
    open_study(page, base, phantom, "?canvas")
    volume = page.get_by_role("button", name="Volume", exact=True)
    expect(volume).to_have_attribute("aria-disabled", "true")
    volume.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="plain drawing")).to_be_visible()
    expect(page.locator(".viewport-view")).to_have_attribute("data-layout", "acquired")


def test_where_it_can_be_shown_it_is(page: Page, base: str, phantom: str) -> None:
    open_study(page, base, phantom)
    page.get_by_role("button", name="Volume", exact=True).click()
    expect(page.locator('.viewport-view[data-layout="volume"][data-renderer="niivue"]')).to_be_visible()


def test_tools_that_do_not_work_in_3d_say_so_and_change_nothing(page: Page, base: str, phantom: str) -> None:
    open_study(page, base, phantom)
    page.get_by_role("button", name="Volume", exact=True).click()
    brush = page.get_by_role("button", name="Brush", exact=True)
    expect(brush).to_have_attribute("aria-disabled", "true")
    brush.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="not in 3D")).to_be_visible()
    expect(brush).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="Slices as acquired").click()
    expect(brush).not_to_have_attribute("aria-disabled", "true")


def test_the_list_is_a_table_for_spreadsheets(page: Page, base: str, phantom: str) -> None:
    page.goto(base)
    page.get_by_role("searchbox", name="Search by name").fill("phantom")
    expect(page.get_by_role("link", name="CSV")).to_have_attribute("href", "api/studies.csv?search=phantom")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(download.value.path().read_text("utf-8").splitlines()))
    assert phantom in {row["study"] for row in rows}


def test_a_demo_scan_is_one_click_away(page: Page, base: str) -> None:
    page.goto(base)
    page.get_by_role("button", name="Try a demo scan").click(timeout=60_000)
    page.wait_for_url("**/#/studies/*", timeout=180_000)
    study = study_of(page)
    expect(page.get_by_role("heading", name="demo scan")).to_be_visible()
    urllib.request.urlopen(urllib.request.Request(f"{base}/api/studies/{study}", method="DELETE"))
