"""A service that does not respond for a while: the page says so, and goes on by itself when it responds again."""

from pathlib import Path

from browser.running import ask, drop, healthy_case, study_of, wait_done
from playwright.sync_api import Page, expect

AWAY = "The service does not respond."


def test_a_study_under_way_says_that_the_service_is_away_until_it_is_back(page: Page, base: str, phantom: str) -> None:
    study = ask(f"{base}/api/studies/{phantom}")
    now = {**study, "state": "analyzing", "revision": 0, "progress": {"stage": "analyzing", "done": 3, "total": 24}}
    page.route(f"**/api/studies/{phantom}/events", lambda route: route.abort())
    page.route(f"**/api/studies/{phantom}", lambda route: route.fulfill(json=now))
    page.goto(f"{base}/?canvas#/studies/{phantom}")
    expect(page.get_by_text("Analyzing: slice 3 of 24")).to_be_visible()

    page.unroute(f"**/api/studies/{phantom}")
    page.route(f"**/api/studies/{phantom}", lambda route: route.abort())
    expect(page.get_by_role("status").filter(has_text=AWAY)).to_be_visible()
    page.unroute(f"**/api/studies/{phantom}")

    page.wait_for_selector(".viewport[data-ready]")


def test_a_study_opens_by_itself_once_the_service_responds(page: Page, base: str, phantom: str) -> None:
    page.route(f"**/api/studies/{phantom}", lambda route: route.abort())
    page.goto(f"{base}/?canvas#/studies/{phantom}")
    expect(page.get_by_role("heading", name="This study cannot be shown")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()

    page.unroute(f"**/api/studies/{phantom}")

    page.wait_for_selector(".viewport[data-ready]")
    expect(page.get_by_role("button", name="Delete this study")).to_be_visible()


def test_the_message_of_an_outage_goes_with_it(page: Page, base: str, phantom: str) -> None:
    page.route("**/api/studies?*", lambda route: route.abort())
    page.goto(base)
    message = page.get_by_role("alert").filter(has_text=AWAY)
    expect(message).to_be_visible()

    page.unroute("**/api/studies?*")
    page.get_by_label("Search by name").fill("phantom")

    expect(page.locator(".studies tbody tr").first).to_be_visible()
    expect(message).to_have_count(0)


def test_an_upload_whose_connection_broke_says_so_and_is_sent_again(page: Page, base: str, cases: Path) -> None:
    page.goto(base)
    page.route("**/api/studies", lambda route: route.abort(), times=1)
    drop(page, healthy_case(cases, "interrupted"))

    expect(page.get_by_text("No connection; trying again")).to_be_visible()
    assert wait_done(base, study_of(page))["name"] == "interrupted"
