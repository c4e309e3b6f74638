import pytest
from datasets.miniature import write_patient, write_three
from making import write_miniature_classes, write_miniature_figshare

from tumorscope.core.errors import BadDataset, BadSplit
from tumorscope.datasets.combined import CombinedDataset
from tumorscope.datasets.figshare import FigshareDataset
from tumorscope.datasets.folders import FolderDataset
from tumorscope.datasets.labeled import cases_of, check_split
from tumorscope.datasets.lgg import LggDataset
from tumorscope.datasets.opening import open_dataset
from tumorscope.datasets.split import Split

KINDS = {"lgg": LggDataset, "figshare": FigshareDataset, "kaggle4": FolderDataset, "folders": FolderDataset}


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    root = tmp_path_factory.mktemp("sets")
    write_three(root / "lgg")
    write_miniature_figshare(root / "figshare", patients=5, slices=1, size=32)
    for name in ("kaggle4", "folders"):
        write_miniature_classes(root / name, sides={"Training": 2, "Testing": 1}, size=32)
    return root


@pytest.mark.parametrize("name", KINDS)
def test_every_data_set_gives_cases_with_a_truth_that_fits_and_deals_their_patients_out(roots, name):
    dataset = open_dataset(name, roots / name)
    assert isinstance(dataset, KINDS[name])
    assert (dataset.name, dataset.root) == (name, roots / name)
    assert dataset.license
    assert len({case.case for case in dataset.cases}) == len(dataset.cases)
    for case in dataset.cases:
        scan, truth = case.scan(), case.truth()
        assert truth.present.shape == (scan.shape[0],)
        assert truth.mask is None or truth.mask.shape == scan.shape
        assert not dataset.classes or truth.tumor_class in dataset.classes
    patients = {case.patient for case in dataset.cases}
    for split in (dataset.split(), dataset.fold(0), dataset.folds()):
        assert {patient for names in split.parts.values() for patient in names} == patients
        assert split.dataset == name


def test_the_cases_of_patients_come_in_the_data_sets_order(roots, tmp_path):
    dataset = FigshareDataset.open(write_miniature_figshare(tmp_path, patients=3, slices=2, size=32))
    assert [case.case for case in cases_of(dataset, ["P002", "P000"])] == ["1", "2", "5", "6"]
    assert cases_of(dataset, []) == []
    with pytest.raises(BadDataset, match="no patient P009, which the split names"):
        cases_of(dataset, ["P000", "P009"])


@pytest.fixture
def visits(tmp_path):
    """Two patients of whom one was examined twice."""
    for case in ("TCGA_AA_0001_19990312", "TCGA_AA_0001_20010704", "TCGA_AA_0002_20000101"):
        write_patient(tmp_path / "visits", case, [5])
    return LggDataset.open(tmp_path / "visits")


def test_a_split_that_names_examinations_stands_for_their_patients(visits):
    names = [case.case for case in cases_of(visits, ["TCGA_AA_0001_20010704"])]
    assert names == ["TCGA_AA_0001_19990312", "TCGA_AA_0001_20010704"]
    joined = CombinedDataset.join({"lgg": visits}, {"lgg": ("flair",)})
    assert len(cases_of(joined, ["lgg/TCGA_AA_0001_20010704"])) == 2


def test_a_split_with_visits_of_one_patient_on_both_sides_is_refused(visits):
    good = {"train": ("TCGA_AA_0001_19990312", "TCGA_AA_0001_20010704"), "test": ("TCGA_AA_0002_20000101",)}
    check_split(visits, Split("lgg", good))
    bad = {"train": ("TCGA_AA_0001_19990312",), "test": ("TCGA_AA_0002", "TCGA_AA_0001_20010704")}
    words = "patient TCGA_AA_0001 is in both train .as TCGA_AA_0001_19990312. and test .as TCGA_AA_0001_20010704.$"
    with pytest.raises(BadSplit, match=words):
        check_split(visits, Split("lgg", bad))
    joined = CombinedDataset.join({"lgg": visits}, {})
    with pytest.raises(BadSplit, match="patient lgg/TCGA_AA_0001 is in both"):
        check_split(joined, Split("lgg", {part: tuple(f"lgg/{name}" for name in bad[part]) for part in bad}))
    # Who is not there is known by the form of the name.
    absent = {"train": ("TCGA_ZZ_0009_19990312",), "test": ("TCGA_ZZ_0009_20010704",)}
    with pytest.raises(BadSplit, match="patient TCGA_ZZ_0009 is in both"):
        check_split(visits, Split("lgg", absent))


def test_a_name_that_is_no_data_sets_is_refused(roots):
    with pytest.raises(BadDataset, match="isles: no such data set; there are lgg, figshare"):
        open_dataset("isles", roots)
