import re

import numpy as np
import pytest
from browser.images import volume
from browser.pointing import click_voxel, drag_voxels
from browser.running import go_to, open_study
from playwright.sync_api import Page, expect
from scipy import ndimage

EMPTY, DRAWN = re.compile(", no tumor segmented$"), re.compile(", tumor segmented$")


@pytest.fixture
def mask(base: str, phantom: str) -> np.ndarray:
    return volume(base, phantom, "mask") > 0


def slices(page: Page):
    return page.get_by_role("slider", name="Slice", exact=True)


def test_a_lesion_is_removed_by_a_click_and_undo_brings_it_back(page: Page, base: str, phantom: str, mask) -> None:
    index = int(mask.sum(axis=(1, 2)).argmax())
    row, column = np.argwhere(mask[index])[mask[index].sum() // 2]
    labels, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    lesion = labels == labels[index, row, column]
    first, last = np.flatnonzero(lesion.any(axis=(1, 2)))[[0, -1]]
    open_study(page, base, phantom, "?canvas")
    go_to(page, index)
    page.keyboard.press("d")

    click_voxel(page, row, column)

    expect(
        page.get_by_text(f"Lesion removed: {lesion.sum():,} voxels on slices {first + 1} to {last + 1}.")
    ).to_be_visible()
    expect(slices(page)).to_have_attribute("aria-valuetext", EMPTY)
    page.keyboard.press("Control+z")
    expect(slices(page)).to_have_attribute("aria-valuetext", DRAWN)
    expect(page.get_by_role("button", name="Save as a new version")).to_be_disabled()


def test_a_hole_is_filled_and_an_open_place_is_not(page: Page, base: str, phantom: str, mask) -> None:
    index = int(mask.sum(axis=(1, 2)).argmax())
    deep = ndimage.distance_transform_edt(mask[index])
    row, column = np.unravel_index(deep.argmax(), deep.shape)
    open_study(page, base, phantom, "?canvas")
    go_to(page, index)
    page.keyboard.press("e")
    click_voxel(page, row, column)
    page.keyboard.press("h")

    click_voxel(page, 5, 5)
    expect(page.get_by_text("close the contour first")).to_be_visible()
    click_voxel(page, row, column)

    expect(page.get_by_text(re.compile(r"^Filled: \d+ voxels\.$"))).to_be_visible()


def test_slices_between_two_drawn_ones_are_interpolated_and_named(page: Page, base: str, phantom: str, mask) -> None:
    assert not mask[:6].any()
    open_study(page, base, phantom, "?canvas")
    page.keyboard.press("b")
    for index in (1, 4):
        go_to(page, index)
        click_voxel(page, 128, 128)
    go_to(page, 2)
    page.keyboard.press("i")
    expect(page.get_by_text("Slices 3 to 4 were interpolated between 2 and 5")).to_be_visible()
    expect(slices(page)).to_have_attribute("aria-valuetext", DRAWN)


def test_contours_that_do_not_overlap_are_connected_only_after_a_question(page: Page, base: str, phantom: str) -> None:
    open_study(page, base, phantom, "?canvas")
    page.keyboard.press("b")
    for index, column in ((1, 90), (4, 160)):
        go_to(page, index)
        click_voxel(page, 128, column)
    go_to(page, 2)
    interpolate = page.get_by_role("button", name="Interpolate slices")
    interpolate.click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(slices(page)).to_have_attribute("aria-valuetext", EMPTY)
    interpolate.click()
    page.get_by_role("dialog").get_by_role("button", name="Move the contour").click()
    expect(slices(page)).to_have_attribute("aria-valuetext", DRAWN)


def test_the_threshold_brush_leaves_other_intensities_alone(page: Page, base: str, phantom: str, mask) -> None:
    brightest = volume(base, phantom, "flair").max()
    open_study(page, base, phantom, "?canvas")
    go_to(page, 1)
    page.keyboard.press("b")
    page.get_by_role("checkbox", name="Only intensities").check()
    low = page.get_by_label("Darkest intensity that the brush changes")
    page.get_by_label("Brightest intensity that the brush changes").fill(str(brightest + 2))
    low.fill(str(brightest + 1))
    low.press("Tab")
    drag_voxels(page, (128, 110), (128, 140))
    save = page.get_by_role("button", name="Save as a new version")
    expect(save).to_be_disabled()
    low.fill("0")
    low.press("Tab")
    drag_voxels(page, (128, 110), (128, 140))
    expect(save).to_be_enabled()
