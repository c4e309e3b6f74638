from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from reading.files import AXIAL, CORONAL, ENHANCED_MR, SAGITTAL, heads, rotation, write_dicom, write_series

from tumorscope.core.note import texts
from tumorscope.io import open_scan
from tumorscope.reporting.slice_names import slice_number

VOLUME = heads(6)


def oblique() -> tuple[float, ...]:
    turn = rotation(12, -8, 20)
    return (*turn[:, 0].tolist(), *turn[:, 1].tolist())


@pytest.mark.parametrize("orientation", [AXIAL, CORONAL, SAGITTAL, oblique()])
def test_every_pixel_keeps_its_place_in_the_patient(tmp_path: Path, orientation: tuple[float, ...]):
    origin, spacing = (-10.0, -20.0, 30.0), (3.0, 0.5, 0.75)
    write_series(tmp_path / "s", VOLUME, orientation, spacing, origin)
    scan = open_scan(tmp_path / "s")
    assert scan.affine is not None
    along_row, along_column = np.array(orientation[:3]), np.array(orientation[3:])
    normal = np.cross(along_row, along_column)
    for slice_, row, column in [(0, 0, 0), (5, 23, 19), (2, 7, 11)]:
        lps = np.array(origin) + along_row * column * 0.75 + along_column * row * 0.5 + normal * slice_ * 3
        at = np.linalg.inv(scan.affine) @ [-lps[0], -lps[1], lps[2], 1]
        index = np.rint(at[:3]).astype(int)[::-1]
        assert np.allclose(at[:3], index[::-1], atol=1e-6)
        assert scan.voxels[(*index, 0)] == VOLUME[slice_, row, column]
    assert scan.spacing_mm == pytest.approx(spacing)


def test_axial_slices_ascend_to_the_top_of_the_head_however_they_were_counted(tmp_path: Path):
    down = (1.0, 0.0, 0.0, 0.0, -1.0, 0.0)  # the normal points to the feet
    write_series(tmp_path / "s", VOLUME, down)
    scan = open_scan(tmp_path / "s")
    assert scan.affine is not None
    assert scan.affine[2, 2] > 0
    assert np.array_equal(scan.voxels[..., 0], VOLUME[::-1]), "in-plane the acquisition is kept"


def test_slices_know_their_files(tmp_path: Path):
    write_series(tmp_path / "t2_axial", VOLUME)
    scan = open_scan(tmp_path / "t2_axial")
    assert scan.slice_names == tuple(f"im{k:03d}.dcm" for k in range(6))
    assert (scan.case, scan.kind, scan.stored) == ("t2_axial", "slices", None)


@pytest.mark.parametrize(
    ("instances", "numbers"),
    [
        ([60, 50, 40, 30, 20, 10], (60, 50, 40, 30, 20, 10)),
        ([0, 1, 2, 3, 4, 5], (0, 1, 2, 3, 4, 5)),
        ([1, 2, 2, 3, 4, 5], ()),
        ([None] * 6, ()),
    ],
)
def test_slices_have_their_instance_numbers_where_these_tell_them_apart(tmp_path: Path, instances, numbers):
    for file, instance in zip(write_series(tmp_path / "s", VOLUME), instances, strict=True):
        dataset = pydicom.dcmread(file)
        dataset.InstanceNumber = instance
        dataset.save_as(file)
    scan = open_scan(tmp_path / "s")
    assert scan.slice_numbers == numbers
    assert [slice_number(scan, index) for index in range(6)] == list(numbers or range(1, 7))


def test_a_single_file_is_one_slice_without_a_suffix_too(tmp_path: Path):
    path = write_dicom(tmp_path / "36444280", VOLUME[0])
    scan = open_scan(path)
    assert scan.shape == (1, 24, 20)
    assert scan.spacing_mm == (3, 1, 1)
    assert scan.case == "36444280"


def test_files_without_a_preamble_are_read(tmp_path: Path):
    path = write_dicom(tmp_path / "a.dcm", VOLUME[0])
    body = path.read_bytes()[132:]
    (tmp_path / "b.dcm").write_bytes(body)
    assert np.array_equal(open_scan(tmp_path / "b.dcm").voxels, open_scan(path).voxels)


def test_every_slice_counts_whatever_its_preamble_holds(tmp_path: Path):
    for path in write_series(tmp_path / "s", VOLUME)[1:4]:
        content = path.read_bytes()
        path.write_bytes(b"II*\0\x08\0\0\0".ljust(128, b"\0") + content[128:])
    scan = open_scan(tmp_path / "s")
    assert np.array_equal(scan.voxels[..., 0], VOLUME)
    assert not any("skipped" in note for note in texts(scan.notes))


def test_zeros_behind_the_pixels_cost_no_time(tmp_path: Path):
    path = write_dicom(tmp_path / "a.dcm", VOLUME[0])
    path.write_bytes(path.read_bytes() + bytes(40_000_000))
    assert np.array_equal(open_scan(path).voxels[0, ..., 0], VOLUME[0])


@pytest.mark.parametrize(
    ("first", "second"), [((2.0, -100), (4.0, 1)), ((1.0, 0), (0.125, 0)), ((1.0, 0), (2048.0, 0))]
)
def test_values_are_rescaled_slice_by_slice(tmp_path: Path, first: tuple[float, int], second: tuple[float, int]):
    for name, height, (slope, intercept), stored in (("a", 0, first, VOLUME[0]), ("b", 3, second, VOLUME[1])):
        position = [0, 0, height]
        write_dicom(
            tmp_path / name, stored, ImagePositionPatient=position, RescaleSlope=slope, RescaleIntercept=intercept
        )
    voxels = open_scan(tmp_path).voxels[..., 0]
    assert voxels.dtype == np.float32
    assert np.array_equal(voxels, [VOLUME[0] * first[0] + first[1], VOLUME[1] * second[0] + second[1]])


def test_values_without_rescaling_stay_integers(tmp_path: Path):
    assert open_scan(write_dicom(tmp_path / "a.dcm", VOLUME[0])).voxels.dtype == np.int16


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_monochrome1_is_turned_round(tmp_path: Path, dtype: type):
    image = VOLUME[0].astype(dtype)
    plain = open_scan(write_dicom(tmp_path / "a.dcm", image)).voxels.astype(int)
    path = write_dicom(tmp_path / "b.dcm", image, PhotometricInterpretation="MONOCHROME1")
    inverted = open_scan(path).voxels.astype(int)
    assert len(np.unique(plain + inverted)) == 1


def test_the_main_series_is_taken_and_the_others_are_told(tmp_path: Path):
    write_series(tmp_path / "s", VOLUME)
    write_dicom(tmp_path / "s" / "x.dcm", heads(1, 32, 32)[0], SeriesInstanceUID="9", SeriesDescription="relCBF")
    write_dicom(
        tmp_path / "s" / "y.dcm", heads(1, 32, 32)[0], SeriesInstanceUID="8", SeriesDescription=None, SeriesNumber=7
    )
    scan = open_scan(tmp_path / "s")
    assert scan.shape == (6, 24, 20)
    note = next(note for note in texts(scan.notes) if note.startswith("left out"))
    assert '"relCBF" (1 image)' in note
    assert "number 7 (1 image)" in note


def test_localizers_within_the_series_are_left_out(tmp_path: Path):
    write_series(tmp_path / "s", VOLUME)
    write_series(tmp_path / "s", VOLUME[:2], SAGITTAL, prefix="loc")
    scan = open_scan(tmp_path / "s")
    assert scan.shape == (6, 24, 20)
    assert any("2 images, same series in another orientation" in note for note in texts(scan.notes))


def test_other_files_are_skipped_and_counted(tmp_path: Path):
    write_series(tmp_path / "s", VOLUME)
    (tmp_path / "s" / "readme.txt").write_text("hello")
    write_dicom(tmp_path / "s" / "report.dcm", VOLUME[0], PixelData=None)
    (tmp_path / "s" / "DICOMDIR").write_bytes(b"whatever")
    scan = open_scan(tmp_path / "s")
    assert scan.shape == (6, 24, 20)
    assert "1 file skipped: not DICOM" in texts(scan.notes)
    assert "1 DICOM file skipped: is DICOM without pixel data" in texts(scan.notes)


@pytest.mark.parametrize("pattern", [{"ProtocolName": "AX T1", "SeriesDescription": None}, {"SeriesDescription": "T1"}])
def test_a_contrast_agent_makes_t1c_of_t1(tmp_path: Path, pattern: dict):
    scan = open_scan(write_dicom(tmp_path / "a.dcm", VOLUME[0], ContrastBolusAgent="Gadovist", **pattern))
    assert scan.sequences == ("t1c",)
    assert "a contrast agent is recorded" in texts(scan.notes)[0]
    assert open_scan(write_dicom(tmp_path / "b.dcm", VOLUME[0], **pattern)).sequences == ("t1",)


@pytest.mark.parametrize(
    "attributes",
    [
        {"SeriesDescription": "FSE PD AXIAL"},
        {"SeriesDescription": None},
        {"SeriesDescription": "ADC", "ProtocolName": "t2 dwi"},
        {"SeriesDescription": "AX T2", "ScanningSequence": "GR"},
    ],
)
def test_an_unclear_sequence_is_unknown_with_the_reason(tmp_path: Path, attributes: dict):
    scan = open_scan(write_dicom(tmp_path / "a.dcm", VOLUME[0], **attributes))
    assert scan.sequences == ("unknown",)
    assert texts(scan.notes)[0].startswith("sequence unknown: ")


def test_the_user_may_name_the_sequence(tmp_path: Path):
    path = write_dicom(tmp_path / "a.dcm", VOLUME[0], SeriesDescription="x")
    scan = open_scan(path, channels=["flair"])
    assert scan.sequences == ("flair",)
    assert not any("unknown" in note for note in texts(scan.notes))


def test_the_patient_s_name_appears_nowhere(tmp_path: Path):
    folder = tmp_path / "DOE_JANE"
    write_series(folder, VOLUME, prefix="doe_", SeriesDescription="T2 Jane Doe")
    write_dicom(folder / "other.dcm", VOLUME[0], SeriesInstanceUID="7", SeriesDescription="for Doe")
    scan = open_scan(folder)
    assert scan.case.startswith("series-")
    told = " ".join((scan.case, *texts(scan.notes), *scan.slice_names)).lower()
    assert "doe" not in told
    assert "jane" not in told


def test_an_anonymized_code_may_stay_the_case(tmp_path: Path):
    write_series(tmp_path / "TCGA-CS-4941", VOLUME, PatientName="TCGA-CS-4941", PatientIdentityRemoved="YES")
    assert open_scan(tmp_path / "TCGA-CS-4941").case == "TCGA-CS-4941"


def test_compressed_images_are_decoded(tmp_path: Path):
    from pydicom import dcmread
    from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

    path = write_dicom(tmp_path / "a.dcm", VOLUME[0].astype(np.uint16))
    for syntax in (RLELossless, JPEG2000Lossless, JPEGLSLossless):
        dataset = dcmread(path)
        try:
            dataset.compress(syntax, generate_instance_uid=False)
        except (RuntimeError, NotImplementedError):
            continue  # no encoder here
        dataset.save_as(tmp_path / "b.dcm")
        assert np.array_equal(open_scan(tmp_path / "b.dcm").voxels[0, ..., 0], VOLUME[0]), syntax.name


def write_enhanced(path: Path, **changes) -> Path:
    from pydicom import Dataset, Sequence

    def group(keyword: str, **values) -> Dataset:
        item, outer = Dataset(), Dataset()
        for name, value in values.items():
            setattr(item, name, value)
        setattr(outer, keyword, Sequence([item]))
        return outer

    shared = group("PlaneOrientationSequence", ImageOrientationPatient=list(AXIAL))
    shared.update(group("PixelMeasuresSequence", PixelSpacing=[0.5, 0.75], SliceThickness=3))
    shared.update(group("PixelValueTransformationSequence", RescaleSlope=2, RescaleIntercept=1, RescaleType="US"))
    order = [3, 0, 5, 1, 4, 2]
    frames = [group("PlanePositionSequence", ImagePositionPatient=[1.0, 2.0, 3.0 * k]) for k in order]
    attributes = {
        "SOPClassUID": ENHANCED_MR,
        "NumberOfFrames": 6,
        "SharedFunctionalGroupsSequence": Sequence([shared]),
        "PerFrameFunctionalGroupsSequence": Sequence(frames),
        "ImagePositionPatient": None,
        "ImageOrientationPatient": None,
        "PixelSpacing": None,
        "SliceThickness": None,
    }
    return write_dicom(path, VOLUME[order], **{**attributes, **changes})


def test_the_frames_of_an_enhanced_file_are_sorted_by_position(tmp_path: Path):
    scan = open_scan(write_enhanced(tmp_path / "a.dcm"))
    assert np.array_equal(scan.voxels[..., 0], VOLUME * 2 + 1)
    assert scan.spacing_mm == pytest.approx((3, 0.5, 0.75))
    assert scan.affine is not None
    assert scan.affine[:3, 3].tolist() == [-1, -2, 0]


def test_frames_without_positions_keep_their_order_and_have_no_size(tmp_path: Path):
    path = write_dicom(tmp_path / "a.dcm", VOLUME, NumberOfFrames=6)
    scan = open_scan(path)
    assert scan.affine is None
    assert np.array_equal(scan.voxels[..., 0], VOLUME)
    assert any("do not state the position of the images" in note for note in texts(scan.notes))


@pytest.mark.real
def test_the_real_t2_series_is_found_among_derived_images(volumes_folder: Path):
    scan = open_scan(next(volumes_folder.rglob("t2_axial")))
    assert scan.shape == (55, 512, 384)
    assert scan.sequences == ("t2",)
    assert scan.spacing_mm == pytest.approx((2.5, 0.4297, 0.4297), abs=1e-3)
    assert any('"Perfusion_Weighted" (1 image), "relCBF" (1 image)' in note for note in texts(scan.notes))
    assert any("slices may be missing" in note for note in texts(scan.notes)), "one of 56 was lost on the way"
    assert scan.affine is not None
    assert scan.affine[2, 2] > 0, "slices ascend"


@pytest.mark.real
def test_the_real_pd_series_is_not_a_sequence_that_has_a_name_here(volumes_folder: Path):
    scan = open_scan(next(volumes_folder.rglob("pd_axial")))
    assert scan.shape == (20, 256, 256)
    assert scan.sequences == ("unknown",)
    assert scan.spacing_mm == pytest.approx((7.0, 0.859375, 0.859375), abs=1e-3)
