from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from dicom_making import AXIAL, CORONAL, SAGITTAL, Grid, oblique, uid, voxels_on, write_series, write_study

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import texts
from tumorscope.io import find_cases, open_scan

SMALL = Grid((8, 48, 40), (12.0, 4.8, 5.0))


def test_a_study_of_three_series_is_one_scan_of_three_channels(tmp_path: Path):
    write_study(tmp_path / "s", ("flair", "t1", "t1c"), SMALL, order="shuffled")
    scan = open_scan(tmp_path / "s")
    assert scan.sequences == ("t1", "t1c", "flair")
    assert scan.case == "s"
    for sequence in scan.sequences:
        assert np.array_equal(scan.channel(sequence), voxels_on(SMALL, sequence))
        assert any(note.startswith(f"sequence {sequence} taken from") for note in texts(scan.notes))
    assert not any("resampled" in note or "left out" in note for note in texts(scan.notes))
    assert np.allclose(scan.affine, SMALL.affine)


@pytest.mark.parametrize("enhanced", [False, True])
@pytest.mark.parametrize("orientation", [AXIAL, CORONAL, SAGITTAL, oblique(12, -8, 20)])
def test_other_series_are_carried_onto_the_grid_of_flair(tmp_path: Path, orientation, enhanced: bool):
    flair = Grid((10, 48, 44), (9.0, 4.0, 4.5), orientation)
    other = Grid((30, 80, 80), (5.0, 2.9, 2.9), oblique(3, 2, -5), shift_mm=(2, -3, 4))
    write_study(tmp_path / "s", ("t1", "flair"), {"flair": flair, "t1": other}, enhanced=enhanced)
    scan = open_scan(tmp_path / "s")
    assert scan.sequences == ("t1", "flair")
    assert "t1 resampled onto the slices of flair" in texts(scan.notes)
    assert scan.affine is not None
    # The scan's slices may run against the grid's; its affine says where they are.
    order = np.rint((np.linalg.inv(flair.affine) @ scan.affine @ np.array([0, 0, 1.0, 0]))[2]).astype(int)
    expected = voxels_on(flair, "t1")[::order].astype(float)
    assert np.array_equal(scan.channel("flair"), voxels_on(flair, "flair")[::order])
    error = np.abs(scan.channel("t1") - expected)[1:-1, 6:-6, 6:-6]
    assert error.mean() < 0.1 * expected.max()
    assert np.corrcoef(scan.channel("t1").ravel(), expected.ravel())[0, 1] > 0.97


def test_the_source_images_are_those_of_the_grid_in_the_order_of_its_slices(tmp_path: Path):
    write_study(tmp_path / "s", ("t1", "flair", "t1c"), {"flair": SMALL, "t1": Grid(), "t1c": SMALL}, order="shuffled")
    scan = open_scan(tmp_path / "s")
    assert len(scan.source_images) == len(scan.slice_names) == 8
    for index, image in enumerate(scan.source_images):
        assert image.header.SeriesDescription == "AX T2 FLAIR"
        assert [float(x) for x in image.header.ImagePositionPatient] == pytest.approx(SMALL.position(index))
        assert image.frame == 0
        assert image.header.PatientName == "Doe^Jane"
        assert image.header.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
        assert "PixelData" not in image.header
    assert len({image.header.SOPInstanceUID for image in scan.source_images}) == 8


def test_the_frames_of_an_enhanced_file_share_one_header(tmp_path: Path):
    write_series(tmp_path / "s", "flair", SMALL, enhanced=True, order="shuffled")
    images = open_scan(tmp_path / "s").source_images
    assert len({id(image.header) for image in images}) == 1
    groups = images[0].header.PerFrameFunctionalGroupsSequence
    heights = [float(groups[image.frame].PlanePositionSequence[0].ImagePositionPatient[2]) for image in images]
    assert heights == pytest.approx([SMALL.position(index)[2] for index in range(8)])


def test_a_series_that_no_bundle_needs_never_stops_a_study(tmp_path: Path):
    """T2 lies in another frame of reference."""
    write_study(tmp_path / "s", ("flair", "t1"), SMALL)
    write_series(tmp_path / "s", "t2", SMALL, number=7, FrameOfReferenceUID=uid("elsewhere"))
    with pytest.raises(UnreadableScan, match="different frames of reference"):
        open_scan(tmp_path / "s")
    scan = open_scan(tmp_path / "s", needed=("flair", "t1", "t1c"))
    assert scan.sequences == ("t1", "flair")
    assert any(note.startswith("t2 left out: s: t2 and flair have different frames") for note in texts(scan.notes))


def test_the_user_says_what_a_series_shows(tmp_path: Path):
    write_study(tmp_path / "s", ("flair", "t1"), SMALL)
    write_series(tmp_path / "s", "t1", SMALL, number=7, SeriesDescription="Protocol 7", ProtocolName="")
    assert open_scan(tmp_path / "s").sequences == ("t1", "flair")
    scan = open_scan(tmp_path / "s", stated={"PROTOCOL 7": "t1c"})
    assert scan.sequences == ("t1", "t1c", "flair")
    assert "sequence t1c as stated by the user" in texts(scan.notes)
    by_number = open_scan(tmp_path / "s", stated={"7": "t1c"})
    assert by_number.sequences == scan.sequences


def test_without_flair_the_grid_is_that_of_the_next_in_line(tmp_path: Path):
    write_study(tmp_path / "s", ("t2", "t1", "t1c"), {"t1": Grid(), "t2": Grid(), "t1c": SMALL})
    scan = open_scan(tmp_path / "s")
    assert scan.sequences == ("t1", "t1c", "t2")
    assert scan.shape == SMALL.shape
    assert scan.source_images[0].header.SeriesDescription == "AX T1 +C"


def test_series_in_folders_of_their_own_are_one_study(tmp_path: Path):
    write_study(tmp_path / "patient" / "study", grids=SMALL, apart=True)
    assert find_cases(tmp_path) == [tmp_path]
    assert open_scan(tmp_path / "patient" / "study").sequences == ("t1", "t1c", "flair")


# Which series is taken


def test_what_is_not_a_sequence_is_left_out_by_name(tmp_path: Path):
    write_study(tmp_path / "s", ("flair", "t1"), SMALL)
    write_series(tmp_path / "s", "t2", SMALL, number=7, SeriesDescription="AX DWI")
    write_series(tmp_path / "s", "t2", Grid((2, 96, 96)), number=8, SeriesDescription="LOC")
    scan = open_scan(tmp_path / "s")
    assert scan.sequences == ("t1", "flair")
    assert 'left out, not of the series taken: "AX DWI" (8 images), "LOC" (2 images)' in texts(scan.notes)


FEW, MANY = Grid((6, 48, 48), (16.0, 4.8, 4.8)), Grid((12, 48, 48), (8.0, 4.8, 4.8))
FINE = Grid((12, 96, 96), (8.0, 2.4, 2.4))
CROWN = Grid((30, 48, 48), (7.0, 4.8, 4.8), CORONAL)
PART = Grid((14, 48, 48), (2.0, 4.8, 4.8))
SCOUT = Grid((3, 48, 48), (40.0, 4.8, 4.8))
THIN = Grid((90, 60, 48), (2.0, 4.0, 4.8), SAGITTAL)


@pytest.mark.parametrize(
    ("better", "worse", "why"),
    [
        (MANY, FEW, "more slices, 12 against 6"),
        (FINE, MANY, "smaller pixels, 2.4 against 4.8 mm"),
        (MANY, CROWN, "axial"),
        (MANY, PART, "the others show a part of the head"),
        (CROWN, SCOUT, "the others show a part of the head"),
        (THIN, CROWN, "thin slices"),
        (MANY, MANY, "the first by number"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_of_two_series_of_one_sequence_the_better_is_taken_and_the_reason_told(
    tmp_path: Path, better: Grid, worse: Grid, why: str, first: bool
):
    if better is worse and not first:
        pytest.skip("no difference but the number")
    write_series(tmp_path / "s", "t1c", better, number=2 if first else 5, SeriesDescription="T1 +C one")
    write_series(tmp_path / "s", "t1c", worse, number=5 if first else 2, SeriesDescription="T1 +C two")
    scan = open_scan(tmp_path / "s")
    assert scan.shape == better.shape
    assert f'"T1 +C one" is taken of 2 t1c series: {why}' in texts(scan.notes)
    assert any(note.startswith('left out, not of the main series: "T1 +C two"') for note in texts(scan.notes))


def test_a_series_whose_timing_contradicts_its_name_is_left_out_with_the_reason(tmp_path: Path):
    write_series(tmp_path, "flair", Grid((4, 24, 20)), number=1)
    timing = {"ScanningSequence": "SE", "RepetitionTime": 5000, "EchoTime": 80, "InversionTime": None}
    write_series(tmp_path, "t1", Grid((4, 24, 20)), number=2, SeriesDescription="AX T1", **timing)
    scan = open_scan(tmp_path)
    assert scan.sequences == ("flair",)
    why = "but the timing (SE, TR 5000, TE 80 ms) is that of t2"
    assert f'left out, not of the main series: "AX T1" (4 images, {why})' in texts(scan.notes)


def test_other_sequences_are_taken_in_the_plane_of_the_grid(tmp_path: Path):
    write_series(tmp_path / "s", "flair", CROWN, number=1)
    write_series(tmp_path / "s", "t1", CROWN, number=2, SeriesDescription="COR T1")
    write_series(tmp_path / "s", "t1", Grid((40, 48, 48), (3.5, 4.8, 4.8)), number=3, SeriesDescription="AX T1")
    scan = open_scan(tmp_path / "s")
    assert '"COR T1" is taken of 2 t1 series: coronal' in texts(scan.notes)


def write_captures(folder: Path, count: int, description: str) -> None:
    """Key images as workstations save them: secondary captures of modality MR, without a position."""
    nowhere = dict.fromkeys(("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "ScanningSequence"))
    for instance in range(1, count + 1):
        write_series(
            folder / str(instance),
            voxels=np.random.default_rng(instance).integers(0, 255, (1, 128, 128)).astype(np.uint8),
            number=9,
            SOPClassUID="1.2.840.10008.5.1.4.1.1.7",
            SOPInstanceUID=uid("capture", instance),
            InstanceNumber=instance,
            ImageType=["DERIVED", "SECONDARY"],
            SeriesDescription=description,
            **nowhere,
        )


@pytest.mark.parametrize("named", ["FLAIR key images", "key images"])
@pytest.mark.parametrize("acquired", ["AX T1 +C", "Kopf"])
def test_captures_of_a_screen_are_not_a_series_whatever_they_are_called(tmp_path: Path, named: str, acquired: str):
    write_series(tmp_path / "s" / "1", "t1c", SMALL, SeriesDescription=acquired, ScanningSequence=None)
    write_captures(tmp_path / "s" / "9", 12, named)
    scan = open_scan(tmp_path / "s")
    assert scan.voxels.shape[:3] == SMALL.shape
    assert scan.sequences == (("unknown",) if acquired == "Kopf" else ("t1c",))
    assert any(f'"{named}" (12 images, captured from a screen)' in note for note in texts(scan.notes))


def test_captures_alone_are_read_and_those_that_the_user_names_too(tmp_path: Path):
    write_captures(tmp_path / "s", 3, "FLAIR key images")
    assert open_scan(tmp_path / "s").sequences == ("flair",)
    write_series(tmp_path / "s" / "acquired", "t1c", SMALL)
    assert open_scan(tmp_path / "s").sequences == ("t1c",)
    assert open_scan(tmp_path / "s", stated={"FLAIR key images": "flair"}).sequences == ("flair",)


def test_a_series_that_was_broken_off_does_not_set_the_slices(tmp_path: Path):
    write_series(tmp_path / "s", "flair", Grid((3, 48, 40), (5.0, 4.8, 5.0), shift_mm=(0, 0, -30)), number=1)
    write_series(tmp_path / "s", "t1c", SMALL, number=2)
    scan = open_scan(tmp_path / "s")
    assert scan.sequences == ("t1c",)
    assert scan.voxels.shape[:3] == SMALL.shape
    assert "flair shows 15 mm of the head, t1c 96 mm: the slices are those of t1c" in texts(scan.notes)
    assert any(note.startswith("flair left out: it shows only") for note in texts(scan.notes))


def test_a_whole_head_in_few_thick_slices_sets_the_slices_all_the_same(tmp_path: Path):
    write_series(tmp_path / "s", "flair", Grid((16, 48, 40), (6.0, 4.8, 5.0)), number=1)
    write_series(tmp_path / "s", "t1c", Grid((200, 24, 24), (1.2, 9.0, 9.0), SAGITTAL), number=2)
    assert open_scan(tmp_path / "s").voxels.shape[0] == 16


def test_echoes_of_one_series_are_told_apart(tmp_path: Path):
    plain = {"SeriesDescription": "AX TSE", "SeriesInstanceUID": "1.2.3", "ScanningSequence": "SE"}
    write_series(tmp_path / "s", "t2", SMALL, number=1, RepetitionTime=3000, EchoTime=15, **plain)
    write_series(tmp_path / "s", "t2", SMALL, number=2, RepetitionTime=3000, EchoTime=90, **plain)
    scan = open_scan(tmp_path / "s")
    assert scan.sequences == ("t2",)
    assert scan.source_images[0].header.EchoTime == 90
    assert any("same series at another echo time, 15 ms" in note for note in texts(scan.notes))


# What does not fit together


def test_a_series_that_shows_little_of_the_grid_is_left_out(tmp_path: Path):
    write_study(tmp_path / "s", ("flair", "t1", "t1c"), {"flair": Grid(), "t1": Grid(), "t1c": PART})
    scan = open_scan(tmp_path / "s")
    assert scan.sequences == ("t1", "flair")
    assert any(note.startswith("t1c left out: it shows only 2") for note in texts(scan.notes))


def test_a_series_that_shows_most_of_the_grid_is_taken_and_the_rest_is_dark(tmp_path: Path):
    short = Grid((24, 96, 96), (4.0, 2.4, 2.4))
    write_study(tmp_path / "s", ("flair", "t1"), {"flair": Grid(), "t1": short})
    scan = open_scan(tmp_path / "s")
    assert any("the rest of it is dark" in note for note in texts(scan.notes))
    assert (scan.channel("t1")[0] == voxels_on(short, "t1").min()).all()
    assert scan.channel("t1")[10].max() > 100


def test_a_series_without_places_is_left_out(tmp_path: Path):
    write_series(tmp_path / "s", "flair", SMALL, number=1)
    write_series(tmp_path / "s", "t1", SMALL, number=2, ImagePositionPatient=None)
    scan = open_scan(tmp_path / "s")
    assert scan.sequences == ("flair",)
    assert "t1 left out: t1 does not state the position of its images" in texts(scan.notes)


def test_an_unstated_frame_of_reference_is_taken_as_the_same_and_told(tmp_path: Path):
    write_series(tmp_path / "s", "flair", SMALL, number=1)
    write_series(tmp_path / "s", "t1", SMALL, number=2, FrameOfReferenceUID=None)
    scan = open_scan(tmp_path / "s")
    assert scan.sequences == ("t1", "flair")
    assert any("frame of reference of t1 or flair is not stated" in note for note in texts(scan.notes))


def test_images_that_share_a_uid_are_not_sources(tmp_path: Path):
    write_series(tmp_path / "s", "flair", SMALL, SOPInstanceUID="1.2.3.4")
    scan = open_scan(tmp_path / "s")
    assert scan.shape == SMALL.shape
    assert scan.source_images == ()
    assert any("8 images have no SOPInstanceUID of their own" in note for note in texts(scan.notes))


# Several studies


def mixed(folder: Path) -> Path:
    """Two patients and a later study of the first, all in one folder, files in no order."""
    parts = {
        "a": {"study": "one", "number": 1},
        "b": {"study": "two", "number": 2, "PatientID": "PAT-2"},
        "c": {"study": "three", "number": 3},
    }
    for name, options in parts.items():
        write_series(folder / name, "flair", SMALL, **options)
    files = [file for name in parts for file in (folder / name).iterdir()]
    random.Random(0).shuffle(files)
    for number, file in enumerate(files):
        file.rename(folder / f"{number:03d}")
    for name in parts:
        (folder / name).rmdir()
    return folder


def test_a_folder_of_several_studies_is_one_case_a_study(tmp_path: Path):
    folder = mixed(tmp_path / "dump")
    with pytest.raises(UnreadableScan, match="dump: holds 3 studies of 2 patients"):
        open_scan(folder)
    told = []
    cases = find_cases(folder, on_files=lambda done, total: told.append((done, total)))
    assert told[-1] == (24, 24)
    assert len(cases) == 3
    scans = [open_scan(case) for case in cases]
    assert len({scan.source_images[0].header.StudyInstanceUID for scan in scans}) == 3
    for scan in scans:
        assert scan.shape == SMALL.shape
        assert scan.case.startswith("study-")
        assert np.array_equal(scan.voxels[..., 0], voxels_on(SMALL, "flair"))
    assert len({scan.case for scan in scans}) == 3
    assert "PAT" not in " ".join(scan.case for scan in scans)


def test_series_folders_of_two_studies_beside_each_other_are_told_apart(tmp_path: Path):
    write_series(tmp_path / "1", "flair", SMALL, study="one", number=1)
    write_series(tmp_path / "2", "t1", SMALL, study="one", number=2)
    write_series(tmp_path / "3", "flair", SMALL, study="two", number=1)
    cases = find_cases(tmp_path)
    assert len(cases) == 2
    assert open_scan(cases[0]).sequences == ("t1", "flair")
    assert cases[1] == tmp_path / "3"


def test_two_patients_who_share_a_study_uid_are_two_cases(tmp_path: Path):
    write_series(tmp_path, "flair", SMALL, number=1)
    write_series(tmp_path, "t1", SMALL, number=2, PatientID="PAT-2")
    assert len(find_cases(tmp_path)) == 2


def test_a_file_without_a_study_belongs_to_the_only_one(tmp_path: Path):
    write_series(tmp_path, "flair", SMALL, number=1)
    write_series(tmp_path, "t1", SMALL, number=2, StudyInstanceUID=None)
    assert find_cases(tmp_path) == [tmp_path]
    assert open_scan(tmp_path).sequences == ("t1", "flair")


def test_series_without_uids_are_told_apart_by_number_and_words(tmp_path: Path):
    write_study(tmp_path, ("flair", "t1"), SMALL, SeriesInstanceUID=None)
    scan = open_scan(tmp_path)
    assert scan.sequences == ("t1", "flair")
    assert np.array_equal(scan.channel("t1"), voxels_on(SMALL, "t1"))


# Named by the user


def test_series_folders_may_be_named_by_sequence(tmp_path: Path):
    write_series(tmp_path / "x", "flair", SMALL, number=1, SeriesDescription="one")
    write_series(tmp_path / "y", "t1", FEW, number=2, SeriesDescription="AX T2")
    scan = open_scan(None, sequences={"t1": tmp_path / "y", "flair": tmp_path / "x"})
    assert scan.sequences == ("t1", "flair")
    assert scan.shape == SMALL.shape
    assert not any(note.startswith("sequence") for note in texts(scan.notes))
    write_series(tmp_path / "z", "t1", SMALL, number=3, FrameOfReferenceUID=uid("elsewhere"))
    with pytest.raises(UnreadableScan, match="different frames of reference"):
        open_scan(None, sequences={"t1": tmp_path / "z", "flair": tmp_path / "x"})


def test_a_folder_named_by_the_patient_names_no_case(tmp_path: Path):
    for number, sequence in enumerate(("flair", "t1"), 1):
        write_series(tmp_path / "DOE_JANE" / sequence, sequence, SMALL, number=number)
    named = {sequence: tmp_path / "DOE_JANE" / sequence for sequence in ("flair", "t1")}
    assert open_scan(None, sequences=named).case.startswith("study-")
    assert open_scan(tmp_path / "DOE_JANE").case.startswith("series-")


def test_of_what_is_not_taken_only_headers_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from tumorscope.io.dicom import pixels

    write_study(tmp_path / "s", ("flair", "t1"), SMALL)
    write_series(tmp_path / "s", "t2", Grid((60, 16, 16)), number=9, SeriesDescription="AX DWI")
    for path in sorted((tmp_path / "s").glob("s09*")):
        with path.open("r+b") as file:
            file.truncate(3_000_000_000)  # a hole that takes no room on the disk
    opened = []
    plain = pixels.read_with_pixels
    monkeypatch.setattr(pixels, "read_with_pixels", lambda path: opened.append(path) or plain(path))
    scan = open_scan(tmp_path / "s")
    assert scan.sequences == ("t1", "flair")
    assert len(opened) == 16
    assert not any(path.name.startswith("s09") for path in opened)


def test_progress_is_told_while_headers_are_read(tmp_path: Path):
    write_study(tmp_path / "s")
    told = []
    open_scan(tmp_path / "s", on_files=lambda done, total: told.append((done, total)))
    assert told == [(50, 99), (99, 99)]
