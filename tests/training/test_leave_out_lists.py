"""Published lists of copies name cases of any data set; what they name must exist."""

import json

import pytest
from datasets.miniature import write_br35h, write_brisc

from tumorscope.core.errors import TumorscopeError
from tumorscope.datasets.br35h import Br35hDataset
from tumorscope.datasets.brisc import BriscDataset
from tumorscope.datasets.combined import CombinedDataset
from tumorscope.datasets.registry import open_dataset
from tumorscope.recipes.experiment import recipe_folder
from tumorscope.training.leave_out_lists import read_leave_out_lists

BRISC_CASE = "segmentation_task/train/images/brisc2025_train_00001_me_co_t1.jpg"


@pytest.fixture
def br35h(tmp_path):
    write_br35h(tmp_path / "br35h", groups=3)
    return Br35hDataset.open(tmp_path / "br35h")


@pytest.fixture
def write(tmp_path):
    """Of JSON content, the file with it."""

    def save(content, name="kept.json"):
        (tmp_path / name).write_text(content if isinstance(content, str) else json.dumps(content))
        return tmp_path / name

    return save


def test_of_one_data_set_cases_and_groups_are_named_as_it_names_them(br35h, write):
    files = [write({"br35h": ["yes/y1.jpg", "group-2"]}), write({"br35h": ["no/no1.jpg"]}, "more.json")]
    assert read_leave_out_lists(files, br35h) == {
        "yes/y1.jpg": "listed in kept.json",
        "yes/y4.jpg": "listed in kept.json",
        "yes/y5.jpg": "listed in kept.json",
        "no/no1.jpg": "listed in more.json",
    }


def test_of_joined_data_sets_cases_are_named_after_theirs(br35h, write, tmp_path):
    write_brisc(tmp_path / "brisc", per_type=1)
    joined = CombinedDataset.join({"br35h": br35h, "brisc": BriscDataset.open(tmp_path / "brisc")}, {})
    file = write({"brisc": [BRISC_CASE], "br35h": ["yes/y0.jpg"], "figshare": [1, 10], "elsewhere": []})
    assert set(read_leave_out_lists([file], joined)) == {f"brisc/{BRISC_CASE}", "br35h/yes/y0.jpg"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"br53h": ["yes/y0.jpg"]}, "no data set br53h; there are lgg, figshare"),
        ({"br35h": ["yes/y0.jpg", "yes/y77.jpg", "yes/y78.jpg"]}, r"br35h has no case yes/y77\.jpg and 1 more"),
        ({"br35h": [True]}, "not a JSON object with a list of case names"),
        ({"br35h": "yes/y0.jpg"}, "not a JSON object with a list of case names"),
        ("[1]", "not a JSON object with a list of case names"),
        ("{", "not JSON"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(br35h, write, content, message):
    with pytest.raises(TumorscopeError, match=message) as error:
        read_leave_out_lists([write(content)], br35h)
    assert "\n" not in str(error.value)


def test_a_list_that_is_not_there_is_named(br35h, tmp_path):
    with pytest.raises(TumorscopeError, match="cannot be read"):
        read_leave_out_lists([tmp_path / "nowhere.json"], br35h)


@pytest.mark.real
def test_the_list_of_lesions_among_images_without_a_tumor_names_cases_of_kaggle4(kaggle4_folder):
    dataset = open_dataset("kaggle4", kaggle4_folder)
    listed = read_leave_out_lists([recipe_folder() / "leave-out" / "kaggle4-notumor-with-lesion.json"], dataset)
    assert len(listed) == 62
    assert {case.tumor_class for case in dataset.cases if case.case in listed} == {"notumor"}
