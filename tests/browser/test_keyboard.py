"""Everything that a mouse can do to read a study, keys can."""

from browser.running import open_study
from playwright.sync_api import Page, expect


def test_a_study_is_found_opened_read_and_left_by_keys_alone(page: Page, base: str, phantom: str) -> None:
    page.goto(f"{base}/?canvas")
    expect(page.locator(".studies tbody tr").first).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("phantom")
    expect(page.locator(".studies tbody tr")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector(".viewport[data-ready]")

    page.keyboard.press("Home")
    expect(page.locator(".where")).to_have_text("Slice 1 of 24")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("PageDown")
    expect(page.locator(".where")).to_have_text("Slice 7 of 24")
    page.keyboard.press("End")
    expect(page.locator(".where")).to_have_text("Slice 24 of 24")
    page.keyboard.press("l")
    expect(page.get_by_role("button", name="Lesion 1:")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("2")
    expect(page.get_by_role("button", name="T1", exact=True)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("r")
    expect(page.get_by_role("button", name="Ruler")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Move", exact=True)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(page.get_by_label("Search by name")).to_be_visible()


def test_the_sheet_of_keys_opens_keeps_the_focus_and_gives_it_back(page: Page, base: str, phantom: str) -> None:
    open_study(page, base, phantom, "?canvas")

    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keys")
    expect(sheet).to_be_visible()
    for _ in range(12):
        page.keyboard.press("Tab")
        # The browser's own frame may take its turn; the page behind never does.
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
    page.keyboard.press("Escape")

    expect(sheet).to_have_count(0)
    expect(page.locator(".viewport")).to_be_visible()


def test_every_control_is_reached_by_tab_and_has_a_name(page: Page, base: str, phantom: str) -> None:
    open_study(page, base, phantom, "?canvas")
    page.locator("body").evaluate("body => { document.activeElement.blur(); }")
    names: list[str] = []
    for _ in range(80):
        page.keyboard.press("Tab")
        name = page.evaluate(
            "(e => e.getAttribute('aria-label') || e.title || e.textContent || e.tagName)(document.activeElement)"
        )
        if name in names[:1] and len(names) > 20:
            break
        names.append(name.strip())

    wanted = ("Ruler", "Brush", "Slices as acquired", "Segmentation opacity", "Findings", "Work list", "Keys and help")
    missing = [name for name in wanted if not any(name in each for each in names)]
    assert missing == []
    assert all(names)
