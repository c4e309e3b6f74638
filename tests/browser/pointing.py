"""Clicks at voxels, by the panes that the viewport tells."""

from __future__ import annotations

import json

from playwright.sync_api import Locator, Page


def screen_of(view: Locator, row: float, column: float) -> tuple[float, float]:
    """Where a voxel of the slice shown is in the window, in CSS pixels."""
    pane = json.loads(view.get_attribute("data-panes") or "[]")[0]
    box = view.bounding_box()
    assert box is not None
    (x_scale, x_start), (y_scale, y_start) = pane["x"], pane["y"]
    return box["x"] + x_scale * column + x_start, box["y"] + y_scale * row + y_start


def click_voxel(page: Page, row: float, column: float, view: Locator | None = None) -> None:
    """Click at a voxel of the slice shown, once the images stand still."""
    page.wait_for_selector('.viewport-view[data-settled][data-mask="loaded"]')
    page.mouse.click(*screen_of(view or page.locator(".viewport-view").first, row, column))


def drag_voxels(page: Page, start: tuple[float, float], end: tuple[float, float], view: Locator | None = None) -> None:
    """Drag from one (row, column) of the slice shown to another."""
    page.wait_for_selector('.viewport-view[data-settled][data-mask="loaded"]')
    view = view or page.locator(".viewport-view").first
    page.mouse.move(*screen_of(view, *start))
    page.mouse.down()
    page.mouse.move(*screen_of(view, *end), steps=6)
    page.mouse.up()
