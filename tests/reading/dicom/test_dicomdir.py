from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicom_making import Grid, voxels_on, write_study
from reading.files import write_dicom

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import texts
from tumorscope.io import find_cases, open_scan

SMALL = Grid((8, 48, 40), (12.0, 4.8, 5.0))


def write_disc(folder: Path, studies: int = 1) -> Path:
    """A disc as a hospital burns it: a DICOMDIR, and files of no telling name in folders."""
    from pydicom.fileset import FileSet

    contents = FileSet()
    for number in range(studies):
        source = write_study(folder / "source" / str(number), ("flair", "t1"), SMALL, study=f"study {number}")
        for file in sorted(source.iterdir()):
            contents.add(file)
    contents.write(folder / "disc")
    return folder / "disc" / "DICOMDIR"


def rewritten(path: Path, change) -> Path:
    from pydicom import dcmread

    dataset = dcmread(path)
    records = [record for record in dataset.DirectoryRecordSequence if "ReferencedFileID" in record]
    change(records)
    dataset.save_as(path)
    return path


def test_a_dicomdir_is_the_study_it_names(tmp_path: Path):
    path = write_disc(tmp_path)
    assert find_cases(path) == [path]
    scan = open_scan(path)
    assert scan.sequences == ("t1", "flair")
    assert np.array_equal(scan.channel("flair"), voxels_on(SMALL, "flair"))
    assert not any("skipped" in note or "missing" in note for note in texts(scan.notes))


def test_the_disc_s_folder_is_the_same_study(tmp_path: Path):
    folder = write_disc(tmp_path).parent
    (folder / "AUTORUN.INF").write_text("[autorun]\n")
    (case,) = find_cases(folder)
    assert open_scan(case).sequences == ("t1", "flair")
    assert open_scan(folder).sequences == ("t1", "flair")


def test_a_dicomdir_is_recognized_by_its_content(tmp_path: Path):
    path = write_disc(tmp_path, studies=2)
    path = path.rename(path.with_name("INDEX.dcm"))
    assert len(find_cases(path)) == 2
    assert len(find_cases(path.parent)) == 2
    assert all(open_scan(case).sequences == ("t1", "flair") for case in find_cases(path.parent))


def test_each_study_of_a_disc_is_a_case(tmp_path: Path):
    path = write_disc(tmp_path, studies=2)
    cases = find_cases(path)
    assert len(cases) == 2
    assert all(open_scan(case).sequences == ("t1", "flair") for case in cases)
    with pytest.raises(UnreadableScan, match="DICOMDIR: holds 2 studies"):
        open_scan(path)


def test_names_in_small_letters_are_found(tmp_path: Path):
    path = write_disc(tmp_path)
    for place in sorted(path.parent.rglob("*"), key=lambda place: -len(place.parts)):
        if place != path:
            place.rename(place.with_name(place.name.lower()))
    assert open_scan(path).sequences == ("t1", "flair")


def renamed(path: Path, change) -> Path:
    """The disc with every file and folder but the DICOMDIR under another name."""
    for place in sorted(path.parent.rglob("*"), key=lambda place: -len(place.parts)):
        if place != path:
            place.rename(place.with_name(change(place)))
    return path


@pytest.mark.parametrize("ending", [".dcm", ".DCM", ";1", ".;1", ".dcm;1"])
def test_endings_that_copying_added_do_not_hide_files(tmp_path: Path, ending: str):
    path = renamed(write_disc(tmp_path), lambda place: place.name + ("" if place.is_dir() else ending))
    scan = open_scan(path)
    assert scan.sequences == ("t1", "flair")
    assert not any("missing" in note for note in texts(scan.notes))


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
@pytest.mark.parametrize("ending", [".dcm", ";1"])
def test_endings_that_the_directory_alone_states_do_not_hide_files(tmp_path: Path, ending: str):
    def add(records):
        for record in records:
            record.ReferencedFileID = [*record.ReferencedFileID[:-1], record.ReferencedFileID[-1] + ending]

    assert open_scan(rewritten(write_disc(tmp_path), add)).sequences == ("t1", "flair")


def test_the_very_name_goes_before_one_with_an_ending(tmp_path: Path):
    path = write_disc(tmp_path)
    first = min(place for place in path.parent.rglob("*") if place.is_file() and place != path)
    first.with_name(first.name + ".dcm").write_bytes(b"another file")
    assert open_scan(path).sequences == ("t1", "flair")


def test_a_missing_file_is_told(tmp_path: Path):
    path = write_disc(tmp_path)
    max(place for place in path.parent.rglob("*") if place.is_file() and place != path).unlink()
    assert "1 file that the DICOMDIR names is missing" in texts(open_scan(path).notes)


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
@pytest.mark.parametrize(
    "file_id", [["..", "secret"], ["PT000000", "..", "..", "secret"], ["/etc", "passwd"], ["..\\secret"], ["C:", "x"]]
)
def test_paths_that_climb_out_are_refused(tmp_path: Path, file_id: list[str]):
    path = write_disc(tmp_path)
    write_dicom(tmp_path / "secret", voxels_on(SMALL, "t2")[0])

    def climb(records):
        records[0].ReferencedFileID = file_id

    with pytest.raises(UnreadableScan, match="names files outside its folder"):
        open_scan(rewritten(path, climb))


def test_links_that_lead_out_are_refused(tmp_path: Path):
    path = write_disc(tmp_path)
    secret = write_dicom(tmp_path / "secret", voxels_on(SMALL, "t2")[0])
    first = min(place for place in path.parent.rglob("*") if place.is_file() and place != path)
    first.unlink()
    first.symlink_to(secret)
    with pytest.raises(UnreadableScan, match="names files outside its folder"):
        open_scan(path)


def test_a_dicomdir_is_known_by_its_content_where_it_was_renamed(tmp_path: Path):
    path = write_disc(tmp_path)
    assert open_scan(path.rename(path.with_name("contents.dcm"))).sequences == ("t1", "flair")
