import numpy as np
from dicom_making import Grid, write_series
from PIL import Image

from tumorscope.io import find_cases, open_scan
from tumorscope.io.case_names import told_apart
from tumorscope.io.dicom.studies import StudyFiles


def image(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((20, 20), np.uint8)).save(path)


def test_a_file_is_itself(tmp_path):
    assert find_cases(tmp_path / "scan.nii") == [tmp_path / "scan.nii"]


def test_a_folder_with_a_scan_is_one_case_whatever_folders_lie_in_it(tmp_path):
    image(tmp_path / "1.png")
    image(tmp_path / "thumbnails" / "1.png")
    assert find_cases(tmp_path) == [tmp_path]


def test_a_folder_of_folders_stands_for_the_cases_below(tmp_path):
    image(tmp_path / "b" / "1.png")
    image(tmp_path / "a" / "deep" / "1.png")
    (tmp_path / "data.csv").write_text("patient\n")
    (tmp_path / ".hidden").mkdir()
    image(tmp_path / ".hidden" / "1.png")
    assert find_cases(tmp_path) == [tmp_path / "a" / "deep", tmp_path / "b"]


def test_an_empty_folder_is_given_back_for_its_reader_to_complain(tmp_path):
    (tmp_path / "empty").mkdir()
    assert find_cases(tmp_path) == [tmp_path]


def test_a_study_beside_other_cases_is_the_files_of_its_own(tmp_path):
    write_series(tmp_path / "1", "flair", Grid((2, 24, 20)), number=1)
    write_series(tmp_path / "2", "t1", Grid((2, 24, 20)), number=2)
    image(tmp_path / "3" / "1.png")
    study, other = find_cases(tmp_path)
    assert isinstance(study, StudyFiles)
    assert {file.parent.name for file in study.files} == {"1", "2"}
    assert other == tmp_path / "3"


def test_studies_in_folders_of_their_own_are_the_widest_folders_that_hold_no_other(tmp_path):
    for patient in ("a", "b"):
        for number, sequence in enumerate(("flair", "t1"), 1):
            folder = tmp_path / patient / "2024" / str(number)
            write_series(folder, sequence, Grid((2, 24, 20)), study=patient, number=number)
    write_series(tmp_path / "c" / "ser1", "flair", Grid((2, 24, 20)), study="c")
    for year in ("2023", "2024"):
        write_series(tmp_path / "d" / year / "ser1", "flair", Grid((2, 24, 20)), study=year, PatientID="d")
    # "2024", "2024-2" and "ser1" as names of results would not tell whose they are
    assert find_cases(tmp_path) == [tmp_path / name for name in ("a", "b", "c", "d/2023", "d/2024")]
    assert open_scan(tmp_path / "c").case == "c"
    assert find_cases(tmp_path / "c") == [tmp_path / "c"]


def test_folders_whose_files_name_no_study_are_cases_of_their_own(tmp_path):
    for name in ("a", "b"):
        write_series(tmp_path / name, "flair", Grid((2, 24, 20)), StudyInstanceUID=None, PatientID=None)
    assert find_cases(tmp_path) == [tmp_path / "a", tmp_path / "b"]


def test_a_path_that_cannot_be_is_given_back_too(tmp_path):
    endless = tmp_path / ("x" * 5000)
    assert find_cases(endless) == [endless]


def test_links_in_a_circle_are_not_followed(tmp_path):
    image(tmp_path / "a" / "1.png")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert find_cases(tmp_path) == [tmp_path / "a"]


def test_a_folder_of_links_holds_the_cases_that_they_lead_to_each_once(tmp_path):
    image(tmp_path / "elsewhere" / "one" / "1.png")
    image(tmp_path / "elsewhere" / "two" / "1.png")
    chosen = tmp_path / "chosen"
    image(chosen / "b" / "1.png")
    (chosen / "a").symlink_to(chosen / "b")
    (chosen / "c").symlink_to(tmp_path / "elsewhere" / "two")
    (chosen / "d" / "e").mkdir(parents=True)
    (chosen / "d" / "e" / "f").symlink_to(tmp_path / "elsewhere")
    inside = chosen / "d" / "e" / "f"
    assert find_cases(chosen) == [chosen / "b", inside / "one", inside / "two"]  # folders before links to them


def test_cases_of_one_name_are_told_apart_by_the_folders_above(tmp_path):
    names = ["P1/week-0/1.png", "P2/week-0/1.png", "P2/week-9/1.png", "a/x/1.png", "b/x/1.png"]
    for name in names:
        image(tmp_path / name)
    cases = [tmp_path / name for name in ("P1/week-0", "P2/week-0", "P2/week-9", "a/x/1.png", "b/x/1.png")]
    assert told_apart(cases) == ["P1", "P2", "", "a_x", "b_x"]
    assert told_apart([cases[0], cases[0]]) == ["", ""]


def test_long_names_of_folders_leave_room_for_the_cases_own(tmp_path):
    kinds = "Glioma (Astrocitoma, Ganglioglioma, Glioblastoma, Oligodendroglioma, Ependimoma)"
    for sequence in ("T1", "T1C+"):
        image(tmp_path / f"{kinds} {sequence}" / "1.png")
    cases = [tmp_path / f"{kinds} {sequence}" / "1.png" for sequence in ("T1", "T1C+")]
    assert told_apart(cases) == [
        "Glioma (Astrocitoma, Gan- Ependimoma) T1",
        "Glioma (Astrocitoma, Gan-pendimoma) T1C+",
    ]


def test_dicom_is_not_told_apart_by_folders_which_may_name_patients(tmp_path):
    for name in ("Doe_Jane", "Roe_Richard"):
        write_series(tmp_path / name / "T1", study=name)
    assert told_apart([tmp_path / "Doe_Jane/T1", tmp_path / "Roe_Richard/T1"]) == ["", ""]
