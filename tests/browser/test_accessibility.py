"""axe finds nothing on any screen, in either theme; and everything fits where it is used."""

import io
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser.running import ask, new_page, open_study
from playwright.sync_api import Browser, Page, expect
from pypdf import PdfReader

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}

SIZES = {
    "small desktop": {"width": 1280, "height": 720},
    "tablet": {"width": 1024, "height": 768, "has_touch": True, "is_mobile": True},
    "tablet upright": {"width": 820, "height": 1180, "has_touch": True, "is_mobile": True},
}


def _list(page: Page, base: str, study: str) -> None:
    page.goto(base)
    expect(page.locator(".studies tbody tr").first).to_be_visible()


def _empty(page: Page, base: str, study: str) -> None:
    page.route("**/api/studies?*", lambda route: route.fulfill(json={"studies": [], "next": None, "total": 0}))
    page.goto(base)
    expect(page.get_by_text("Nothing here yet.")).to_be_visible()


def _waiting(page: Page, base: str, study: str) -> None:
    _in_work(page, base, study, "analyzing")
    expect(page.get_by_role("heading", name="Being analyzed")).to_be_visible()


def _failed(page: Page, base: str, study: str) -> None:
    _in_work(page, base, study, "failed")
    expect(page.get_by_role("heading", name="This could not be analyzed")).to_be_visible()


def _failed_for_an_option(page: Page, base: str, study: str) -> None:
    _in_work(page, base, study, "failed", "flair and t1 have different grids; give --register to co-register them")
    expect(page.get_by_role("checkbox", name="Align the series to each other")).to_be_visible()


def _in_work(page: Page, base: str, study: str, state: str, failure: str = "damaged") -> None:
    progress = {"stage": "analyzing", "done": 12, "total": 60}
    told = {
        **ask(f"{base}/api/studies/{study}"),
        "state": state,
        "revision": 0,
        "progress": progress,
        "failure": failure,
    }
    page.route(f"**/api/studies/{study}", lambda route: route.fulfill(json=told))
    page.route(f"**/api/studies/{study}/events", lambda route: route.abort())
    page.goto(f"{base}/#/studies/{study}")


def _study(page: Page, base: str, study: str) -> None:
    open_study(page, base, study, "?canvas")  # which is drawn sooner; what is around it is the same


def _correcting(page: Page, base: str, study: str) -> None:
    _study(page, base, study)
    page.keyboard.press("b")
    expect(page.get_by_role("toolbar", name="Correct the segmentation")).to_be_visible()


def _side_by_side(page: Page, base: str, study: str) -> None:
    _study(page, base, study)
    page.keyboard.press("s")
    page.wait_for_selector(".second[data-ready]")
    page.get_by_role("button", name="What is meant: Presence probability").click()
    expect(page.get_by_role("note").filter(has_text="calibrated")).to_be_visible()


def _comparison(page: Page, base: str, study: str) -> None:
    page.goto(f"{base}/#/compare/{study}/{study}")
    page.wait_for_selector(".side:nth-child(2) .viewport[data-ready]")


def _keys(page: Page, base: str, study: str) -> None:
    _study(page, base, study)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


def _question(page: Page, base: str, study: str) -> None:
    _list(page, base, study)
    page.get_by_role("button", name="Delete phantom").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()


SCREENS: dict[str, Callable[[Page, str, str], None]] = {
    "list": _list, "empty": _empty, "waiting": _waiting, "failed": _failed,
    "failed for an option": _failed_for_an_option, "study": _study,
    "correcting": _correcting, "side by side": _side_by_side, "comparison": _comparison, "keys": _keys, "question": _question,
}  # fmt: skip


@pytest.mark.parametrize("screen", SCREENS)
def test_axe_finds_nothing_in_either_theme(page: Page, base: str, phantom: str, screen: str) -> None:
    page.emulate_media(reduced_motion="reduce")
    SCREENS[screen](page, base, phantom)

    for theme in ("dark", "light"):
        page.locator("html").evaluate("(html, theme) => { html.dataset.theme = theme; }", theme)
        results = Axe().run(page, options=RULES)
        assert results.violations_count == 0, f"{theme}: {results.generate_report()}"


@pytest.mark.parametrize("size", SIZES)
def test_every_screen_fits_with_the_notice_in_sight(chromium: Browser, base: str, phantom: str, size: str) -> None:
    page = new_page(chromium, **SIZES[size])
    for screen in (_list, _study, _correcting):
        screen(page, base, phantom)

        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        notice = page.get_by_text("Research use only. Not a medical device; not for diagnosis or treatment.").first
        box = notice.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= SIZES[size]["height"]
        if screen is not _list:
            stage = page.locator(".viewport-view").bounding_box()
            assert stage is not None
            assert stage["height"] >= 330
            assert stage["width"] >= 480
    page.context.close()


@pytest.mark.parametrize("size", [(640, 400), (844, 390), (390, 500)], ids=["at 200 %", "phone on its side", "small"])
def test_in_a_low_window_the_images_keep_their_room_and_the_page_scrolls(
    chromium: Browser, base: str, phantom: str, size: tuple[int, int]
) -> None:
    page = new_page(chromium, *size)
    for screen, images in ((_study, 1), (_correcting, 1), (_comparison, 2)):
        screen(page, base, phantom)

        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for image in page.locator(".viewport-view").all()[:images]:
            image.scroll_into_view_if_needed()
            box = image.bounding_box()
            assert box is not None
            assert box["height"] >= 180
        if screen is _study:
            page.get_by_role("link", name="Findings (JSON)").scroll_into_view_if_needed()
            expect(page.get_by_role("link", name="Findings (JSON)")).to_be_in_viewport()
        expect(page.get_by_text("Research use only.").first).to_be_in_viewport()
    page.context.close()


def test_what_is_printed_is_dark_on_white_and_says_what_it_is_for(page: Page, base: str, phantom: str) -> None:
    _study(page, base, phantom)
    page.evaluate("addEventListener('beforeprint', () => { window.printed = document.documentElement.dataset.theme; })")

    text = PdfReader(io.BytesIO(page.pdf())).pages[0].extract_text()

    assert page.evaluate("window.printed") == "light"
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert "Research use only" in text
    assert "Tumor found" in text
    assert "Eraser" not in text


def test_dark_unless_asked_otherwise_and_the_choice_stays(page: Page, base: str) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(base)
    root = page.locator("html")
    expect(root).to_have_attribute("data-theme", "dark")

    page.get_by_role("button", name="Colors: Dark").click()
    expect(root).to_have_attribute("data-theme", "light")
    page.reload()
    expect(root).to_have_attribute("data-theme", "light")
    page.get_by_role("button", name="Colors: Light").click()
    page.emulate_media(color_scheme="dark")

    expect(page.get_by_role("button", name="Colors: As the device")).to_be_visible()
    expect(root).to_have_attribute("data-theme", "dark")


def test_the_interfaces_description_is_shown_without_anything_from_elsewhere(page: Page, base: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.goto(f"{base}/docs")

    expect(page.get_by_role("heading", name="Tumorscope")).to_be_visible()
    assert [address for address in asked if not address.startswith((base, "data:", "blob:"))] == []
