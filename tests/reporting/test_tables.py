from dataclasses import replace

import numpy as np
import pytest

from tumorscope.measurement.diameters import Diameter, Diameters
from tumorscope.measurement.location import LesionLocation, RegionShare
from tumorscope.reporting.report_tables import (
    MOST_LESIONS,
    MOST_SLICES,
    all_slices,
    locations,
    measurements,
    positive_slices_table,
)

FOUND = Diameters(3, Diameter(42.34, (0, 0), (0, 42)), Diameter(30.06, (0, 0), (30, 0)))


def filled(analysis, **changes):
    lesion = replace(
        analysis.lesions[0],
        diameters=FOUND,
        extent_mm=(15.0, 26.4, 16.2),
        laterality="left",
        midline_distance_mm=-31.7,
        **changes,
    )
    return replace(analysis, lesions=(lesion, *analysis.lesions[1:]))


def cells(table, row=0):
    return {column.name: cell for column, cell in zip(table.columns, table.rows[row], strict=True)}


def test_every_measurement_has_its_unit(analyzed, volume_scan, mask):
    assert cells(measurements(filled(analyzed(volume_scan, mask)))) == {
        "No.": "1",
        "Volume": "5.1 ml",
        "Longest × perpendicular (mm)": "42.3 × 30.1",
        "Product (mm²)": "1,273",
        "Slices (largest)": "3 to 5 (4)",
        "Extent, slices × rows × columns (mm)": "15 × 26 × 16",
        "Side": "left",
        "From midline (mm)": "32",
        "Center, x, y, z (mm)": "15, 6, 5",
        "Tumor probability": "0.94",
    }


def test_a_lesions_place_is_in_words_and_shares_and_an_uncertain_one_is_marked(analyzed, volume_scan, mask):
    analysis = analyzed(volume_scan, mask)
    shares = (
        RegionShare("temporal", "left", 0.712),
        RegionShare("insula", "left", 0.25),
        RegionShare("deep", "left", 0.038),
    )
    place = LesionLocation("temporal", False, "left", shares, 12.4)
    table = locations(replace(analysis, lesions=(replace(analysis.lesions[0], location=place),)))
    assert cells(table) == {
        "No.": "1",
        "Region": "left temporal lobe (?)",
        "Shares of the volume": "left temporal 71%, left insula 25%",
        "Gap to midline (mm)": "12",
    }
    assert locations(analysis) is None


def test_without_a_voxel_size_everything_is_in_pixels(analyzed, folder_scan, mask):
    analysis = analyzed(folder_scan, mask)
    lesion = replace(analysis.lesions[0], diameters=FOUND, extent_mm=None, laterality=None, midline_distance_mm=None)
    table = measurements(replace(analysis, lesions=(lesion,)))
    row = cells(table)
    assert row["Longest × perpendicular (px)"] == "42.3 × 30.1"
    assert row["Product (px²)"] == "1,273"
    assert row["Extent, slices × rows × columns (voxels)"] == "3 × 24 × 18"
    assert row["Volume"] == "1,032 voxels"
    assert not {"Side", "From midline (mm)"} & set(row)
    assert "mm" not in "".join(row)


def test_a_line_that_leaves_the_lesion_is_marked(analyzed, volume_scan, mask):
    analysis = analyzed(volume_scan, mask)
    lesion = replace(analysis.lesions[0], diameters=replace(FOUND, crosses_gap=True))
    table = measurements(replace(analysis, lesions=(lesion,)))
    assert cells(table)["Longest × perpendicular (mm)"] == "42.3 × 30.1 *"
    assert "not measurable" in table.note


def test_a_lesion_without_diameters_still_has_its_row(analyzed, volume_scan, mask):
    analysis = analyzed(volume_scan, mask)
    lesion = replace(analysis.lesions[0], diameters=None, extent_mm=None)
    row = cells(measurements(replace(analysis, lesions=(lesion,))))
    assert not [name for name in row if name.startswith(("Longest", "Product"))]
    assert row["Volume"] == "5.1 ml"


def test_several_lesions_have_a_total_and_one_has_none(analyzed, volume_scan, mask):
    assert measurements(analyzed(volume_scan, mask)).total is None
    two = mask.copy()
    two[0, 60:70, 50:60] = True
    table = measurements(analyzed(volume_scan, two))
    assert table.total is not None
    assert table.total[:2] == ("Total", "5.6 ml")  # 1,132 voxels of 4.95 mm³


def test_a_single_image_has_an_area_and_no_thickness(analyzed, folder_scan, mask):
    image = replace(folder_scan, voxels=folder_scan.voxels[:1], kind="image", slice_names=())
    row = cells(measurements(analyzed(image, mask[3:4])))
    assert row["Area"] == "432 px"
    assert "Extent, rows × columns (voxels)" in row
    assert not {"Volume", "Slices (largest)"} & set(row)


@pytest.fixture
def many_lesions(analyzed, volume_scan):
    mask = np.zeros((6, 96, 80), bool)
    mask[::2, 2::6, 2::6] = True
    return analyzed(volume_scan, mask)


def test_lesions_beyond_the_table_are_counted(many_lesions):
    table = measurements(many_lesions)
    assert len(many_lesions.lesions) > 500
    assert len(table.rows) == MOST_LESIONS
    assert f"{len(many_lesions.lesions) - MOST_LESIONS} smaller lesions" in table.note


def test_only_positive_slices_have_a_row_on_paper(analyzed, folder_scan, mask):
    analysis = analyzed(folder_scan, mask)
    assert [row[0] for row in positive_slices_table(analysis).rows] == ["3", "4", "5"]
    assert [row[0] for row in all_slices(analysis).rows] == list("123456")
    assert all_slices(analysis).bold == (False, False, True, True, True, False)


def test_of_very_many_positive_slices_the_largest_are_shown(analyzed, volume_scan):
    mask = np.zeros((300, 96, 80), bool)
    mask[20:280, 40, 40] = True
    mask[100:110, 40:44, 40] = True
    scan = replace(volume_scan, voxels=np.zeros((300, 96, 80, 3), np.uint8), stored=None)
    table = positive_slices_table(analyzed(scan, mask))
    shown = [int(row[0]) for row in table.rows]
    assert len(shown) == MOST_SLICES
    assert shown == sorted(shown)
    assert set(range(101, 111)) <= set(shown)
    assert "of 260" in table.note
