import io
import warnings
from dataclasses import replace

import highdicom as hd
import numpy as np
import pydicom
import pytest
import SimpleITK
from dicom_making import AXIAL, CORONAL, SAGITTAL, oblique
from dicom_peers import iod_errors, needs
from reporting.dicom.studies import NOW, SMALL, as_set, in_patient, marks, study_of

from tumorscope.cli import compare_studies
from tumorscope.core.errors import TumorscopeError
from tumorscope.core.notice import NOTICE
from tumorscope.inference.labels import ENHANCING_TUMOR, WHOLE_TUMOR
from tumorscope.inference.tumor_type import TypeFinding
from tumorscope.io import open_scan, open_segmentation
from tumorscope.io.dicom.writers import encode_segmentation
from tumorscope.io.segmentation_alignment import onto_scan
from tumorscope.measurement.lesion_matches import Match, match_lesions
from tumorscope.studies.timepoints import open_timepoint

X, Y = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
IN_PLANE = [
    tuple(sign * part for sign, axis in zip(signs, axes, strict=True) for part in axis)
    for axes in ((X, Y), (Y, X))
    for signs in ((1, 1), (1, -1), (-1, 1), (-1, -1))
]
"""All eight ways in which rows and columns of an axial slice may run."""
ORIENTATIONS = {
    **{f"in-plane-{number}": orientation for number, orientation in enumerate(IN_PLANE)},
    "coronal": CORONAL,
    "coronal-upside-down": tuple(-part for part in CORONAL),
    "sagittal": SAGITTAL,
    "sagittal-from-behind": (0.0, -1.0, 0.0, 0.0, 0.0, -1.0),
    "oblique": oblique(20, -15, 40),
    "very-oblique": oblique(50, 40, -70),
}


def read_by_functional_groups(content: bytes) -> dict[int, set[tuple[float, ...]]]:
    """Where each segment's voxels lie, LPS mm, by bits, positions and directions alone."""
    dataset = pydicom.dcmread(io.BytesIO(content))
    size = dataset.Rows * dataset.Columns
    if dataset.BitsAllocated == 1:
        stored = np.unpackbits(np.frombuffer(dataset.PixelData, np.uint8), bitorder="little")
    else:
        stored = np.frombuffer(dataset.PixelData, np.uint8)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    orientation = shared.PlaneOrientationSequence[0].ImageOrientationPatient
    spacing = shared.PixelMeasuresSequence[0].PixelSpacing
    places: dict[int, set[tuple[float, ...]]] = {}
    for index, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        pixels = stored[index * size : (index + 1) * size].reshape(dataset.Rows, dataset.Columns)
        where = frame if "SegmentIdentificationSequence" in frame else shared
        number = where.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        position = frame.PlanePositionSequence[0].ImagePositionPatient
        places.setdefault(number, set()).update(as_set(in_patient(pixels, position, orientation, spacing)))
    return places


def read_by_highdicom(content: bytes) -> set[tuple[float, ...]]:
    """Where any segment's voxels lie, LPS mm, by highdicom's volume."""
    volume = hd.seg.segread(io.BytesIO(content)).get_volume(combine_segments=True)
    marked = np.argwhere(volume.array > 0)
    return as_set(marked @ volume.affine[:3, :3].T + volume.affine[:3, 3])


def read_by_simpleitk(content: bytes, folder) -> set[tuple[float, ...]]:
    """Where the voxels of the only segment lie, LPS mm, for ITK, which takes the frames for a volume."""
    path = folder / "read.dcm"
    path.write_bytes(content)
    image = SimpleITK.ReadImage(str(path))
    marked = np.argwhere(SimpleITK.GetArrayFromImage(image) > 0)
    return as_set(np.array([image.TransformIndexToPhysicalPoint(place[::-1].tolist()) for place in marked]))


@pytest.mark.parametrize(("order", "enhanced"), [("ascending", False), ("descending", False), ("shuffled", True)])
@pytest.mark.parametrize("orientation", ORIENTATIONS.values(), ids=ORIENTATIONS.keys())
def test_a_voxel_marked_in_the_patient_is_the_same_voxel_when_read_back(
    analyzed, tmp_path, orientation, order, enhanced
):
    grid = replace(SMALL, orientation=orientation)
    study = study_of(tmp_path / "series", grid, order=order, enhanced=enhanced)
    expected = study.marked_mm()
    assert len(expected) == marks(grid.shape).sum()
    content = encode_segmentation(analyzed(study.scan, study.mask))
    lesions = read_by_functional_groups(content)
    assert len(lesions) == 2
    assert len(lesions[1]) > len(lesions[2])
    assert lesions[1] | lesions[2] == expected
    assert read_by_highdicom(content) == expected


@pytest.mark.parametrize("orientation", ORIENTATIONS.values(), ids=ORIENTATIONS.keys())
def test_itk_puts_a_lesion_where_it_was_marked(analyzed, tmp_path, orientation):
    grid = replace(SMALL, orientation=orientation)
    mark = marks(grid.shape)
    mark[4:] = False
    study = study_of(tmp_path / "series", grid, mark, order="shuffled")
    content = encode_segmentation(analyzed(study.scan, study.mask))
    assert read_by_simpleitk(content, tmp_path) == study.marked_mm()


def test_unevenly_spaced_slices_keep_their_positions(analyzed, tmp_path):
    study = study_of(tmp_path / "series")
    moved = pydicom.dcmread(study.files[-1])
    moved.ImagePositionPatient[2] += 3.5
    moved.save_as(study.files[-1])
    study = replace(study, scan=open_scan(tmp_path / "series"))
    content = encode_segmentation(analyzed(study.scan, study.mask))
    assert set.union(*read_by_functional_groups(content).values()) == study.marked_mm()


def test_every_frame_names_the_image_it_lies_on(analysis, study):
    dataset = pydicom.dcmread(io.BytesIO(encode_segmentation(analysis)))
    heights = {image.SOPInstanceUID: image.ImagePositionPatient for image in map(pydicom.dcmread, study.files)}
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        (source,) = frame.DerivationImageSequence[0].SourceImageSequence
        assert heights[source.ReferencedSOPInstanceUID] == frame.PlanePositionSequence[0].ImagePositionPatient
        assert "ReferencedFrameNumber" not in source
    (series,) = dataset.ReferencedSeriesSequence
    first = pydicom.dcmread(study.files[0])
    assert series.SeriesInstanceUID == first.SeriesInstanceUID
    assert {item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence} == set(heights)
    assert {item.ReferencedSOPClassUID for item in series.ReferencedInstanceSequence} == {first.SOPClassUID}
    assert dataset.FrameOfReferenceUID == first.FrameOfReferenceUID


def test_every_frame_names_the_frame_of_an_enhanced_file(analyzed, tmp_path):
    study = study_of(tmp_path / "series", order="shuffled", enhanced=True)
    dataset = pydicom.dcmread(io.BytesIO(encode_segmentation(analyzed(study.scan, study.mask))))
    source = pydicom.dcmread(study.files[0])
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        (item,) = frame.DerivationImageSequence[0].SourceImageSequence
        place = source.PerFrameFunctionalGroupsSequence[item.ReferencedFrameNumber - 1].PlanePositionSequence[0]
        assert place.ImagePositionPatient == frame.PlanePositionSequence[0].ImagePositionPatient
        assert (item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID) == (
            source.SOPClassUID,
            source.SOPInstanceUID,
        )
    assert len(dataset.ReferencedSeriesSequence[0].ReferencedInstanceSequence) == 1


def test_the_probability_comes_back_to_the_last_of_its_256_values(analysis, tmp_path):
    probability = np.random.default_rng(0).integers(0, 256, analysis.mask.shape, dtype=np.uint8)
    content = encode_segmentation(replace(analysis, probability=probability), fractional=True)
    dataset = pydicom.dcmread(io.BytesIO(content))
    assert (dataset.SegmentationType, dataset.SegmentationFractionalType) == ("FRACTIONAL", "PROBABILITY")
    assert dataset.MaximumFractionalValue == 255
    by_instance = {
        frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID: pixels
        for frame, pixels in zip(dataset.PerFrameFunctionalGroupsSequence, dataset.pixel_array, strict=True)
    }
    for source, expected in zip(analysis.scan.source_images, probability, strict=True):
        np.testing.assert_array_equal(by_instance[source.header.SOPInstanceUID], expected)
    path = tmp_path / "probability.dcm"
    path.write_bytes(content)
    image = SimpleITK.ReadImage(str(path))
    assert sorted(SimpleITK.GetArrayFromImage(image).sum(axis=(1, 2))) == sorted(probability.sum(axis=(1, 2)))


def test_probability_above_zero_lies_where_it_was(analysis, study):
    content = encode_segmentation(replace(analysis, probability=analysis.mask * np.uint8(77)), fractional=True)
    assert read_by_functional_groups(content)[1] == study.marked_mm()


def test_segments_are_coded_with_their_algorithm(analysis):
    found = replace(analysis, tumor_type=TypeFinding("glioma", "glioma", 0.9, {"glioma": 0.9}, 0.6))
    dataset = pydicom.dcmread(io.BytesIO(encode_segmentation(found)))
    first, second = dataset.SegmentSequence
    kind = first.SegmentedPropertyTypeCodeSequence[0]
    assert first.SegmentedPropertyCategoryCodeSequence[0].CodeMeaning == "Morphologically Abnormal Structure"
    assert (kind.CodeValue, kind.CodingSchemeDesignator, kind.CodeMeaning) == ("108369006", "SCT", "Neoplasm")
    assert kind.SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning == "Glioma"
    assert first.AnatomicRegionSequence[0].CodeMeaning == "Brain"
    made_by = first.SegmentationAlgorithmIdentificationSequence[0]
    assert (made_by.AlgorithmName, made_by.AlgorithmVersion) == ("Tumorscope made-up", "1.2.3")
    assert found.bundle.sha256 in made_by.AlgorithmParameters
    assert (first.SegmentLabel, second.SegmentLabel) == ("Lesion 1", "Lesion 2")
    assert first.TrackingUID != second.TrackingUID
    assert first.SegmentDescription == dataset.ImageComments == NOTICE
    assert dataset.ContentQualification == "RESEARCH"


def test_an_uncertain_type_is_not_written(analysis):
    found = replace(analysis, tumor_type=TypeFinding(None, "glioma", 0.4, {"glioma": 0.4}, 0.6))
    kind = pydicom.dcmread(io.BytesIO(encode_segmentation(found))).SegmentSequence[0]
    assert "SegmentedPropertyTypeModifierCodeSequence" not in kind.SegmentedPropertyTypeCodeSequence[0]


def test_the_segmentation_belongs_to_the_patient_and_study_of_its_images(analysis, study):
    dataset, source = pydicom.dcmread(io.BytesIO(encode_segmentation(analysis))), pydicom.dcmread(study.files[0])
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate"):
        assert dataset[keyword].value == source[keyword].value
    assert dataset.SeriesInstanceUID != source.SeriesInstanceUID
    assert dataset.Manufacturer == "Tumorscope"
    assert "Phantom Works" in {item.Manufacturer for item in dataset.ContributingEquipmentSequence}


def test_the_same_findings_are_the_same_object_and_others_are_another(analysis):
    once, again = (encode_segmentation(analysis, made_at=NOW) for _ in range(2))
    assert once == again
    fewer = analysis.mask.copy()
    fewer[4:] = False
    other = encode_segmentation(replace(analysis, mask=fewer), made_at=NOW)
    first, second = (pydicom.dcmread(io.BytesIO(content)) for content in (once, other))
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert first.SeriesInstanceUID == second.SeriesInstanceUID


def test_frames_that_show_nothing_are_left_out_unless_wanted(analysis, study, tmp_path):
    full = encode_segmentation(analysis, every_frame=True)
    short = encode_segmentation(analysis)
    assert pydicom.dcmread(io.BytesIO(full)).NumberOfFrames == 2 * len(study.files) == 12
    marked = [(analysis.lesion_labels == number).any((1, 2)).sum() for number in (1, 2)]
    assert pydicom.dcmread(io.BytesIO(short)).NumberOfFrames == sum(marked) == 5
    assert read_by_functional_groups(short) == read_by_functional_groups(full)
    assert read_by_highdicom(short) == read_by_highdicom(full) == study.marked_mm()
    for name, content in (("full", full), ("short", short)):
        path = tmp_path / f"{name}.dcm"
        path.write_bytes(content)
        alone = open_segmentation(path)
        np.testing.assert_array_equal(onto_scan(alone, study.scan).whole, analysis.mask)
        assert alone.geometry.voxel_volume_mm3 == pytest.approx(study.scan.voxel_volume_mm3)


@pytest.mark.parametrize("slices", [(3,), (2, 3, 4), (0, 1, 4)], ids=["one", "run", "gap"])
def test_the_frames_of_a_single_segment_are_a_volume_for_itk(analyzed, tmp_path, slices):
    """Also where it shows nothing between two parts, as a label may."""
    whole_bytes = replace(SMALL, shape=(6, 20, 16))  # SimpleITK 2.5 reads no last byte that a frame fills in part
    mark = np.zeros(whole_bytes.shape, bool)
    mark[list(slices), 2:7, 3:9] = True
    study = study_of(tmp_path / "series", whole_bytes, mark)
    whole = replace(analyzed(study.scan, study.mask), label=WHOLE_TUMOR)
    empty = replace(whole, label=ENHANCING_TUMOR, mask=np.zeros_like(study.mask), lesions=())
    content = encode_segmentation(replace(whole, parts=(empty,)))
    assert pydicom.dcmread(io.BytesIO(content)).NumberOfFrames == max(slices) - min(slices) + 1
    assert read_by_simpleitk(content, tmp_path) == study.marked_mm()
    assert read_by_highdicom(content) == study.marked_mm()


def test_two_dates_are_compared_by_their_segmentations_though_these_begin_elsewhere(analyzed, tmp_path):
    files = []
    for name, slices in (("before", (1, 2, 3)), ("after", (2, 3, 4))):
        mark = np.zeros(SMALL.shape, bool)
        mark[list(slices), 2:7, 3:9] = True
        study = study_of(tmp_path / name, mark=mark)
        files.append(tmp_path / f"{name}.dcm")
        files[-1].write_bytes(encode_segmentation(analyzed(study.scan, study.mask)))
    matches = match_lesions(*map(open_timepoint, files), registered=False)
    assert matches == (Match((0,), (0,)),)


def test_the_lesions_are_numbered_as_they_are_listed(analysis):
    labels = analysis.lesion_labels
    assert [int((labels == number).sum()) for number in (1, 2)] == [lesion.voxels for lesion in analysis.lesions]
    for number, lesion in enumerate(analysis.lesions, 1):
        assert np.argwhere(labels == number).min(axis=0).tolist() == list(lesion.first)


@pytest.mark.parametrize(
    "name", ["Müller^Jürgen", "山田^太郎", "Nocaret " * 12 + "long", "Too^many^parts^in^a^name", ""]
)
def test_a_name_of_any_kind_goes_back_as_it_came_and_nowhere_else(analyzed, tmp_path, name, caplog, capfd):
    study = study_of(tmp_path / "series", PatientName=name, PatientSex="unknown sex", StudyTime="half past ten")
    found = analyzed(study.scan, study.mask)
    caplog.clear()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        content = encode_segmentation(found)
    said = (caplog.text, *capfd.readouterr(), *(str(warning.message) for warning in warned))
    assert "".join(said) == ""
    assert pydicom.dcmread(io.BytesIO(content)).PatientName == name


def test_a_name_in_an_old_character_set_is_read_by_that(analyzed, tmp_path):
    study = study_of(tmp_path / "series", SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Jürgen")
    assert b"M\xfcller" in study.files[0].read_bytes()
    content = encode_segmentation(analyzed(study.scan, study.mask))
    assert "Müller".encode() in content
    assert pydicom.dcmread(io.BytesIO(content)).PatientName.family_name == "Müller"


@pytest.mark.parametrize(
    "keyword", ["FrameOfReferenceUID", "PatientID", "PatientBirthDate", "StudyID", "SliceThickness"]
)
def test_headers_that_lack_required_attributes_are_accepted(analyzed, tmp_path, keyword):
    study = study_of(tmp_path / "series", **{keyword: None})
    content = encode_segmentation(analyzed(study.scan, study.mask))
    assert set.union(*read_by_functional_groups(content).values()) == study.marked_mm()


def test_a_scan_of_another_format_is_refused_in_one_line(analyzed, volume_scan, mask):
    with pytest.raises(TumorscopeError, match="DICOM output needs DICOM input"):
        encode_segmentation(analyzed(volume_scan, mask))


def test_images_without_a_position_are_refused(analyzed, tmp_path):
    study = study_of(tmp_path / "series", ImagePositionPatient=None)
    with pytest.raises(TumorscopeError, match="do not state their position"):
        encode_segmentation(analyzed(study.scan, study.mask))


def test_images_without_a_study_are_refused(analysis):
    scan = analysis.scan
    for source in scan.source_images:
        del source.header.StudyInstanceUID
    with pytest.raises(TumorscopeError, match="lacks StudyInstanceUID"):
        encode_segmentation(analysis)


def test_a_scan_that_was_flipped_or_moved_on_the_way_is_refused(analysis):
    affine = np.array(analysis.scan.affine)
    flipped = affine @ np.diag([-1.0, 1, 1, 1])
    moved = affine + np.outer([1, 0, 0, 0], [0, 0, 0, 1])
    for wrong in (flipped, moved):
        with pytest.raises(TumorscopeError, match="is not on the grid"):
            encode_segmentation(replace(analysis, scan=replace(analysis.scan, affine=wrong)))


def test_an_empty_mask_or_missing_probabilities_are_refused_with_the_reason(analysis):
    with pytest.raises(TumorscopeError, match="nothing is segmented"):
        encode_segmentation(replace(analysis, mask=np.zeros_like(analysis.mask), lesions=()))
    with pytest.raises(TumorscopeError, match="was not kept"):
        encode_segmentation(analysis, fractional=True)


@needs("dciodvfy")
@pytest.mark.parametrize("enhanced", [False, True], ids=["single-frame", "enhanced"])
@pytest.mark.parametrize("orientation", [AXIAL, oblique(20, -15, 40)], ids=["axial", "oblique"])
def test_dciodvfy_finds_no_error(analyzed, tmp_path, orientation, enhanced):
    study = study_of(tmp_path / "series", replace(SMALL, orientation=orientation), enhanced=enhanced)
    found = analyzed(study.scan, study.mask)
    found = replace(found, probability=(study.scan.voxels[..., 0] % 256).astype(np.uint8))
    assert iod_errors(encode_segmentation(found)) == []
    assert iod_errors(encode_segmentation(found, fractional=True)) == []


@needs("dciodvfy")
def test_dciodvfy_finds_errors_where_there_are_some(analysis):
    dataset = pydicom.dcmread(io.BytesIO(encode_segmentation(analysis)))
    del dataset.SegmentSequence[0].SegmentAlgorithmType
    file = io.BytesIO()
    dataset.save_as(file)
    assert iod_errors(file.getvalue())


@pytest.mark.real
@needs("dciodvfy")
@pytest.mark.parametrize("name", ["t2_axial", "pd_axial"])
def test_a_real_series_gets_its_segmentation_in_the_right_position(analyzed, volumes_folder, name):
    scan = open_scan(next(volumes_folder.rglob(name)))
    length = np.array(scan.shape)[:, None, None, None]
    middle = length * np.array([0.5, 0.4, 0.6])[:, None, None, None]
    mask = (((np.indices(scan.shape) - middle) / (0.12 * length)) ** 2).sum(axis=0) < 1
    expected = [
        in_patient(drawn, image.ImagePositionPatient, image.ImageOrientationPatient, image.PixelSpacing)
        for drawn, image in zip(mask, (source.header for source in scan.source_images), strict=True)
    ]
    content = encode_segmentation(analyzed(scan, mask))
    assert read_by_functional_groups(content)[1] == as_set(np.concatenate(expected))
    # One of the series has identifiers that were made unlawful when it was anonymized.
    assert [error for error in iod_errors(content) if "Illegal root for UID" not in error] == []


def test_segmentations_of_two_patients_are_not_compared(analyzed, tmp_path):
    files = []
    for patient in ("PAT-1", "PAT-2"):
        study = study_of(tmp_path / patient, PatientID=patient)
        files.append(tmp_path / f"{patient}.dcm")
        files[-1].write_bytes(encode_segmentation(analyzed(study.scan, study.mask)))
    with pytest.raises(TumorscopeError, match="are not comparable: they are of different patients"):
        compare_studies.command(*files)
    compare_studies.command(files[0], files[0])


@pytest.mark.parametrize("lossy", [0, 3])
def test_what_was_compressed_with_loss_stays_so(analysis, lossy):
    """Ratio and method are part of it, and one such image among the sources is enough."""
    header = analysis.scan.source_images[lossy].header
    header.LossyImageCompression = "01"
    header.LossyImageCompressionRatio = ["8.5", "2"]
    header.LossyImageCompressionMethod = ["ISO_15444_1", "ISO_10918_1"]
    dataset = pydicom.dcmread(io.BytesIO(encode_segmentation(analysis)))
    assert dataset.LossyImageCompression == "01"
    assert dataset.LossyImageCompressionRatio == [8.5, 2]
    assert dataset.LossyImageCompressionMethod == ["ISO_15444_1", "ISO_10918_1"]


def test_lossless_images_are_not_declared_lossy(analysis):
    dataset = pydicom.dcmread(io.BytesIO(encode_segmentation(analysis)))
    assert dataset.LossyImageCompression == "00"
    assert "LossyImageCompressionRatio" not in dataset


def test_labels_are_overlapping_segments_each_where_it_was(nested, study, tmp_path):
    content = encode_segmentation(nested)
    places = read_by_functional_groups(content)
    assert places[1] == study.marked_mm()
    assert len(places[2]) == 8
    assert places[2] < places[1]
    path = tmp_path / "seg.dcm"
    path.write_bytes(content)
    back = onto_scan(open_segmentation(path), study.scan)
    assert back.names == ("Whole tumor", "Enhancing tumor")
    for name, label in zip(back.names, nested.labels, strict=True):
        np.testing.assert_array_equal(back.mask(name), label.mask)
    seg = hd.seg.segread(path)
    assert seg.segmentation_type.value == "BINARY"
    assert [seg.get_volume(segment_numbers=[number]).array.sum() for number in (1, 2)] == [len(places[1]), 8]


def test_labels_are_coded_as_neoplasm_and_enhancing_lesion(nested):
    found = replace(nested, tumor_type=TypeFinding("glioma", "glioma", 0.9, {"glioma": 0.9}, 0.6))
    dataset = pydicom.dcmread(io.BytesIO(encode_segmentation(found)))
    kinds = [segment.SegmentedPropertyTypeCodeSequence[0] for segment in dataset.SegmentSequence]
    assert [(kind.CodeValue, kind.CodingSchemeDesignator) for kind in kinds] == [
        ("108369006", "SCT"),
        ("C113842", "NCIt"),
    ]
    assert kinds[0].SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning == "Glioma"
    assert len({segment.TrackingUID for segment in dataset.SegmentSequence}) == 2
    assert len({tuple(segment.RecommendedDisplayCIELabValue) for segment in dataset.SegmentSequence}) == 2


def test_an_empty_label_has_no_segment(nested):
    nothing = replace(nested.parts[0], mask=np.zeros_like(nested.mask))
    dataset = pydicom.dcmread(io.BytesIO(encode_segmentation(replace(nested, parts=(nothing,)))))
    assert [segment.SegmentLabel for segment in dataset.SegmentSequence] == ["Whole tumor"]


@needs("dciodvfy")
def test_dciodvfy_finds_no_error_in_labels(nested):
    assert iod_errors(encode_segmentation(nested)) == []
