from dataclasses import replace

import numpy as np
import pytest

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.scan import Scan
from tumorscope.reporting import panel as panels
from tumorscope.reporting.panel import Layout, draw_panel
from tumorscope.reporting.png import encode_png
from tumorscope.reporting.slice_selection import choose_slices
from tumorscope.reporting.tiles import TILE_HEIGHT, View, frame_head, shape_tile, window


@pytest.fixture
def drawn(monkeypatch):
    """``drawn(analysis, truth)``: the panel, where its tiles are, and what they show."""
    made = []

    def watched(*arguments):
        made.append(Layout(*arguments))
        return made[-1]

    monkeypatch.setattr(panels, "Layout", watched)

    def draw(analysis, truth=None):
        image = np.asarray(draw_panel(analysis, truth)).astype(int)
        layout = made[-1]

        def tile(row: int, column: str) -> np.ndarray:
            left, top = layout.corner(row, layout.columns.index(column))
            return image[top : top + layout.tile_height, left : left + layout.tile_width]

        return image, layout, tile

    return draw


def colored(tile: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a tile is red, and where it is green."""
    red, green, blue = tile[..., 0], tile[..., 1], tile[..., 2]
    return red - np.maximum(green, blue) > 25, green - np.maximum(red, blue) > 25


def overlap(found: np.ndarray, mask: np.ndarray, view: View) -> float:
    expected = np.asarray(shape_tile(mask, view).inside) > 127
    return 2 * (found & expected).sum() / (found.sum() + expected.sum())


def test_with_a_true_mask_a_row_has_the_five_images(analyzed, folder_scan, mask, truth, drawn):
    _, layout, _ = drawn(analyzed(folder_scan, mask), truth)
    assert layout.columns == ("mri", "truth", "predicted", "mri_truth", "mri_predicted")


def test_without_a_true_mask_a_row_has_three(analyzed, folder_scan, mask, drawn):
    _, layout, _ = drawn(analyzed(folder_scan, mask))
    assert layout.columns == ("mri", "predicted", "mri_predicted")


def test_a_bundle_that_does_not_segment_shows_the_mri_alone(analyzed, folder_scan, mask, drawn):
    image, layout, _ = drawn(analyzed(folder_scan, np.zeros_like(mask), outputs=["presence"]))
    assert layout.columns == ("mri",)
    assert image.shape[1] >= 700


def test_red_and_green_are_where_the_masks_are_and_nowhere_else(analyzed, folder_scan, mask, truth, drawn):
    analysis = analyzed(folder_scan, mask)
    _, layout, tile = drawn(analysis, truth)
    chosen = choose_slices(analysis, truth, 4)
    view = frame_head(folder_scan, 1, chosen, mask, truth)
    assert layout.rows == len(chosen) == 4
    for row, index in enumerate(chosen):
        for column in ("mri", "truth", "predicted"):
            assert not any(color.any() for color in colored(tile(row, column)))
        red, green = colored(tile(row, "mri_truth"))
        assert not green.any()
        assert (not truth[index].any() and not red.any()) or overlap(red, truth[index], view) > 0.98
        red, green = colored(tile(row, "mri_predicted"))
        assert not red.any()
        assert (not mask[index].any() and not green.any()) or overlap(green, mask[index], view) > 0.98


def test_mask_columns_show_the_masks_in_white(analyzed, folder_scan, mask, truth, drawn):
    analysis = analyzed(folder_scan, mask)
    _, _, tile = drawn(analysis, truth)
    chosen = choose_slices(analysis, truth, 4)
    view = frame_head(folder_scan, 1, chosen, mask, truth)
    row = chosen.index(3)
    assert overlap(tile(row, "predicted")[..., 0] > 127, mask[3], view) == 1
    assert overlap(tile(row, "truth")[..., 0] > 127, truth[3], view) == 1


def test_small_slices_are_enlarged_and_large_ones_reduced():
    for rows in (60, 256, 1500):
        scan = Scan(np.ones((1, rows, rows, 1), np.uint8), ("flair",), "x", "image")
        view = frame_head(scan, 0, (0,))
        assert view.height == view.width == TILE_HEIGHT


def test_pixels_that_are_higher_than_wide_stay_so(volume_scan):
    tall = replace(volume_scan, voxels=np.ones((6, 50, 100, 3)), affine=np.diag([1.0, 2.0, 5.0, 1.0]))
    view = frame_head(tall, 0, (0, 1))
    assert view.height / view.width == pytest.approx(1, abs=0.02)


def test_the_view_never_cuts_a_mask_off(folder_scan):
    mask = np.zeros((6, 96, 80), bool)
    mask[2, 0, 0] = mask[2, 95, 79] = True
    view = frame_head(folder_scan, 1, (2,), mask)
    assert (view.top, view.left, view.bottom, view.right) == (0, 0, 96, 80)


def test_a_lesion_of_one_pixel_is_still_seen_in_a_large_slice():
    mask = np.zeros((3000, 3000), bool)
    mask[1234, 777] = True
    assert np.asarray(shape_tile(mask, View(0, 0, 3000, 3000, 256, 256)).line).any()


def test_the_window_ignores_a_few_odd_voxels():
    volume = np.tile(np.linspace(0, 100, 500), (4, 40, 1))
    volume[0, 0, 0] = 1e9
    low, high = window(volume)
    assert 0 <= low < 3
    assert 97 < high <= 100


def test_a_scan_of_one_gray_can_be_drawn(analyzed, folder_scan, mask):
    flat = replace(folder_scan, voxels=np.full(folder_scan.voxels.shape, 7.5))
    assert draw_panel(analyzed(flat, mask)).mode == "RGB"


def test_a_single_image_gives_a_single_row(analyzed, drawn):
    scan = Scan(np.full((1, 40, 40, 1), 9, np.uint8), ("unknown",), "one", "image")
    _, layout, _ = drawn(analyzed(scan, np.zeros((1, 40, 40), bool)))
    assert layout.rows == 1


def test_any_name_can_be_drawn(analyzed, folder_scan, mask):
    odd = replace(folder_scan, case="患\udcff\n" + "Müller " * 60, slice_names=("\udcff\0.tif",) * 6)
    draw_panel(analyzed(odd, mask))


def test_a_true_mask_of_another_shape_is_refused(analyzed, folder_scan, mask):
    with pytest.raises(TumorscopeError, match="5×96×80 voxels, the scan 6×96×80"):
        draw_panel(analyzed(folder_scan, mask), mask[1:])


def test_sides_are_named_only_where_the_file_says_which_is_which(analyzed, volume_scan, folder_scan, mask, drawn):
    named, plain = (drawn(analyzed(scan, mask))[2](0, "mri") for scan in (volume_scan, folder_scan))
    height = named.shape[0]
    edge = slice(height // 2 - 8, height // 2 + 8), slice(3, 16)
    assert named[edge].max() > plain[edge].max()


def test_the_panel_is_encoded_as_png(analyzed, folder_scan, mask):
    assert encode_png(draw_panel(analyzed(folder_scan, mask))).startswith(b"\x89PNG")
