"""Structure sets as other programs write them, read as masks."""

import numpy as np
import pytest
from dicom_making import AXIAL, CORONAL, PATIENT_NAME, Grid, uid, write_file, write_series
from pydicom import Dataset

from tumorscope.core.errors import UnreadableScan
from tumorscope.io import open_scan, open_segmentation, read_mask

GRID = Grid((5, 30, 32), (4.0, 1.0, 1.5), AXIAL, (3.0, -5.0, 9.0))


def item(**attributes):
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def square(first, last):
    return [(first, first), (first, last), (last, last), (last, first)]


def contour(points, index=2, *, grid=GRID, off_mm=0.0, kind="CLOSED_PLANAR", digits=3):
    """A contour through ``(row, column)`` in a slice, moved along the normal; without ContourImageSequence."""
    row, column, normal = grid.steps[:, 1], grid.steps[:, 0], grid.directions[:, 2]
    places = [grid.position(index) + y * row + x * column + off_mm * normal for y, x in points]
    values = [f"{value:.{digits}f}" for place in places for value in place]
    return item(ContourGeometricType=kind, NumberOfContourPoints=len(points), ContourData=values)


def write_structures(path, rois, types=None, **changes):
    """A structure set of regions: name to contours."""
    attributes = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.481.3",
        "SOPInstanceUID": uid(path.name),
        "Modality": "RTSTRUCT",
        "PatientName": PATIENT_NAME,
        "PatientID": "PAT-0001",
        "StudyInstanceUID": uid("study"),
        "SeriesInstanceUID": uid("structures"),
        "StructureSetLabel": "test",
        "ReferencedFrameOfReferenceSequence": [
            item(
                FrameOfReferenceUID=uid("study", "frame of reference"),
                RTReferencedStudySequence=[item(RTReferencedSeriesSequence=[item(SeriesInstanceUID=uid("study", 1))])],
            )
        ],
        "StructureSetROISequence": [item(ROINumber=n, ROIName=name) for n, name in enumerate(rois, start=1)],
        "ROIContourSequence": [
            item(ReferencedROINumber=n, ContourSequence=contours) for n, contours in enumerate(rois.values(), start=1)
        ],
        "RTROIObservationsSequence": [
            item(ObservationNumber=n, ReferencedROINumber=n, RTROIInterpretedType=(types or {}).get(name, ""))
            for n, name in enumerate(rois, start=1)
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_file(path, attributes | changes)


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """A study folder with a series; structure sets are written beside it."""
    folder = tmp_path_factory.mktemp("study")
    voxels = np.arange(np.prod(GRID.shape), dtype=np.uint16).reshape(GRID.shape)
    write_series(folder / "series", "flair", GRID, voxels=voxels)
    return folder


def test_contours_of_a_writer_that_exchanges_spacings_are_refused_on_pixels_that_are_not_square(series, tmp_path):
    rois = {"GTV": [contour(square(5.5, 15.5))]}
    by_rt_utils = {"Manufacturer": "Qurit", "ManufacturerModelName": "rt-utils"}
    path = write_structures(series / "rt" / "exchanged.dcm", rois, **by_rt_utils)
    with pytest.raises(UnreadableScan, match=r"rt-utils, which exchanges .* pixels of 1×1\.5 mm"):
        open_segmentation(path)
    even = Grid((5, 30, 32), (4.0, 1.5, 1.5), AXIAL, (3.0, -5.0, 9.0))
    write_series(
        tmp_path / "series", "flair", even, voxels=np.arange(np.prod(even.shape), dtype=np.uint16).reshape(even.shape)
    )
    rois = {"GTV": [contour(square(5.5, 15.5), grid=even)]}
    path = write_structures(tmp_path / "rt" / "square.dcm", rois, **by_rt_utils)
    assert open_segmentation(path).whole.sum() == 100


def test_region_names_are_labels_and_regions_may_overlap(series):
    rois = {"GTV": [contour(square(5.5, 15.5))], "core": [contour(square(8.5, 12.5))]}
    found = open_segmentation(write_structures(series / "rt" / "two.dcm", rois))
    assert found.names == ("GTV", "core")
    assert found.mask("GTV").sum() == 100
    assert found.mask("core").sum() == 16
    assert np.flatnonzero(found.whole.any(axis=(1, 2))).tolist() == [2]


def test_a_contour_belongs_to_the_nearest_slice(series):
    path = write_structures(series / "rt" / "off.dcm", {"a": [contour(square(5.5, 9.5), off_mm=1.7)]})
    assert np.flatnonzero(open_segmentation(path).whole.any(axis=(1, 2))).tolist() == [2]


def test_of_contours_finer_than_the_slices_those_nearest_to_a_slice_count(series):
    """Planes 1 mm apart on slices 4 mm apart: XOR of neighbors would leave nothing of them."""
    contours = [contour(square(5.5, 9.5 + 0.2 * n), off_mm=float(n)) for n in range(-4, 5)]
    found = open_segmentation(write_structures(series / "rt" / "fine.dcm", {"a": contours}))
    assert found.whole.sum(axis=(1, 2)).tolist() == [0, 9, 16, 25, 0]
    assert [note.code for note in found.notes] == ["contours_left_out"]
    assert "6 of 9 contours are between slices" in str(found.notes[0])


def test_nested_contours_are_a_ring_and_points_and_lines_are_pixels(series):
    rois = {"ring": [contour(square(3.5, 13.5)), contour(square(6.5, 10.5))], "dot": [contour([(20, 20)])],
            "line": [contour([(25, 3), (25, 11)])]}  # fmt: skip
    found = open_segmentation(write_structures(series / "rt" / "forms.dcm", rois))
    assert {name: int(mask.sum()) for name, mask in found.masks()} == {"ring": 84, "dot": 1, "line": 9}


def test_contours_through_pixel_centers_keep_the_pixels_that_they_pass(series):
    """Coordinates rounded to a hundredth of a millimeter: 20 by 20 pixels, not 19 by 19."""
    path = write_structures(series / "rt" / "centers.dcm", {"a": [contour(square(5, 24), digits=2)]})
    assert open_segmentation(path).whole.sum() == 400


def test_a_scan_that_is_given_is_the_grid(series, tmp_path):
    write_series(tmp_path / "coarse", "t1", Grid((5, 16, 16), (4.0, 2.0, 3.0), AXIAL, (3.0, -5.0, 9.0)), number=2)
    scan = open_scan(tmp_path / "coarse")
    path = write_structures(tmp_path / "rt.dcm", {"a": [contour(square(6, 16))]})
    assert read_mask(path, scan).sum() == 25


def test_without_the_images_sizes_are_measured_on_a_grid_of_its_own(tmp_path):
    path = write_structures(tmp_path / "rt.dcm", {"a": [contour(square(5.5, 15.5), n) for n in (1, 2, 3)]})
    found = open_segmentation(path)
    assert [note.code for note in found.notes] == ["assumed_grid"]
    areas = found.whole.sum(axis=(1, 2))
    assert found.geometry.volume_mm3(areas) == pytest.approx(10 * 15 * 12, rel=0.05)


def test_two_lesions_far_apart_are_not_joined_where_the_images_are_missing(tmp_path):
    far = [contour(square(5.5, 15.5), n) for n in (0, 1)] + [contour(square(5.5, 15.5), n) for n in (8, 9)]
    found = open_segmentation(write_structures(tmp_path / "rt.dcm", {"a": far}))
    assert len(found.whole) == 10
    assert found.geometry.volume_mm3(found.whole.sum(axis=(1, 2))) == pytest.approx(4 * 150 * 4, rel=0.05)


def test_a_coronal_structure_set_lies_where_it_was_drawn(tmp_path):
    grid = Grid((5, 30, 32), (4.0, 1.0, 1.5), CORONAL, (3.0, -5.0, 9.0))
    path = write_structures(tmp_path / "rt.dcm", {"a": [contour(square(5.5, 15.5), n, grid=grid) for n in (2, 3)]})
    found = open_segmentation(path)
    center = found.geometry.to_mm(np.argwhere(found.whole)).mean(axis=0)
    expected = grid.position(2.5) + 10.5 * grid.steps[:, 1] + 10.5 * grid.steps[:, 0]
    assert center == pytest.approx(expected * (-1, -1, 1), abs=0.3)


def test_the_body_and_what_encloses_nothing_are_left_out_with_a_note(series):
    rois = {"BODY": [contour(square(1, 28))], "a": [contour(square(5.5, 9.5))],
            "iso": [contour([(3, 3)], kind="POINT")]}  # fmt: skip
    found = open_segmentation(write_structures(series / "rt" / "body.dcm", rois, {"BODY": "EXTERNAL"}))
    assert found.whole.sum() == 16
    assert "BODY left out" in " ".join(map(str, found.notes))
    assert "1 contour of type POINT" in " ".join(map(str, found.notes))


def test_a_region_named_for_the_patient_is_shown_by_its_number(series):
    path = write_structures(series / "rt" / "doe.dcm", {"tumor doe": [contour(square(5.5, 9.5))]})
    assert open_segmentation(path).names == ("ROI 1",)


def test_contours_beyond_the_slices_are_left_out_with_a_note(series):
    rois = {"a": [contour(square(5.5, 9.5), 4), contour(square(5.5, 9.5), 6)]}
    found = open_segmentation(write_structures(series / "rt" / "beyond.dcm", rois))
    assert found.whole.sum() == 16
    assert "1 of 2 contours are beyond the scan" in str(found.notes[0])


@pytest.mark.parametrize(
    ("rois", "changes", "words"),
    [
        ({"a": []}, {}, "holds no closed contour"),
        ({"a": [contour(square(5.5, 9.5), 40)]}, {}, "none of its contours is on a slice"),
        ({"a": [contour(square(5.5, 9.5), grid=Grid(orientation=CORONAL))]}, {}, "across the slices"),
        ({"a": [item(ContourGeometricType="CLOSED_PLANAR", ContourData=["1", "2"])]}, {}, "damaged"),
        ({"a": [item(ContourGeometricType="CLOSED_PLANAR")]}, {}, "damaged"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_line(series, rois, changes, words):
    path = write_structures(series / "rt" / "bad.dcm", rois, **changes)
    with pytest.raises(UnreadableScan, match=words):
        open_segmentation(path)


def test_a_scan_in_another_frame_of_reference_is_refused(tmp_path):
    write_series(tmp_path / "other", "flair", GRID, study="other")
    path = write_structures(tmp_path / "rt.dcm", {"a": [contour(square(5.5, 9.5))]})
    with pytest.raises(UnreadableScan, match="another frame of reference"):
        read_mask(path, open_scan(tmp_path / "other"))
