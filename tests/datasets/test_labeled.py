import pytest
from datasets.miniature import write_patient
from making import write_miniature_figshare

from tumorscope.core.errors import BadDataset, BadSplit
from tumorscope.datasets.combined import CombinedDataset
from tumorscope.datasets.figshare import FigshareDataset
from tumorscope.datasets.labeled import cases_of, check_split
from tumorscope.datasets.lgg import LggDataset
from tumorscope.datasets.split import Split


def test_the_cases_of_patients_come_in_the_data_sets_order(tmp_path):
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
