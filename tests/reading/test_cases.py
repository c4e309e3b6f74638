import numpy as np
from PIL import Image

from tumorscope.reading import find_cases


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((20, 20), np.uint8)).save(path)


def test_a_file_is_itself(tmp_path):
    assert find_cases(tmp_path / "scan.nii") == [tmp_path / "scan.nii"]


def test_a_folder_with_a_scan_is_one_case_whatever_folders_lie_in_it(tmp_path):
    picture(tmp_path / "1.png")
    picture(tmp_path / "thumbnails" / "1.png")
    assert find_cases(tmp_path) == [tmp_path]


def test_a_folder_of_folders_stands_for_the_cases_below(tmp_path):
    picture(tmp_path / "b" / "1.png")
    picture(tmp_path / "a" / "deep" / "1.png")
    (tmp_path / "data.csv").write_text("patient\n")
    (tmp_path / ".hidden").mkdir()
    picture(tmp_path / ".hidden" / "1.png")
    assert find_cases(tmp_path) == [tmp_path / "a" / "deep", tmp_path / "b"]


def test_an_empty_folder_is_given_back_for_its_reader_to_complain(tmp_path):
    (tmp_path / "empty").mkdir()
    assert find_cases(tmp_path) == [tmp_path]


def test_links_in_a_circle_are_not_followed(tmp_path):
    picture(tmp_path / "a" / "1.png")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert find_cases(tmp_path) == [tmp_path / "a"]
