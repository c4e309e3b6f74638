import shutil
from collections import Counter, defaultdict

import h5py
import numpy as np
import pytest
from making import write_miniature_figshare
from reading.files import head, write_cjdata

from tumorscope.core.errors import BadDataset, UnreadableScan
from tumorscope.datasets.figshare import FigshareDataset, FigshareSlice


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Ten patients, two slices each, one fold after the other."""
    return write_miniature_figshare(tmp_path_factory.mktemp("figshare") / "data")


@pytest.fixture
def folder(published, tmp_path):
    return shutil.copytree(published, tmp_path / "data")


def write_folds(folder, folds) -> None:
    with h5py.File(folder / "cvind.mat", "w") as file:
        file["cvind"] = np.array([folds])


def test_slices_come_in_the_order_of_their_numbers_with_patient_type_and_fold(published):
    dataset = FigshareDataset.open(published)
    assert [case.case for case in dataset.cases] == [str(number) for number in range(1, 21)]
    assert [case.patient for case in dataset.cases[:4]] == ["P000", "P000", "P001", "P001"]
    assert [case.tumor_type for case in dataset.cases[:6:2]] == ["meningioma", "glioma", "pituitary"]
    assert [case.fold for case in dataset.cases[::2]] == [1, 2, 3, 4, 5] * 2


def test_a_slice_is_a_t1c_image_with_the_truth_of_its_file(published):
    case = FigshareDataset.open(published).cases[2]
    scan, truth = case.scan(), case.truth()
    assert (scan.shape, scan.sequences, scan.case) == ((1, 96, 96), ("t1c",), "3")
    assert truth.tumor_class == "glioma"
    assert truth.present.tolist() == [True]
    assert truth.mask.shape == scan.shape
    inside = scan.voxels[0, ..., 0][truth.mask[0]].mean()
    assert inside > np.median(scan.voxels[scan.voxels > 50])  # the phantom's tumor enhances


def test_archives_may_be_unzipped_into_folders_of_their_own(published, tmp_path):
    for first, last in ((1, 10), (11, 20)):
        part = tmp_path / f"brainTumorDataPublic_{first}-{last}"
        part.mkdir()
        for number in range(first, last + 1):
            shutil.copy(published / f"{number}.mat", part)
    shutil.copy(published / "cvind.mat", tmp_path)
    dataset = FigshareDataset.open(tmp_path)
    assert [case.case for case in dataset.cases] == [str(number) for number in range(1, 21)]
    assert dataset.cases[-1].fold == 5


def test_folds_are_the_published_ones_and_share_no_patient(published):
    dataset = FigshareDataset.open(published)
    folds = dataset.folds()
    assert folds.parts == {f"fold{k}": (f"P00{k}", f"P00{k + 5}") for k in range(5)}
    for k in range(5):
        split = dataset.fold(k)
        assert split["test"] == folds[f"fold{k}"]
        patients = [patient for names in split.parts.values() for patient in names]
        assert sorted(patients) == [f"P00{patient}" for patient in range(10)]
        assert split["validation"]
    assert dataset.split().hash == dataset.fold(4).hash
    assert dataset.fold(0, seed=1)["test"] == dataset.fold(0)["test"]


def test_other_folds_than_the_published_ones_are_not_made_up(published):
    dataset = FigshareDataset.open(published)
    with pytest.raises(BadDataset, match="4 folds are not published, only 5"):
        dataset.folds(4)
    with pytest.raises(BadDataset, match="no fold 5; the published folds are 0 to 4"):
        dataset.fold(5)


def test_without_cvind_slices_open_but_folds_do_not(folder):
    (folder / "cvind.mat").unlink()
    dataset = FigshareDataset.open(folder)
    assert len(dataset.cases) == 20
    for ask in (dataset.split, dataset.folds, lambda: dataset.fold(0)):
        with pytest.raises(BadDataset, match="no cvind.mat, which holds the published folds"):
            ask()


def test_a_cvind_that_is_too_short_names_the_first_slice_without_a_fold(folder):
    write_folds(folder, [1.0, 1, 2, 2, 3, 3, 4, 4, 5, 5, 1, 1])
    with pytest.raises(BadDataset, match="cvind.mat ends before slice 13"):
        FigshareDataset.open(folder).folds()


def test_a_longer_cvind_belongs_to_a_data_set_of_which_this_is_a_part(folder):
    write_folds(folder, [1.0, 1, 2, 2, 3, 3, 4, 4, 5, 5] * 50)
    assert FigshareDataset.open(folder).folds()["fold0"] == ("P000", "P005")


def test_a_cvind_that_puts_a_patient_in_two_folds_belongs_to_other_slices(folder):
    write_folds(folder, [1.0, 2, 2, 3, 3, 4, 4, 5, 5, 1] * 2)
    with pytest.raises(BadDataset, match="puts patient P000 in two folds"):
        FigshareDataset.open(folder).fold(0)


@pytest.mark.parametrize("folds", [[0.0] * 20, [6.0] * 20, [1.5] * 20, [np.nan] * 20, []])
def test_a_cvind_with_other_values_is_refused(folder, folds):
    write_folds(folder, folds)
    with pytest.raises(BadDataset, match="folds other than 1 to 5; download it again"):
        FigshareDataset.open(folder)


@pytest.mark.parametrize("content", [b"", b"junk", "cut", "other"])
def test_a_damaged_cvind_is_one_clear_line(folder, content):
    path = folder / "cvind.mat"
    if content == "cut":
        content = path.read_bytes()[:900]
    if content == "other":
        with h5py.File(path, "w") as file:
            file["folds"] = np.ones(20)
    else:
        path.write_bytes(content)
    with pytest.raises(BadDataset, match="damaged, or holds no cvind"):
        FigshareDataset.open(folder)


def test_damaged_slices_are_named_and_the_others_stay(folder):
    (folder / "2.mat").write_bytes((folder / "2.mat").read_bytes()[:3000])
    (folder / "5.mat").write_bytes(b"")
    with h5py.File(folder / "7.mat", "w") as file:
        file["image"] = np.zeros((4, 4))
    image, mask = head(32, 32), head(32, 32) > 100
    write_cjdata(folder / "9.mat", image, mask, label=np.array([[4.0]]))
    write_cjdata(folder / "11.mat", image, mask, PID=None)
    dataset = FigshareDataset.open(folder)
    assert list(dataset.unreadable) == ["2.mat", "5.mat", "7.mat", "9.mat", "11.mat"]
    words = ("truncated", "damaged", "no struct cjdata", "label 4 is not 1", "lacks PID")
    for (name, line), word in zip(dataset.unreadable.items(), words, strict=True):
        assert line.startswith(name)
        assert word in line
        assert "\n" not in line
    assert len(dataset.cases) == 15
    assert dataset.folds()["fold0"] == ("P000", "P005")


@pytest.mark.parametrize(
    ("image", "mask", "words"),
    [
        (head(32, 32), np.ones((32, 30), bool), "the mask is 32×30, the image 32×32"),
        (np.zeros((32, 32), np.int16), np.ones((32, 32), bool), "has no contrast"),
        (np.ones((1, 1), np.int16), np.ones((1, 1), bool), "1×1 pixels are too few"),
    ],
)
def test_an_empty_slice_is_refused_with_the_reason_on_reading(tmp_path, image, mask, words):
    write_cjdata(tmp_path / "1.mat", image, mask)
    case = FigshareDataset.open(tmp_path).cases[0]
    with pytest.raises(UnreadableScan, match=words):
        case.scan()


def test_a_huge_slice_is_refused_before_it_is_read(tmp_path):
    path = write_cjdata(tmp_path / "1.mat", head(32, 32), head(32, 32) > 100)
    with h5py.File(path, "a") as file:
        del file["cjdata/image"]
        file["cjdata"].create_dataset("image", shape=(20_000, 20_000), dtype="i2", chunks=(1000, 1000))
    assert path.stat().st_size < 100_000
    with pytest.raises(UnreadableScan, match="are more than the 64,000,000 allowed"):
        FigshareDataset.open(tmp_path).cases[0].scan()


def test_a_folder_without_the_data_set_is_refused_with_the_layout(tmp_path):
    with pytest.raises(BadDataset, match="no such folder"):
        FigshareDataset.open(tmp_path / "nowhere")
    write_folds(tmp_path, [1.0])
    with pytest.raises(BadDataset, match="no N.mat here; unzip the figshare data set"):
        FigshareDataset.open(tmp_path)
    (tmp_path / "1.mat").write_bytes(b"junk")
    with pytest.raises(BadDataset, match="not one slice can be read; the first: 1.mat"):
        FigshareDataset.open(tmp_path)


def test_one_slice_in_two_places_is_refused(folder):
    (folder / "part").mkdir()
    shutil.copy(folder / "3.mat", folder / "part")
    with pytest.raises(BadDataset, match="is there twice.*part/3.mat"):
        FigshareDataset.open(folder)


@pytest.mark.parametrize(
    ("code", "person"),
    [("MR040240", "MR040240"), ("MR040240D", "MR040240"), ("100360", "100360"), ("P00B", "P00B"), ("MRB", "MRB")],
)
def test_a_closing_letter_means_a_later_examination_of_one_person(tmp_path, code, person):
    assert FigshareSlice(tmp_path, code, "glioma", 1).person == person


@pytest.mark.real
def test_the_real_samples_have_their_folds_and_no_patient_in_two(figshare_folder):
    dataset = FigshareDataset.open(figshare_folder)
    assert len(dataset.cases) == 20
    assert not dataset.unreadable
    folds = defaultdict(set)
    for case in dataset.cases:
        folds[case.patient].add(case.fold)
        assert case.scan().shape == case.truth().mask.shape
    assert all(len(found) == 1 for found in folds.values())
    # The publisher's list has all 3,064 slices, of which these are the first.
    with h5py.File(figshare_folder / "cvind.mat") as file:
        published = np.asarray(file["cvind"]).ravel()
    assert len(published) == 3064
    assert [case.fold for case in dataset.cases] == published[:20].tolist()
    parts = dataset.folds().parts
    assert Counter(patient for names in parts.values() for patient in names) == Counter(folds.keys())
