"""Draws the documentation's images of the pages, of phantoms only; of the static page where it is built.

.venv/bin/python tests/browser/screenshots.py
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, Playwright, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from browser.running import (
    dicom_case,
    drop,
    healthy_case,
    launch,
    new_page,
    nifti_case,
    open_study,
    running_service,
    study_of,
    wait_done,
)
from static_page.serving import serving

_GRAYS, _NEARLY_GRAY = 64, 4
IMAGES = Path(__file__).parents[2] / "docs" / "images"
STATIC_PAGE = Path(__file__).parents[2] / "build" / "static"


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(Path(folder)) as base,
        sync_playwright() as playwright,
    ):
        draw(playwright, base, Path(folder) / "cases")
        if STATIC_PAGE.is_dir():
            draw_static_page(playwright)


def draw(playwright, base: str, cases: Path) -> None:
    browser = launch(playwright)
    page = new_page(browser)
    page.set_default_timeout(240_000)
    studies = [_added(page, base, path) for path in (healthy_case(cases, "healthy"), dicom_case(cases, "dicom-study"))]
    page.goto(base)
    drop(page, nifti_case(cases, "phantom"))
    phantom = study_of(page)
    page.get_by_role("heading", name="Being analyzed").wait_for()
    _keep(page, "waiting")
    studies.append(phantom)
    wait_done(base, phantom)

    page.goto(f"{base}/#/")
    page.get_by_role("row", name="phantom").get_by_text("Tumor found").wait_for()
    _keep(page, "work-list")
    open_study(page, base, phantom)
    page.get_by_role("button", name="Lesion 1:").click()
    page.locator(".viewport-view").focus()
    _keep(page, "study")
    page.keyboard.press("m")
    _keep(page, "planes")
    page.keyboard.press("a")
    page.keyboard.press("b")
    page.keyboard.press("o")
    box = page.locator(".viewport-view").bounding_box()
    assert box is not None
    for step, (x, y) in enumerate([(0.59, 0.72), (0.62, 0.66), (0.61, 0.58)]):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=8)
        if step == 0:
            page.mouse.down()
    page.mouse.up()
    _keep(page, "correcting")
    page.keyboard.press("?")
    _keep(page, "keys")

    tablet = new_page(browser, 820, 1180, has_touch=True, is_mobile=True)
    tablet.add_init_script("localStorage.setItem('tumorscope.theme', 'light')")
    open_study(tablet, base, phantom)
    _keep(tablet, "tablet")
    browser.close()


def draw_static_page(playwright: Playwright) -> None:
    browser = launch(playwright)
    page = new_page(browser, 1280, 800)
    page.set_default_timeout(240_000)
    with serving(STATIC_PAGE) as address:
        page.goto(address)
        page.get_by_role("button", name="Try the example").click()
        page.wait_for_selector(".study[data-state=found]")
        page.get_by_role("button", name="Analyze all").click()
        page.wait_for_selector(".strip")
        page.get_by_label("Activation map").check()
        _keep(page, "static-page")
    browser.close()


def _added(page: Page, base: str, case: Path) -> str:
    page.goto(base)
    drop(page, case)
    study = study_of(page)
    wait_done(base, study)
    return study


def _keep(page: Page, name: str) -> None:
    """Once everything is drawn, in few colors."""
    if page.locator(".viewport-view").count():
        page.wait_for_selector(".viewport-view[data-settled][data-loaded]")
    page.wait_for_timeout(500)
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    IMAGES.mkdir(parents=True, exist_ok=True)
    path = IMAGES / f"{name}.png"
    image.quantize(palette=_palette(image), dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path} {path.stat().st_size / 1000:.0f} kB")


def _palette(image: Image.Image) -> Image.Image:
    """Grays for the images and the image's own other colors, which there are fewer pixels of."""
    pixels = np.asarray(image).reshape(-1, 3)
    colored = pixels[np.ptp(pixels, axis=1) > _NEARLY_GRAY]
    own = Image.fromarray(colored[None]).quantize(256 - _GRAYS).getpalette() or []
    grays = np.linspace(0, 255, _GRAYS).round().astype(int).repeat(3).tolist()
    palette = Image.new("P", (1, 1))
    palette.putpalette(grays + own)
    return palette


if __name__ == "__main__":
    main()
