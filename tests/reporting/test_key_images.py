"""Annotations are where they were found, and legible without color."""

import re
from dataclasses import replace

import numpy as np
import pytest

from tumorscope.inference.activation_maps import ActivationMap
from tumorscope.measurement.diameters import Diameter, Diameters
from tumorscope.preprocessing.crop_resize import CropResize
from tumorscope.preprocessing.head import Box
from tumorscope.reporting.contour_lines import contour_path
from tumorscope.reporting.diameter_lines import diameter_lines
from tumorscope.reporting.key_images import activation_figure, choose_images, further_figure, key_figure
from tumorscope.reporting.tiles import View, sides

VIEW = View(10, 20, 50, 60, 400, 400)
"""Rows 10 to 49 and columns 20 to 59, ten units to a pixel."""


def points(path: str) -> np.ndarray:
    return np.array([[float(number) for number in pair.split()] for pair in re.findall(r"[\d.-]+ [\d.-]+", path)])


def block() -> np.ndarray:
    mask = np.zeros((80, 80), bool)
    mask[20:24, 30:36] = True
    return mask


def test_a_contour_runs_along_the_edges_of_the_pixels():
    corners = points(contour_path(block(), VIEW))
    assert corners.min(axis=0) == pytest.approx([100, 100])
    assert corners.max(axis=0) == pytest.approx([160, 140])
    assert len(corners) == 8  # straight sides have no points between their ends


def test_a_hole_and_a_second_part_have_lines_of_their_own():
    mask = block()
    mask[21, 32] = False
    mask[40, 40] = True
    assert contour_path(mask, VIEW).count("M") == 3


def test_pixels_that_touch_by_a_corner_have_one_line():
    mask = np.zeros((80, 80), bool)
    mask[30, 30] = mask[31, 31] = True
    assert contour_path(mask, VIEW).count("M") == 1


def test_an_empty_mask_has_no_contour():
    assert contour_path(np.zeros((80, 80), bool), VIEW) == ""


def measured(analysis, index=3):
    """The analysis with a first lesion of known diameters."""
    diameters = Diameters(index, Diameter(24.0, (29.5, 27.0), (53.5, 27.0)), Diameter(15.0, (40.0, 19.5), (40.0, 34.5)))
    first = replace(analysis.lesions[0], diameters=diameters)
    return replace(analysis, lesions=(first, *analysis.lesions[1:]))


def test_diameter_lines_run_from_end_to_end_with_their_length(analyzed, volume_scan, mask):
    analysis = measured(analyzed(volume_scan, mask))
    longest, perpendicular = diameter_lines(analysis.lesions, analysis, View(20, 10, 60, 50, 400, 400))
    assert (longest.words, perpendicular.words) == ("24.0 mm", "15.0 mm")
    ends = points(longest.path)[2:4]
    assert ends == pytest.approx(np.array([[175, 100], [175, 340]]))
    assert points(perpendicular.path)[2:4] == pytest.approx(np.array([[100, 205], [250, 205]]))


def test_lengths_stay_within_the_image(analyzed, folder_scan, mask):
    analysis = measured(analyzed(folder_scan, mask))
    for line in diameter_lines(analysis.lesions, analysis, View(30, 20, 54, 35, 250, 400)):
        half = 3 * len(line.words)
        assert half <= line.x <= 250 - half
        assert 8 <= line.y <= 400
        assert line.words.endswith(" px")


def test_the_key_slice_is_where_the_largest_lesion_was_measured(analyzed, volume_scan, mask):
    assert choose_images(measured(analyzed(volume_scan, mask), index=2)).key == 2
    lesion = replace(analyzed(volume_scan, mask).lesions[0], diameters=None)
    assert choose_images(replace(analyzed(volume_scan, mask), lesions=(lesion,))).key == 3


def test_further_slices_all_show_something_where_there_is_anything(analyzed, volume_scan, mask):
    assert set(choose_images(analyzed(volume_scan, mask)).others) <= {2, 3, 4}
    assert len(choose_images(analyzed(volume_scan, np.zeros_like(mask))).others) == 5


def test_the_masks_are_distinguishable_without_color(analyzed, folder_scan, mask, truth):
    figure = key_figure(choose_images(analyzed(folder_scan, mask), truth))
    contours = re.findall(r'<path[^>]*stroke="#(?:5cff8c|ff4038)"[^>]*>', figure.svg)
    dashed = ["stroke-dasharray" in line for line in contours]
    red = ["#ff4038" in line for line in contours]
    assert dashed == red
    assert any(dashed)
    assert not all(dashed)
    assert "Solid line: the predicted mask. Dashed line: the true mask." in figure.caption
    alone = key_figure(choose_images(analyzed(folder_scan, mask)))
    assert "stroke-dasharray" not in alone.svg
    assert "Dashed" not in alone.caption


def test_half_of_an_activation_map_has_a_line_and_an_empty_map_has_none(analyzed, folder_scan, mask):
    analysis = analyzed(folder_scan, mask)
    values = np.zeros((6, 4, 4), np.float32)
    values[:, 1, 1] = 2.0
    crop_resize = CropResize((96, 80), Box(0, 0, 96, 80), 64)
    shown = replace(analysis, activation=ActivationMap("presence", ("tumor",) * 6, values, crop_resize))
    figure = activation_figure(choose_images(shown), "A sentence.")
    assert figure.svg.count('stroke="#fff"') == 3  # one a slice
    assert figure.caption.startswith("A sentence. Dotted line:")
    silent = replace(analysis, activation=ActivationMap("presence", ("tumor",) * 6, -values, crop_resize))
    assert 'stroke="#fff"' not in activation_figure(choose_images(silent), "").svg


def test_a_missed_tumor_is_still_shown(analyzed, folder_scan, mask, truth):
    images = choose_images(analyzed(folder_scan, np.zeros_like(mask)), truth)
    figure, further = key_figure(images), further_figure(images)
    assert "stroke-dasharray" in figure.svg + further.svg
    assert "Solid line" not in figure.caption
    assert "Dashed line: the true mask." in figure.caption


def test_further_slices_are_named_by_their_instance_numbers(analyzed, volume_scan, mask):
    downwards = replace(volume_scan, slice_numbers=(26, 25, 24, 23, 22, 21))
    images = choose_images(analyzed(downwards, mask))
    assert (images.key, images.others) == (3, (2, 4))
    figure, further = key_figure(images), further_figure(images)
    assert "Slice 23, " in figure.caption
    assert "Slices are numbered as in the DICOM series." in figure.caption
    assert further.alt == "Slice 24 and slice 22, with the area of the mask."
    assert further_figure(replace(images, others=())) is None


def test_sides_and_scale_appear_only_where_the_file_gives_them(analyzed, volume_scan, folder_scan, mask):
    known, unknown = (key_figure(choose_images(analyzed(scan, mask))) for scan in (volume_scan, folder_scan))
    assert re.search(r">\d+ mm</text>", known.svg)
    assert "the patient's sides" in known.caption
    assert ">R</text>" in known.svg
    assert "mm" not in re.sub('base64,[^"]*', "", unknown.svg)
    assert ">R</text>" not in unknown.svg


def test_an_axial_slice_shows_the_patients_right_on_the_left(volume_scan):
    named = sides(volume_scan)
    assert named is not None
    assert (named.left, named.right, named.top, named.bottom) == ("R", "L", "A", "P")
