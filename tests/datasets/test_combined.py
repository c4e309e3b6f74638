import numpy as np
import pytest
from datasets.miniature import write_patient
from making import write_miniature_figshare

from tumorscope.core.errors import UnreadableScan
from tumorscope.datasets.combined import CombinedCase, CombinedDataset, by_dataset
from tumorscope.datasets.figshare import FigshareDataset
from tumorscope.datasets.labeled import cases_of
from tumorscope.datasets.lgg import LggDataset


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    root = tmp_path_factory.mktemp("sets")
    for number in range(10):
        write_patient(root / "lgg", f"TCGA_AA_{number:04d}_20000101", [number])
    return {
        "figshare": FigshareDataset.open(write_miniature_figshare(root / "figshare", slices=1, size=32)),
        "lgg": LggDataset.open(root / "lgg"),
    }


@pytest.fixture(scope="module")
def joined(sets):
    return CombinedDataset.join(sets, {"lgg": ("t1", "flair")})


def test_names_begin_with_the_data_set_of_a_case(joined, sets):
    assert joined.name == "figshare+lgg"
    assert joined.root == sets["figshare"].root
    assert joined.classes == ("glioma", "meningioma", "pituitary")
    assert joined.license == f"{sets['figshare'].license}; {sets['lgg'].license}"
    assert [case.case for case in joined.cases[9:12]] == [
        "figshare/10",
        "lgg/TCGA_AA_0000_20000101#t1",
        "lgg/TCGA_AA_0000_20000101#flair",
    ]
    assert len(joined.cases) == 10 + 2 * 10


def test_a_sequence_shown_apart_is_that_sequence_with_the_patients_truth(joined, sets):
    whole = sets["lgg"].patients[3]
    flair = next(case for case in joined.cases if case.case == f"lgg/{whole.case}#flair")
    assert flair.scan().sequences == ("flair",)
    assert np.array_equal(flair.scan().voxels[..., 0], whole.scan().channel("flair"))
    assert np.array_equal(flair.truth().mask, whole.mask)
    both = CombinedCase("lgg", whole)
    assert both.case == f"lgg/{whole.case}"
    assert both.scan().sequences == ("t1", "flair", "t1c")


def test_a_sequence_that_the_scan_lacks_is_one_clear_line(sets):
    with pytest.raises(UnreadableScan, match="lgg/TCGA_AA_0000_20000101#t2: the scan shows t1, flair, t1c only"):
        CombinedCase("lgg", sets["lgg"].patients[0], "t2").scan()


def test_the_first_set_is_tested_by_folds_and_the_others_keep_their_test_side(joined, sets):
    for k in range(5):
        split = joined.fold(k)
        own = [patient for patient in split["test"] if patient.startswith("figshare/")]
        assert own == [f"figshare/{patient}" for patient in sets["figshare"].folds()[f"fold{k}"]]
        others = {patient for patient in split["test"] if patient.startswith("lgg/")}
        assert others == {f"lgg/{patient}" for patient in sets["lgg"].split()["test"]}


def test_a_patients_sequences_never_part(joined):
    split = joined.split()
    assert len({patient for names in split.parts.values() for patient in names}) == 20
    for part in ("train", "validation", "test"):
        shown = cases_of(joined, split[part])
        lgg = [case.case.split("#") for case in shown if case.case.startswith("lgg/")]
        assert sorted(channel for _, channel in lgg) == ["flair"] * (len(lgg) // 2) + ["t1"] * (len(lgg) // 2)


def test_cases_go_back_to_their_own_data_sets(joined, sets):
    found = by_dataset(joined, joined.cases[8:12])
    assert {name: (own is sets[name], len(cases)) for name, (own, cases) in found.items()} == {
        "figshare": (True, 2),
        "lgg": (True, 2),
    }
    assert list(by_dataset(joined, joined.cases[:2])) == ["figshare"]
    assert by_dataset(sets["lgg"], sets["lgg"].cases) == {"lgg": (sets["lgg"], sets["lgg"].cases)}
