"""RT Structure Sets: written, read back by our reader and by plastimatch, and as the standard wants them."""

import io
import subprocess
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from dicom_making import CORONAL, SAGITTAL, Grid, oblique
from dicom_peers import iod_errors, needs
from reporting.dicom.studies import NOW, SMALL, study_of

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.notice import NOTICE
from tumorscope.io import open_scan, open_segmentation, read_mask
from tumorscope.io.dicom.writers import encode_segmentation, encode_structure_set
from tumorscope.io.segmentation_alignment import onto_scan

ORIENTATIONS = {"axial": SMALL.orientation, "coronal": CORONAL, "sagittal": SAGITTAL, "oblique": oblique(20, -15, 40)}


def shapes(shape=(6, 40, 36)):
    """Lesions of every awkward form, each in slices of its own region."""
    mask = np.zeros(shape, bool)
    mask[1:3, 2:14, 2:14] = True  # a ring with a hole
    mask[1:3, 5:9, 5:9] = False
    mask[1, 10:12, 10] = False  # and more holes in one slice
    mask[1, 11, 4] = False
    mask[1, 18:20, 2:4] = True  # 2×2
    mask[3, 20, 20] = True  # 1×1
    mask[3, 24, 20:22] = True  # 1×2
    mask[4, 28, 3:12] = True  # 1×9
    mask[4, 32:34, 20:22] = True  # two squares that touch by a corner
    mask[4, 34:36, 22:24] = True
    mask[5, 10:20, 25] = True  # a comb
    mask[5, 10:20:2, 25:33] = True
    return mask


def written(analyzed, study, path):
    path.write_bytes(encode_structure_set(analyzed(study.scan, study.mask), NOW))
    return path


@pytest.mark.parametrize("orientation", ORIENTATIONS.values(), ids=ORIENTATIONS.keys())
def test_every_voxel_comes_back(analyzed, tmp_path, orientation):
    grid = Grid((6, 40, 36), (4.0, 1.5, 0.75), orientation, (7.0, -11.0, 23.0))
    study = study_of(tmp_path / "series", grid, shapes(), order="shuffled")
    path = written(analyzed, study, tmp_path / "rtstruct.dcm")
    assert np.array_equal(read_mask(path, study.scan), study.mask)
    found = open_segmentation(path)  # the images are in a folder beside it
    assert np.array_equal(found.whole, study.mask)
    assert found.geometry.same_grid(study.scan.geometry)


@pytest.mark.parametrize("every_frame", [False, True])
def test_beside_a_segmentation_of_the_same_series_the_images_are_not_needed(analyzed, tmp_path, every_frame):
    """Results are kept without the images: contours and segmentation are measured alike."""
    study = study_of(tmp_path / "series", Grid((6, 40, 36), (4.0, 1.5, 0.75)), shapes())
    (tmp_path / "results").mkdir()
    path = written(analyzed, study, tmp_path / "results" / "rtstruct.dcm")
    segmentation = encode_segmentation(analyzed(study.scan, study.mask), made_at=NOW, every_frame=every_frame)
    (tmp_path / "results" / "seg.dcm").write_bytes(segmentation)
    for image in study.files:
        image.unlink()
    assert np.array_equal(onto_scan(open_segmentation(path), study.scan).whole, study.mask)


def leaning(folder, mark=None):
    """A stack whose slices are shifted evenly against each other, as with a tilted gantry."""
    study = study_of(folder, Grid((6, 40, 36), (4.0, 1.5, 0.75)), shapes() if mark is None else mark)
    for index, path in enumerate(study.files):
        image = pydicom.dcmread(path)
        image.ImagePositionPatient[1] = f"{float(image.ImagePositionPatient[1]) + 1.3 * index:.4f}"
        image.save_as(path)
    return replace(study, scan=open_scan(folder))


def test_every_voxel_of_a_leaning_stack_comes_back(analyzed, tmp_path):
    study = leaning(tmp_path / "series")
    assert study.scan.geometry.leans
    path = written(analyzed, study, tmp_path / "rtstruct.dcm")
    assert np.array_equal(read_mask(path, study.scan), study.mask)
    assert np.array_equal(open_segmentation(path).whole, study.mask)


def test_every_voxel_comes_back_where_slices_are_missing(analyzed, tmp_path):
    study = study_of(tmp_path / "series", Grid((6, 40, 36), (4.0, 1.5, 0.75)), shapes())
    study.files[2].unlink()
    study = replace(study, scan=open_scan(tmp_path / "series"))
    path = written(analyzed, study, tmp_path / "rtstruct.dcm")
    assert np.array_equal(open_segmentation(path).whole, study.mask)


def test_every_voxel_of_an_enhanced_file_comes_back_and_each_contour_names_its_frame(analyzed, tmp_path):
    study = study_of(
        tmp_path / "series", Grid((6, 40, 36), (4.0, 1.5, 0.75)), shapes(), order="shuffled", enhanced=True
    )
    path = written(analyzed, study, tmp_path / "rtstruct.dcm")
    assert np.array_equal(open_segmentation(path).whole, study.mask)
    source = pydicom.dcmread(study.files[0])
    for contour in contours_of(pydicom.dcmread(path)):
        (image,) = contour.ContourImageSequence
        frame = source.PerFrameFunctionalGroupsSequence[image.ReferencedFrameNumber - 1]
        position = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
        assert float(contour.ContourData[2]) == pytest.approx(position[2], abs=1e-3)


def contours_of(dataset):
    return [contour for roi in dataset.ROIContourSequence for contour in roi.ContourSequence]


def test_each_lesion_is_a_region_with_name_color_type_and_notice(analysis):
    dataset = pydicom.dcmread(io.BytesIO(encode_structure_set(analysis, NOW)))
    assert [roi.ROIName for roi in dataset.StructureSetROISequence] == ["Lesion 1", "Lesion 2"]
    assert [list(roi.ROIDisplayColor) for roi in dataset.ROIContourSequence] == [[30, 222, 92], [255, 176, 0]]
    assert {roi.RTROIInterpretedType for roi in dataset.RTROIObservationsSequence} == {"GTV"}
    assert {roi.ROIGenerationAlgorithm for roi in dataset.StructureSetROISequence} == {"AUTOMATIC"}
    assert (dataset.StructureSetLabel, dataset.StructureSetDescription) == ("RESEARCH ONLY", NOTICE)
    assert {roi.ROIDescription for roi in dataset.StructureSetROISequence} == {NOTICE}
    assert dataset.ApprovalStatus == "UNAPPROVED"


def test_where_there_are_several_labels_each_is_a_region_and_one_may_be_inside_another(nested, study, tmp_path):
    path = tmp_path / "rtstruct.dcm"
    path.write_bytes(encode_structure_set(nested, NOW))
    found = open_segmentation(path, scan=study.scan)
    assert found.names == ("Whole tumor", "Enhancing tumor")
    assert np.array_equal(found.mask("Whole tumor"), nested.mask)
    assert np.array_equal(found.mask("Enhancing tumor"), nested.parts[0].mask)


def test_every_contour_is_in_the_plane_of_the_image_it_names(analysis, study):
    dataset = pydicom.dcmread(io.BytesIO(encode_structure_set(analysis, NOW)))
    heights = {
        image.SOPInstanceUID: float(image.ImagePositionPatient[2]) for image in map(pydicom.dcmread, study.files)
    }
    for contour in contours_of(dataset):
        (image,) = contour.ContourImageSequence
        points = np.array(contour.ContourData, float).reshape(-1, 3)
        assert len(points) == contour.NumberOfContourPoints
        assert points[:, 2] == pytest.approx(heights[image.ReferencedSOPInstanceUID], abs=1e-3)


def test_patient_study_frame_of_reference_and_images_are_those_of_the_series(analysis, study):
    dataset = pydicom.dcmread(io.BytesIO(encode_structure_set(analysis, NOW)))
    first = pydicom.dcmread(study.files[0])
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert dataset[keyword].value == first[keyword].value
    assert dataset.SeriesInstanceUID != first.SeriesInstanceUID
    (frame,) = dataset.ReferencedFrameOfReferenceSequence
    (series,) = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence
    assert series.SeriesInstanceUID == first.SeriesInstanceUID
    assert len(series.ContourImageSequence) == len(study.files)
    assert "OperatorsName" in dataset
    assert "PositionReferenceIndicator" in dataset


@needs("dciodvfy")
def test_the_checker_finds_no_error(analysis):
    assert iod_errors(encode_structure_set(analysis, NOW)) == []


def test_the_same_lesions_are_the_same_object(analysis):
    assert encode_structure_set(analysis, NOW) == encode_structure_set(analysis, NOW)
    other = replace(analysis, mask=np.roll(analysis.mask, 1, axis=2))
    uids = {pydicom.dcmread(io.BytesIO(encode_structure_set(each, NOW))).SOPInstanceUID for each in (analysis, other)}
    assert len(uids) == 2


def test_a_contour_of_any_length_is_written(analyzed, tmp_path):
    """A sieve has more than the 65,534 bytes of text that explicit VR allows."""
    grid = Grid((4, 96, 96), (4.0, 1.0, 1.0))
    mark = np.zeros(grid.shape, bool)
    mark[1, 2:90, 2:90] = True
    mark[1, 3:90:3, 3:90:3] = False
    study = study_of(tmp_path / "series", grid, mark)
    path = written(analyzed, study, tmp_path / "rtstruct.dcm")
    longest = max(contours_of(pydicom.dcmread(path)), key=lambda contour: contour.NumberOfContourPoints)
    assert len("\\".join(map(str, longest.ContourData))) > 65_534
    assert np.array_equal(read_mask(path, study.scan), study.mask)


def test_nothing_segmented_is_refused(analysis):
    with pytest.raises(TumorscopeError, match="nothing is segmented"):
        encode_structure_set(replace(analysis, mask=np.zeros_like(analysis.mask)))


def plastimatch(path, series, tmp_path):
    """The mask ``(slice, row, column)`` that plastimatch makes, on the grid that it makes of the series."""
    import SimpleITK

    out = tmp_path / "mask.nrrd"
    command = ["plastimatch", "convert", "--input", path, "--referenced-ct", series, "--output-ss-img", out]
    subprocess.run([*map(str, command)], check=True, capture_output=True, timeout=120)
    image = SimpleITK.ReadImage(str(out))
    labels = SimpleITK.GetArrayFromImage(image)
    # Bytes hold a bit per region, eight regions in each.
    return (labels.reshape(*labels.shape[:3], -1) != 0).any(axis=3), image


@needs("plastimatch")
@pytest.mark.parametrize("orientation", ["axial", "coronal", "sagittal"])
def test_plastimatch_finds_the_same_voxels(analyzed, tmp_path, orientation):
    grid = Grid((6, 40, 36), (4.0, 1.5, 0.75), ORIENTATIONS[orientation], (7.0, -11.0, 23.0))
    study = study_of(tmp_path / "series", grid, shapes(), order="ascending")
    path = written(analyzed, study, tmp_path / "rtstruct.dcm")
    found, image = plastimatch(path, tmp_path / "series", tmp_path)
    places = np.argwhere(found)[:, ::-1]
    mm = np.array([image.TransformIndexToPhysicalPoint(place.tolist()) for place in places])
    assert {tuple(place) for place in (np.round(mm, 1) + 0.0).tolist()} == {
        tuple(np.round(place, 1) + 0.0) for place in study.marked_mm()
    }
