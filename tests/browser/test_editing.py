from pathlib import Path

import numpy as np
import pytest
from browser.images import Placement, changed, placement, viewport_image, volume
from browser.running import ask, drop, go_to, nifti_case, open_study, study_of, wait_done
from playwright.sync_api import Page, expect


@pytest.fixture
def own(page: Page, base: str, cases: Path) -> str:
    """A study that one test may change."""
    page.goto(base)
    drop(page, nifti_case(cases, "edited", slices=9))
    study = study_of(page)
    wait_done(base, study)
    return study


def test_a_stroke_of_the_brush_is_saved_as_a_version_and_measurements_follow(page: Page, base: str, own: str) -> None:
    before = ask(f"{base}/api/studies/{own}/analysis")
    mask = volume(base, own, "mask") > 0
    open_study(page, base, own)
    index = int(mask.sum(axis=(1, 2)).argmax())
    place = _placement(page, base, own, index)
    row, column = _beside(mask[index])

    page.keyboard.press("b")
    _stroke(page, place, row, column)
    page.get_by_role("button", name="Save as a new version").click()
    wait_done(base, own, revision=2)

    page.wait_for_selector('.viewport[data-revision="2"][data-ready]')
    after = ask(f"{base}/api/studies/{own}/analysis")
    corrected = volume(base, own, "mask", revision=2) > 0
    added = corrected & ~mask
    assert added[index, row, column]
    assert not (mask & ~corrected).any()
    assert set(np.flatnonzero(added.any(axis=(1, 2)))) == {index}
    assert after["corrected"]
    assert after["voxels"] == corrected.sum() == before["voxels"] + added.sum()
    expect(page.get_by_text("Segmentation corrected by hand.")).to_be_visible()
    expect(page.get_by_role("complementary", name="Findings")).to_contain_text(f"{after['volume_mm3'] / 1000:,.1f} ml")

    page.reload()
    page.wait_for_selector('.viewport[data-revision="2"][data-ready]')
    expect(page.get_by_text("version 2 of 2")).to_be_visible()
    page.get_by_role("button", name="Version 1").click()
    page.wait_for_selector('.viewport[data-revision="1"][data-ready]')
    expect(page.get_by_role("complementary", name="Findings")).to_contain_text(f"{before['volume_mm3'] / 1000:,.1f} ml")


def test_on_a_phone_every_control_of_editing_is_in_sight(page: Page, base: str, phantom: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_study(page, base, phantom)
    page.keyboard.press("b")

    bar = page.locator(".editing")
    expect(bar.get_by_role("button", name="Save as a new version")).to_be_in_viewport(ratio=1)
    expect(bar.get_by_role("button", name="Interpolate slices")).to_be_in_viewport(ratio=1)
    assert bar.evaluate("bar => bar.scrollWidth <= bar.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator(".viewport").bounding_box()["height"] > 300  # the image keeps its room


def test_undo_takes_a_stroke_back_and_discard_asks_first(page: Page, base: str, phantom: str) -> None:
    mask = volume(base, phantom, "mask") > 0
    open_study(page, base, phantom, "?canvas")
    index = int(mask.sum(axis=(1, 2)).argmax())
    place = _placement(page, base, phantom, index)
    page.keyboard.press("b")
    clean = viewport_image(page)
    _stroke(page, place, *_beside(mask[index]))
    drawn = viewport_image(page)
    assert changed(clean, drawn).sum() > 20

    page.keyboard.press("Control+z")
    assert changed(clean, viewport_image(page)).sum() < 20
    page.keyboard.press("Control+Shift+z")
    assert changed(drawn, viewport_image(page)).sum() < 20

    page.get_by_role("button", name="Discard").click()
    page.get_by_role("dialog").get_by_role("button", name="Discard").click()
    assert changed(clean, viewport_image(page)).sum() < 20
    expect(page.get_by_role("button", name="Save as a new version")).to_be_disabled()


def test_changes_are_not_lost_without_a_question(page: Page, base: str, phantom: str) -> None:
    mask = volume(base, phantom, "mask") > 0
    open_study(page, base, phantom, "?canvas")
    index = int(mask.sum(axis=(1, 2)).argmax())
    place = _placement(page, base, phantom, index)
    page.keyboard.press("e")
    row, column = np.argwhere(mask[index])[mask[index].sum() // 2]
    _stroke(page, place, int(row), int(column))

    page.get_by_role("link", name="Work list", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.locator(".viewport")).to_be_visible()
    page.get_by_role("link", name="Work list", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Leave").click()

    expect(page.get_by_role("row", name="phantom").first).to_be_visible()


def _placement(page: Page, base: str, study: str, index: int) -> Placement:
    """Go to a slice and see where it lies."""
    go_to(page, index)
    page.keyboard.press("b")  # first, since the row for editing takes height from the stage
    page.keyboard.press("o")
    page.keyboard.press("o")
    bare = viewport_image(page)
    page.keyboard.press("o")
    return placement(bare, volume(base, study, "flair")[index])


def _beside(mask: np.ndarray) -> tuple[int, int]:
    """A voxel of the head some way from the tumor, towards the middle of the image."""
    row, column = (int(value) for value in np.argwhere(mask).mean(axis=0))
    return row, 2 * (mask.shape[1] // 2) - column


def _stroke(page: Page, place: Placement, row: int, column: int) -> None:
    box = page.locator(".viewport-view").bounding_box()
    assert box is not None
    (x0, y0), (x1, y1) = place.at(row, column - 4), place.at(row, column + 4)
    page.mouse.move(box["x"] + x0, box["y"] + y0)
    page.mouse.down()
    page.mouse.move(box["x"] + x1, box["y"] + y1, steps=6)
    page.mouse.up()
