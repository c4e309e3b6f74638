"""Draws the documentation's pictures of the page anew, of the phantom only.

.venv/bin/python tests/browser/screenshots.py
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

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

_GREYS, _NEARLY_GREY = 64, 4
PICTURES = Path(__file__).parents[2] / "docs" / "pictures"


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(Path(folder)) as base,
        sync_playwright() as playwright,
    ):
        draw(playwright, base, Path(folder) / "cases")


def draw(playwright, base: str, cases: Path) -> None:
    browser = launch(playwright)
    page = new_page(browser)
    page.set_default_timeout(240_000)
    studies = [_added(page, base, path) for path in (healthy_case(cases, "healthy"), dicom_case(cases, "dicom-study"))]
    page.goto(base)
    drop(page, nifti_case(cases, "phantom"))
    phantom = study_of(page)
    page.get_by_role("heading", name="Being analysed").wait_for()
    _keep(page, "waiting")
    studies.append(phantom)
    wait_done(base, phantom)

    page.goto(f"{base}/#/")
    page.get_by_role("row", name="phantom").get_by_text("Tumour found").wait_for()
    _keep(page, "work-list")
    open_study(page, base, phantom)
    page.get_by_role("button", name="Lesion 1:").click()
    page.locator(".stage-view").focus()
    _keep(page, "study")
    page.keyboard.press("m")
    _keep(page, "planes")
    page.keyboard.press("a")
    page.keyboard.press("b")
    page.keyboard.press("o")
    box = page.locator(".stage-view").bounding_box()
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


def _added(page: Page, base: str, case: Path) -> str:
    page.goto(base)
    drop(page, case)
    study = study_of(page)
    wait_done(base, study)
    return study


def _keep(page: Page, name: str) -> None:
    """Once everything is drawn, in few colours."""
    if page.locator(".stage-view").count():
        page.wait_for_selector(".stage-view[data-settled][data-loaded]")
    page.wait_for_timeout(500)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    PICTURES.mkdir(parents=True, exist_ok=True)
    path = PICTURES / f"{name}.png"
    picture.quantize(palette=_palette(picture), dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path} {path.stat().st_size / 1000:.0f} kB")


def _palette(picture: Image.Image) -> Image.Image:
    """Greys for the images and the picture's own other colours, which there are fewer pixels of."""
    pixels = np.asarray(picture).reshape(-1, 3)
    coloured = pixels[np.ptp(pixels, axis=1) > _NEARLY_GREY]
    own = Image.fromarray(coloured[None]).quantize(256 - _GREYS).getpalette() or []
    greys = np.linspace(0, 255, _GREYS).round().astype(int).repeat(3).tolist()
    palette = Image.new("P", (1, 1))
    palette.putpalette(greys + own)
    return palette


if __name__ == "__main__":
    main()
