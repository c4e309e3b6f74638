import pytest

from tumorscope.core.folder_contents import files_below, walk
from tumorscope.datasets.brats import BratsDataset
from tumorscope.datasets.phantom import write_phantom_figshare


def test_links_are_followed_and_every_folder_comes_once(tmp_path):
    (tmp_path / "real" / "inner").mkdir(parents=True)
    (tmp_path / "real" / "inner" / "file").touch()
    (tmp_path / "a link").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "inner" / "circle").symlink_to(tmp_path)
    assert [place for place, _folders, _files in walk(tmp_path)] == [
        tmp_path,
        tmp_path / "real",
        tmp_path / "real" / "inner",
    ]
    assert files_below(tmp_path) == [tmp_path / "real" / "inner" / "file"]


def test_folders_that_the_caller_removes_are_not_entered(tmp_path):
    (tmp_path / "wanted").mkdir()
    (tmp_path / "unwanted").mkdir()
    found = []
    for place, folders, _files in walk(tmp_path):
        folders[:] = [name for name in folders if name == "wanted"]
        found.append(place)
    assert found == [tmp_path, tmp_path / "wanted"]


def test_hidden_files_and_folders_are_no_data(tmp_path):
    for name in ("a/x.png", "a/.ipynb_checkpoints/x-checkpoint.png", "a/._x.png", ".git/y.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert files_below(tmp_path) == [tmp_path / "a" / "x.png"]


def test_a_data_set_of_links_to_cases_opens(tmp_path):
    (tmp_path / "store" / "Case_1").mkdir(parents=True)
    (tmp_path / "store" / "Case_1" / "Case_1_seg.nii.gz").touch()
    (tmp_path / "chosen").mkdir()
    (tmp_path / "chosen" / "Case_1").symlink_to(tmp_path / "store" / "Case_1")
    assert [case.folder.name for case in BratsDataset.open(tmp_path / "chosen").cases] == ["Case_1"]


@pytest.mark.parametrize("linked", [True, False])
def test_figshares_folders_may_be_links(tmp_path, linked):
    from tumorscope.datasets.figshare import FigshareDataset

    folder = write_phantom_figshare(tmp_path / "store")
    (tmp_path / "chosen").mkdir()
    if linked:
        (tmp_path / "chosen" / "brainTumorDataPublic_1-766").symlink_to(folder)
    opened = FigshareDataset.open(tmp_path / "chosen" if linked else folder)
    assert len(opened.cases) == len(FigshareDataset.open(folder).cases) > 0
