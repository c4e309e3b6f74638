import re

from browser.pointing import drag_voxels
from browser.running import go_to, open_study
from playwright.sync_api import Page, expect


def test_two_sequences_scroll_together_and_share_the_mask(page: Page, base: str, phantom: str) -> None:
    open_study(page, base, phantom, "?canvas")
    go_to(page, 10)
    page.get_by_label("Second sequence, beside the first").select_option("t1c")
    second = page.locator(".second .viewport-view")
    first = page.locator(".viewport:not(.second) .viewport-view")
    expect(second).to_have_attribute("data-sequence", "t1c")
    expect(first).to_have_attribute("data-sequence", "flair")
    expect(second).to_have_attribute("data-slice", "10")

    second.hover()
    page.mouse.wheel(0, 120)

    expect(page.locator(".where")).not_to_have_text("Slice 11 of 24")
    expect(second).to_have_attribute("data-slice", first.get_attribute("data-slice") or "")
    before = first.get_attribute("data-drawing") or ""
    page.keyboard.press("b")
    drag_voxels(page, (128, 110), (128, 130), second)
    expect(first).not_to_have_attribute("data-drawing", before)
    page.keyboard.press("Control+z")
    page.keyboard.press("n")
    page.get_by_label("Second sequence, beside the first").select_option("none")
    expect(second).to_have_count(0)


def test_a_ruler_stays_until_it_is_deleted(page: Page, base: str, phantom: str) -> None:
    open_study(page, base, phantom, "?canvas")
    go_to(page, 10)
    page.keyboard.press("r")
    drag_voxels(page, (100, 100), (100, 150))
    ruler = page.get_by_role("region", name="Rulers").get_by_role("button", name=re.compile(r"^45\.\d mm slice 11$"))
    expect(ruler).to_be_visible()

    page.reload()
    page.wait_for_selector(".viewport[data-ready]")
    go_to(page, 3)
    ruler.click()
    expect(page.locator(".where")).to_have_text("Slice 11 of 24")
    page.get_by_role("button", name=re.compile("^Delete the ruler of 45")).click()
    expect(page.get_by_role("region", name="Rulers")).to_be_hidden()
    page.reload()
    page.wait_for_selector(".viewport[data-ready]")
    expect(ruler).to_have_count(0)


def test_two_studies_scroll_together_until_they_are_set_apart(page: Page, base: str, phantom: str) -> None:
    page.goto(f"{base}/#/compare/{phantom}/{phantom}")
    views = page.locator(".side .viewport-view")
    page.wait_for_selector(".side:nth-child(2) .viewport[data-ready]")
    page.wait_for_selector(".side:nth-child(1) .viewport[data-ready]")
    expect(page.locator(".link-how")).to_contain_text("by position")
    start = int(views.nth(1).get_attribute("data-slice") or 0)
    expect(views.nth(0)).to_have_attribute("data-slice", str(start))

    page.keyboard.press("ArrowDown")
    expect(views.nth(0)).to_have_attribute("data-slice", str(start + 1))
    page.get_by_role("button", name="Linked").click()
    views.nth(1).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(views.nth(1)).to_have_attribute("data-slice", str(start + 3))
    expect(views.nth(0)).to_have_attribute("data-slice", str(start + 1))
    page.get_by_role("button", name="Linked").click()
    expect(page.locator(".link-how")).to_contain_text("moved by 11.0 mm")
    views.nth(0).focus()
    page.keyboard.press("ArrowUp")
    expect(views.nth(1)).to_have_attribute("data-slice", str(start + 2))


def test_what_cannot_be_compared_says_why_and_leads_back(page: Page, base: str, phantom: str) -> None:
    page.goto(f"{base}/#/compare/{phantom}/AAAAAAAAAAAAAAAA")
    expect(page.get_by_text("There is no such study")).to_be_visible()
    expect(page.get_by_role("button", name="Linked")).to_be_hidden()
    page.get_by_role("link", name="To the work list").click()
    expect(page.get_by_role("row", name="phantom").first).to_be_visible()
