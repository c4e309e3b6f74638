"""Images of the service's page in the documents, all of phantoms.

``python documentation/page_images.py`` starts a service on a free port, uses its page in Chromium as a person does, and
writes ``docs/images``. The static page is drawn where ``make static`` has built it. Run it where the page has changed.
"""

from __future__ import annotations

import io
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from browser.pointing import drag_voxels
from browser.running import (
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
from dicom_making import Grid, write_series
from static_page.serving import serving

from tumorscope.datasets.phantom import make_phantom, plausible_lesion

IMAGES = ROOT / "docs" / "images"
STATIC_PAGE = ROOT / "build" / "static"
MOST_BYTES = 150_000
_GRAYS, _NEARLY_GRAY = 48, 4
_GRID = Grid((24, 256, 256), (5.5, 0.9, 0.9))
_SEQUENCES = ("t1", "flair", "t1c")
_VISITS = {"20240301": 0.7, "20240612": 1.0}
"""Dates of a patient's studies, and the tumor's size at each as a share."""


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(Path(folder)) as base,
        sync_playwright() as playwright,
    ):
        browser = launch(playwright)
        draw_service(browser, base, Path(folder) / "cases")
        if STATIC_PAGE.is_dir():
            draw_static_page(browser)
        else:
            print(f"{IMAGES / 'static-page.png'} stays as it is: `make static` has not built the static page")
        browser.close()


def draw_service(browser: Browser, base: str, cases: Path) -> None:
    page = _page(browser)
    _analyzed(page, base, healthy_case(cases, "healthy"))
    earlier, later = (_analyzed(page, base, visit) for visit in visits(cases))
    phantom = _analyzed(page, base, nifti_case(cases, "phantom"))

    page.goto(f"{base}/#/")
    page.get_by_role("row", name="phantom").get_by_text("Tumor found").wait_for()
    _keep(page, "work-list")

    open_study(page, base, phantom)
    page.keyboard.press("l")
    _keep(page, "study")
    page.keyboard.press("m")
    _keep(page, "planes")
    page.keyboard.press("a")
    page.keyboard.press("b")
    drag_voxels(page, (150, 180), (188, 170))
    _keep(page, "correcting")
    page.context.close()  # a correction that is not saved asks before the page is left

    page = _page(browser)
    page.goto(f"{base}/#/compare/{earlier}/{later}")
    for side in (1, 2):
        page.wait_for_selector(f".side:nth-child({side}) .viewport[data-ready]")
    _keep(page, "comparison")

    tablet = _page(browser, 820, 1180, has_touch=True, is_mobile=True)
    tablet.add_init_script("localStorage.setItem('tumorscope.theme', 'light')")
    open_study(tablet, base, phantom)
    tablet.get_by_label("Second sequence, beside the first").select_option("t1c")
    tablet.wait_for_selector(".second[data-ready]")
    _keep(tablet, "tablet")


def draw_static_page(browser: Browser) -> None:
    page = _page(browser, 1280, 800)
    with serving(STATIC_PAGE) as address:
        page.goto(address)
        page.get_by_role("button", name="Try the example").click()
        page.wait_for_selector(".study[data-state=found]")
        page.get_by_role("button", name="Analyze all").click()
        page.wait_for_selector(".strip")
        page.get_by_label("Activation map").check()
        _keep(page, "static-page")


def visits(cases: Path) -> list[Path]:
    """A DICOM study for each visit of one patient, whose tumor grows."""
    lesion = plausible_lesion(0)
    for date, share in _VISITS.items():
        x, y, z = (radius * share for radius in lesion.radii_mm)
        scan = make_phantom([replace(lesion, radii_mm=(x, y, z))], shape=_GRID.shape, sequences=_SEQUENCES).scan
        for number, sequence in enumerate(_SEQUENCES, 1):
            write_series(
                cases / date,
                sequence,
                _GRID,
                study=date,
                number=number,
                voxels=scan.channel(sequence).astype(np.uint16),
                StudyDate=date,
            )
    return [cases / date for date in _VISITS]


def _page(browser: Browser, width: int = 1280, height: int = 720, **options: bool) -> Page:
    page = new_page(browser, width, height, **options)
    page.set_default_timeout(240_000)
    return page


def _analyzed(page: Page, base: str, case: Path) -> str:
    page.goto(base)
    drop(page, case)
    study = study_of(page)
    wait_done(base, study)
    return study


def _keep(page: Page, name: str) -> None:
    """Once everything is drawn, in few colors."""
    for view in page.locator(".viewport-view").all():
        view.locator(":scope[data-settled][data-loaded]").wait_for()
    page.wait_for_timeout(500)
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    path = IMAGES / f"{name}.png"
    image.quantize(palette=_palette(image), dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path} {path.stat().st_size / 1000:.0f} kB")
    if path.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{path} is larger than {MOST_BYTES // 1000} kB")


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
