from dataclasses import replace

import numpy as np

from tumorscope.reporting.slice_selection import choose_slices


def stack(folder_scan, slices: int = 40):
    voxels = np.ones((slices, 20, 20, 3), np.uint8)
    names = tuple(f"{index}.tif" for index in range(slices))
    return replace(folder_scan, voxels=voxels, slice_names=names), np.zeros((slices, 20, 20), bool)


def test_the_largest_slice_is_shown_and_the_others_spread_over_the_lesion(analyzed, folder_scan):
    scan, mask = stack(folder_scan)
    mask[10:30, 5:10, 5:10] = True
    mask[12, 5:15, 5:15] = True
    chosen = choose_slices(analyzed(scan, mask), None, 4)
    assert 12 in chosen
    assert len(chosen) == 4
    assert all(10 <= index < 30 for index in chosen)
    assert max(chosen) - min(chosen) >= 12
    assert list(chosen) == sorted(chosen)


def test_a_true_mask_brings_the_slice_that_disagrees_most(analyzed, folder_scan):
    scan, mask = stack(folder_scan)
    mask[10:14, 5:10, 5:10] = True
    truth = mask.copy()
    truth[33] = True
    assert 33 in choose_slices(analyzed(scan, mask), truth, 2)


def test_a_second_lesion_is_not_hidden(analyzed, folder_scan):
    scan, mask = stack(folder_scan)
    mask[4:20, 2:12, 2:12] = True
    mask[35, 2:12, 2:12] = True
    assert 35 in choose_slices(analyzed(scan, mask), None, 4)


def test_without_a_finding_the_most_suspicious_slices_are_shown(analyzed, folder_scan):
    scan, mask = stack(folder_scan)
    assert choose_slices(analyzed(scan, mask), None, 3) == (37, 38, 39)


def test_a_scan_with_fewer_slices_shows_them_all(analyzed, folder_scan):
    scan, mask = stack(folder_scan, slices=2)
    mask[1, 3, 3] = True
    assert choose_slices(analyzed(scan, mask), None, 4) == (0, 1)
