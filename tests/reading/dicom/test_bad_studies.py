"""Whatever is wrong with a DICOM study: one line that says so, or a scan and a note that says so."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_making import PATIENT_ID, SAGITTAL, Grid, uid, write_file, write_series, write_study

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.note import texts
from tumorscope.io import find_cases, open_scan

SMALL = Grid((6, 24, 20), (20.0, 9.6, 10.0))
SEG, PDF, SR = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.104.1", "1.2.840.10008.5.1.4.1.1.88.33"
SPECTROSCOPY = "1.2.840.10008.5.1.4.1.1.4.2"
CAPTURE, PRESENTATION = "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.11.1"

Make = Callable[[Path], Any]
REFUSED: dict[str, tuple[Make, str]] = {}
NOTED: dict[str, tuple[Make, str]] = {}


def refused(expected: str) -> Callable[[Make], Make]:
    """Add a maker of a study that cannot be read, with words of the line that says why."""

    def add(make: Make) -> Make:
        assert make.__name__ not in REFUSED | NOTED
        REFUSED[make.__name__] = (make, expected)
        return make

    return add


def noted(expected: str) -> Callable[[Make], Make]:
    """Add a maker of a study that can be read, with words of the note on what is wrong."""

    def add(make: Make) -> Make:
        assert make.__name__ not in REFUSED | NOTED
        NOTED[make.__name__] = (make, expected)
        return make

    return add


def flair(folder: Path, grid: Grid = SMALL, **changes: Any) -> list[Path]:
    return write_series(folder, "flair", grid, **changes)


def altered(path: Path, **changes: Any) -> Path:
    """A file with attributes set, or deleted where None."""
    from pydicom import dcmread

    dataset = dcmread(path)
    for keyword, value in changes.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    dataset.save_as(path)
    return path


def cut(path: Path, keep: int) -> Path:
    path.write_bytes(path.read_bytes()[:keep])
    return path


def with_syntax(path: Path, syntax: str) -> Path:
    """The file claiming another transfer syntax than it is written in."""
    content = path.read_bytes()
    old = b"1.2.840.10008.1.2.1\0"
    assert content.count(old) == 1
    start = content.index(old)
    length = len(syntax) + len(syntax) % 2
    group = content.index(b"\x02\0\0\0UL\4\0") + 8
    size = int.from_bytes(content[group : group + 4], "little") + length - len(old)
    changed = content[: start - 2] + length.to_bytes(2, "little") + syntax.encode().ljust(length, b"\0")
    changed = changed[:group] + size.to_bytes(4, "little") + changed[group + 4 :]
    path.write_bytes(changed + content[start + len(old) :])
    return path


# Not a series of images


@refused("no MR images; 6 of 6 files: is DICOM without pixel data")
def no_pixel_data(folder: Path):
    flair(folder, PixelData=None)


@refused("is a color image in DICOM")
def color_captures(folder: Path):
    for number in range(2):
        colors = np.zeros((24, 20, 3), np.uint8)
        flair(
            folder,
            Grid((1, 24, 20)),
            number=number,
            voxels=colors[None, ..., 0],
            SOPClassUID=CAPTURE,
            SamplesPerPixel=3,
            PlanarConfiguration=0,
            PhotometricInterpretation="RGB",
            PixelData=colors.tobytes(),
        )


@refused("is a color image in DICOM")
def palette_colors(folder: Path):
    flair(folder, PhotometricInterpretation="PALETTE COLOR")


@refused("is a document wrapped in DICOM")
def encapsulated_pdf(folder: Path):
    folder.mkdir()
    document = {"SOPClassUID": PDF, "Modality": "DOC", "EncapsulatedDocument": b"%PDF-1.7 ", "PatientName": "Doe^Jane"}
    write_file(folder / "report.dcm", document)


@refused("is a DICOM segmentation")
def segmentation_instead_of_images(folder: Path):
    flair(folder, Grid((1, 24, 20)), SOPClassUID=SEG, Modality="SEG")


@refused("is DICOM without pixel data")
def structured_report(folder: Path):
    folder.mkdir()
    write_file(folder / "sr.dcm", {"SOPClassUID": SR, "Modality": "SR", "PatientName": "Doe^Jane"})


@refused("is DICOM without pixel data")
def presentation_states(folder: Path):
    flair(folder, SOPClassUID=PRESENTATION, Modality="PR", PixelData=None)


@refused("is of modality PT, not MR")
def another_modality(folder: Path):
    flair(folder, Modality="PT")


@refused("the pixel data is damaged or cut short")
def decimals_said_to_be_of_sixteen_bits(folder: Path):
    flair(folder, PixelData=None, FloatPixelData=bytes(24 * 20 * 4))


@refused("is MR spectroscopy, not images")
def spectroscopy(folder: Path):
    folder.mkdir()
    write_file(folder / "mrs.dcm", {"SOPClassUID": SPECTROSCOPY, "Modality": "MR", "Rows": 1, "Columns": 1})


@refused("is a Siemens mosaic (ImageType MOSAIC)")
def mosaics(folder: Path):
    flair(folder, ImageType=["ORIGINAL", "PRIMARY", "M", "MB", "ND", "MOSAIC"])


@refused("none of its 3 files is a scan")
def empty_files(folder: Path):
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.dcm").touch()


# Damaged files


@refused("damaged")
def every_header_cut(folder: Path):
    for path in flair(folder):
        cut(path, 400)


@refused("the pixel data is damaged or cut short")
def the_last_image_cut(folder: Path):
    path = flair(folder)[-1]
    cut(path, path.stat().st_size - 300)


@refused("damaged or not DICOM")
def only_a_meta_header(folder: Path):
    for path in flair(folder, Grid((1, 24, 20))):
        cut(path, 132 + 210)


@refused("damaged")
def a_sequence_nested_ten_thousand_deep(folder: Path):
    (path,) = flair(folder, Grid((1, 24, 20)))
    content = path.read_bytes()
    start = content.index(b"\x10\0\x10\0PN")  # before the patient's name
    item = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff"
    path.write_bytes(content[:start] + item * 10_000 + content[start:])


@refused("is DICOM without pixel data")
def a_length_beyond_the_file(folder: Path):
    (path,) = flair(folder, Grid((1, 24, 20)))
    content = path.read_bytes()
    start = content.index(b"\x28\0\x10\0US")  # Rows
    path.write_bytes(content[:start] + b"\x28\0\x08\0UN\0\0\xf0\xff\xff\x7f" + content[start:])


@refused("the pixel data is damaged or cut short")
def fewer_pixels_than_frames(folder: Path):
    flair(folder, enhanced=True, NumberOfFrames=60)


@refused("claims to hold -3 frames")
def a_negative_number_of_frames(folder: Path):
    flair(folder, enhanced=True, NumberOfFrames=-3)


@refused("packs its pixels into 13 bits each")
def bits_that_no_decoder_knows(folder: Path):
    flair(folder, BitsAllocated=13, BitsStored=13, HighBit=12)


@refused("the pixel data is damaged or cut short")
def more_bits_stored_than_allocated(folder: Path):
    flair(folder, BitsAllocated=8, BitsStored=32)


@refused("does not say how many rows")
def no_rows(folder: Path):
    flair(folder, Rows=None)


@refused("8×9 pixels are too few")
def tiny_images(folder: Path):
    flair(folder, Grid((4, 8, 9)))


@refused("has no contrast")
def black_images(folder: Path):
    flair(folder, voxels=np.zeros(SMALL.shape, np.uint16))


@refused("the rescale slope is 0")
def a_slope_of_zero(folder: Path):
    flair(folder, RescaleSlope=0, RescaleIntercept=0)


# Transfer syntaxes that are not true


@refused("the pixel data is damaged or cut short")
def plain_pixels_said_to_be_jpeg(folder: Path):
    for path in flair(folder):
        with_syntax(path, "1.2.840.10008.1.2.4.70")


@refused("damaged")
def jpeg_said_to_be_plain(folder: Path):
    from pydicom.encaps import encapsulate

    flair(folder, PixelData=encapsulate([b"\xff\xd8\xff\xe0" + b"\0" * 200]))


@refused("damaged")
def explicit_said_to_be_big_endian(folder: Path):
    for path in flair(folder):
        with_syntax(path, "1.2.840.10008.1.2.2")


@refused("damaged")
def plain_said_to_be_deflated(folder: Path):
    for path in flair(folder):
        with_syntax(path, "1.2.840.10008.1.2.1.99")


@refused("unknown compression")
def an_unknown_syntax(folder: Path):
    for path in flair(folder):
        with_syntax(path, "1.2.3.4.5")


# Geometry that is none


@refused("pixel spacing 0\\1 is not a size in mm")
def zero_spacing(folder: Path):
    flair(folder, PixelSpacing=[0, 1])


@refused("pixel spacing -1\\-1 is not a size in mm")
def negative_spacing(folder: Path):
    flair(folder, PixelSpacing=[-1, -1])


@refused("pixel spacing 1e-06\\1e-06 is not a size in mm")
def spacing_of_a_nanometer(folder: Path):
    flair(folder, PixelSpacing=[1e-6, 1e-6])


@refused("pixel spacing 900\\900 is not a size in mm")
def spacing_of_a_meter(folder: Path):
    flair(folder, PixelSpacing=[900, 900])


@refused("image orientation is not two directions at a right angle")
def singular_orientation(folder: Path):
    flair(folder, ImageOrientationPatient=[1, 0, 0, 1, 0, 0])


@refused("image orientation is not two directions at a right angle")
def zero_orientation(folder: Path):
    flair(folder, ImageOrientationPatient=[0, 0, 0, 0, 0, 0])


@refused("image orientation is not two directions at a right angle")
def skewed_orientation(folder: Path):
    flair(folder, ImageOrientationPatient=[1, 0, 0, 0.5, 0.866, 0])


@refused("image orientation is not two directions at a right angle")
def orientation_twice_as_long(folder: Path):
    flair(folder, ImageOrientationPatient=[2, 0, 0, 0, 2, 0])


# What does not belong together


@refused("2 patients are stated under one StudyInstanceUID")
def two_patients_of_one_study(folder: Path):
    flair(folder, number=1)
    flair(folder, number=2, PatientID="PAT-2")


@refused("holds 2 studies of 2 patients")
def two_patients(folder: Path):
    flair(folder, number=1)
    flair(folder, number=2, study="other", PatientID="PAT-2")


@refused("holds 2 studies; give a folder with one study")
def two_studies_of_one_patient(folder: Path):
    flair(folder, number=1)
    flair(folder, number=2, study="later")


@refused("t1 and flair have different frames of reference")
def two_frames_of_reference(folder: Path):
    flair(folder, number=1)
    write_series(folder, "t1", SMALL, number=2, FrameOfReferenceUID=uid("another"))


@refused("t1: the pixel data is damaged or cut short")
def one_series_of_three_cut(folder: Path):
    write_study(folder, grids=SMALL)
    path = sorted(folder.glob("s02*"))[0]
    cut(path, path.stat().st_size - 300)


# Read, with a note


@noted("4-D series: 5 images at each position (points in time); the first is taken, 24 are left out")
def several_points_in_time(folder: Path):
    for time in range(5):
        flair(folder / "t", number=1, TemporalPositionIdentifier=time + 1, SOPInstanceUID=None)
        for index, path in enumerate(sorted((folder / "t").iterdir())):
            path.rename(folder / f"{4 - time}-{index}.dcm")  # the files run against time
            altered(folder / f"{4 - time}-{index}.dcm", SOPInstanceUID=uid(time, index))
    (folder / "t").rmdir()


@noted("4-D series: 2 images at each position (b-values from 0 to 1000)")
def several_b_values(folder: Path):
    for weight in (0, 1000):
        for path in flair(folder / "b", DiffusionBValue=float(weight)):
            altered(path, SOPInstanceUID=uid(weight, path.name)).rename(folder / f"{weight}{path.name}")
    (folder / "b").rmdir()


@noted("6 images left out at positions that another image shows")
def every_place_twice(folder: Path):
    for turn in range(2):
        for path in flair(folder / "x"):
            altered(path, SOPInstanceUID=uid(turn, path.name)).rename(folder / f"{turn}{path.name}")
    (folder / "x").rmdir()


@noted("2 images left out: copies of others")
def copies(folder: Path):
    for path in flair(folder)[:2]:
        path.with_name(f"copy of {path.name}").write_bytes(path.read_bytes())


@noted("1 image of them share SOPInstanceUID and position with another but differ")
def one_uid_with_two_contents(folder: Path):
    path = flair(folder)[0]
    content = bytearray(path.read_bytes())
    content[-100:] = bytes(100)
    path.with_name("other.dcm").write_bytes(bytes(content))


@noted("6 images have no SOPInstanceUID of their own")
def one_uid_for_all(folder: Path):
    flair(folder, SOPInstanceUID="1.2.3.4")


@noted("6 images have no SOPInstanceUID of their own")
def no_uids(folder: Path):
    for path in flair(folder):
        altered(path, SOPInstanceUID=None)


@noted("do not state the position of the images")
def no_positions(folder: Path):
    flair(folder, ImagePositionPatient=None)


@noted("do not state the position of the images")
def spacing_that_is_not_a_number(folder: Path):
    for path in flair(folder):
        content = path.read_bytes()
        spacing = content.index(b"\x28\0\x30\0DS") + 8
        length = int.from_bytes(content[spacing - 2 : spacing], "little")
        path.write_bytes(content[:spacing] + b"nan\\nan".ljust(length)[:length] + content[spacing + length :])


@noted("all 6 images state the same position; sorted by instance number")
def one_position_for_all(folder: Path):
    flair(folder, ImagePositionPatient=[0, 0, 0])


@noted("3 images state no PatientID; taken as of the patient whom the others")
def every_second_patient_blank(folder: Path):
    for path in flair(folder)[::2]:
        altered(path, PatientID="")


@noted("same series, phase images")
def magnitude_and_phase(folder: Path):
    flair(folder)
    for path in flair(folder / "x", ImageType=["ORIGINAL", "PRIMARY", "P", "NONE"]):
        altered(path, SOPInstanceUID=uid("phase", path.name)).rename(folder / f"x{path.name}")
    (folder / "x").rmdir()


@noted("same series without a position")
def one_image_without_a_position(folder: Path):
    altered(flair(folder)[0], ImagePositionPatient=None)


@noted("gaps between slices vary from 20.00 to 40.00 mm")
def a_missing_slice(folder: Path):
    flair(folder)[2].unlink()


@noted("(1 image, same series in another size, 20×24)")
def one_slice_of_another_size(folder: Path):
    path = flair(folder)[0]
    altered(path, Rows=20, Columns=24)


@noted("(3 images, same series in another orientation, sagittal)")
def mixed_orientations(folder: Path):
    flair(folder)
    for path in flair(folder / "x", Grid((3, 24, 20), (20.0, 9.6, 10.0), SAGITTAL)):
        altered(path, SOPInstanceUID=uid("sagittal", path.name)).rename(folder / f"x{path.name}")
    (folder / "x").rmdir()


@noted("1 DICOM file skipped: is a color image in DICOM")
def a_capture_among_images(folder: Path):
    altered(
        flair(folder)[0],
        SamplesPerPixel=3,
        PhotometricInterpretation="RGB",
        PlanarConfiguration=0,
        SeriesInstanceUID="1.9",
        SOPClassUID=CAPTURE,
    )


@noted("1 DICOM file skipped: is a document wrapped in DICOM")
def a_report_among_images(folder: Path):
    flair(folder)
    write_file(folder / "report.dcm", {"SOPClassUID": PDF, "Modality": "DOC", "EncapsulatedDocument": b"%PDF-1.7 "})


@noted("1 DICOM file skipped: is a DICOM segmentation")
def a_segmentation_among_images(folder: Path):
    altered(flair(folder)[0], SOPClassUID=SEG, Modality="SEG")


@noted("2 DICOM files skipped: damaged")
def damaged_headers_among_images(folder: Path):
    for path in flair(folder)[:2]:
        cut(path, 400)


@noted("1 file skipped: not DICOM")
def a_text_among_images(folder: Path):
    flair(folder)
    (folder / "readme.txt").write_text("hello")


@noted("sequence flair taken from")
def no_series_uid(folder: Path):
    flair(folder, SeriesInstanceUID=None)


@noted("sequence flair taken from")
def no_study_uid_and_no_patient(folder: Path):
    flair(folder, StudyInstanceUID=None, PatientID=None, PatientName=None)


@noted("sequence flair taken from")
def no_instance_numbers(folder: Path):
    flair(folder, InstanceNumber=None)


@noted("sequence flair taken from")
def endless_texts(folder: Path):
    flair(folder, PatientComments="x" * 10_000, PerformedProcedureStepDescription="y" * 60)


@noted('series description "AX FLAIR?[31"')
def a_description_that_colors_the_terminal(folder: Path):
    for path in flair(folder):
        content = path.read_bytes()
        path.write_bytes(content.replace(b"AX T2 FLAIR ", b"AX FLAIR\x1b[31", 1))


@noted("the slice thickness is not stated; 1 mm is assumed")
def one_slice_of_no_thickness(folder: Path):
    flair(folder, Grid((1, 24, 20)), SliceThickness=None, SpacingBetweenSlices=None)


@noted("sequence unknown: the series description")
def words_that_contradict_the_timing(folder: Path):
    flair(folder, SeriesDescription="AX T1")


def test_there_are_enough_cases():
    assert len(REFUSED) >= 30
    assert len(NOTED) >= 20


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_gets_one_clear_line_and_nothing_else(
    name: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture,
    recwarn: pytest.WarningsRecorder,
):
    make, expected = REFUSED[name]
    make(tmp_path / name)
    recwarn.clear()
    caplog.clear()
    capfd.readouterr()
    with pytest.raises(TumorscopeError) as caught:
        open_scan(tmp_path / name)
    find_cases(tmp_path / name)
    message = str(caught.value)
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
    assert not [str(warning.message) for warning in recwarn]
    assert expected in message
    assert message.startswith(name)
    assert len(message.splitlines()) == 1
    assert len(message) < 300
    assert not names_the_patient(message)


@pytest.mark.parametrize("name", NOTED)
def test_what_can_be_read_is_read_and_what_is_wrong_is_noted(name: str, tmp_path: Path):
    make, expected = NOTED[name]
    make(tmp_path / name)
    scan = open_scan(tmp_path / name)
    assert any(expected in note for note in texts(scan.notes)), texts(scan.notes)
    assert all(len(note.splitlines()) == 1 and note.isprintable() for note in texts(scan.notes))
    assert not names_the_patient(" ".join(texts(scan.notes)))
    assert len(scan.source_images) in (0, scan.shape[0])
    assert scan.voxels.max() > scan.voxels.min()


def test_the_first_point_in_time_is_the_first_however_the_files_are_named(tmp_path: Path):
    several_points_in_time(tmp_path / "s")
    images = open_scan(tmp_path / "s").source_images
    assert {image.header.TemporalPositionIdentifier for image in images} == {1}


def test_the_rest_of_a_batch_goes_on(tmp_path: Path):
    for name in ("zero_spacing", "the_last_image_cut", "color_captures", "two_patients", "one_uid_for_all"):
        (REFUSED | NOTED)[name][0](tmp_path / name)
        if name != "the_last_image_cut":  # all are written as one study
            for path in (tmp_path / name).iterdir():
                altered(path, StudyInstanceUID=uid(name))
    write_study(tmp_path / "whole", grids=SMALL, study="whole")
    read, failed = [], []
    for case in find_cases(tmp_path):
        try:
            read.append(open_scan(case))
        except TumorscopeError as error:
            failed.append(str(error))
    assert len(failed) == 3, failed
    assert sorted(scan.sequences for scan in read) == [("flair",)] * 3 + [("t1", "t1c", "flair")]


def names_the_patient(text: str) -> bool:
    return re.search(rf"\b(doe|jane)\b|{PATIENT_ID}|PAT-2", text, re.IGNORECASE) is not None
