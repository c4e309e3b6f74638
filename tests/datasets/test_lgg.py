from collections import Counter

import numpy as np
import pytest
from datasets.miniature import write_patient, write_three

from tumorscope.core.errors import BadDataset
from tumorscope.datasets.labeled import cases_of
from tumorscope.datasets.lgg import LggDataset


@pytest.mark.parametrize("inside", [".", "kaggle_3m", "lgg-mri-segmentation/kaggle_3m"])
def test_the_data_set_is_found_from_the_folder_above_too(tmp_path, inside):
    write_three(tmp_path / inside)
    dataset = LggDataset.open(tmp_path)
    assert dataset.root == tmp_path / inside
    assert [patient.case[-13:-9] for patient in dataset.patients] == ["0001", "0002", "0003"]


def test_a_folder_without_the_data_set_is_refused_with_the_layout(tmp_path):
    with pytest.raises(BadDataset, match="unzip the LGG data set"):
        LggDataset.open(tmp_path)
    with pytest.raises(BadDataset, match="no such folder"):
        LggDataset.open(tmp_path / "nowhere")
    (tmp_path / "TCGA_AA_0001_20000101").mkdir()  # a patient's folder without images
    with pytest.raises(BadDataset):
        LggDataset.open(tmp_path)


def test_a_patient_has_slices_in_the_order_of_their_numbers_and_a_mask_of_their_shape(tmp_path):
    write_patient(tmp_path, "TCGA_AA_0001_20000101", list(range(12)))
    patient = LggDataset.open(tmp_path)["TCGA_AA_0001_20000101"]
    assert patient.scan().shape == patient.mask.shape == (12, 32, 32)
    assert patient.mask.sum(axis=(1, 2)).tolist() == list(range(12))
    assert patient.mask.dtype == bool


def test_the_institution_is_in_the_name(tmp_path):
    dataset = LggDataset.open(write_three(tmp_path))
    assert [patient.institution for patient in dataset.patients] == ["AA", "AA", "BB"]


def test_a_patient_of_the_split_alone_is_named(tmp_path):
    with pytest.raises(BadDataset, match="TCGA_ZZ_0000_20000101"):
        LggDataset.open(write_three(tmp_path))["TCGA_ZZ_0000_20000101"]


def test_visits_of_a_patient_are_in_one_part(tmp_path):
    for number in range(8):
        for date in ("19990312", "20010704"):
            write_patient(tmp_path, f"TCGA_AA_{number:04d}_{date}", [number])
    dataset = LggDataset.open(tmp_path)
    assert len(dataset.cases) == 16
    for split in (dataset.split(), dataset.folds(5), dataset.fold(2)):
        assert sorted(name for names in split.parts.values() for name in names) == [
            f"TCGA_AA_{k:04d}" for k in range(8)
        ]
    shown = cases_of(dataset, dataset.split()["train"])
    assert len(shown) == 2 * len(dataset.split()["train"])


def test_folds_hold_every_patient_once(tmp_path):
    for k in range(10):
        write_patient(tmp_path, f"TCGA_AA_{k:04d}_20000101", [k + 1])
    split = LggDataset.open(tmp_path).folds(5)
    assert {part: len(names) for part, names in split.parts.items()} == {f"fold{k}": 2 for k in range(5)}


@pytest.mark.real
def test_the_real_split_balances_institutions_and_tumor_burden(lgg_folder):
    dataset = LggDataset.open(lgg_folder)
    split = dataset.split()
    assert {part: len(names) for part, names in split.parts.items()} == {"train": 63, "validation": 9, "test": 16}
    assert dataset.split().hash == split.hash
    whole = Counter(patient.institution for patient in dataset.patients)
    burden = {patient.patient: int(patient.mask.sum()) for patient in dataset.patients}
    site = {patient.patient: patient.institution for patient in dataset.patients}
    terciles = np.quantile(list(burden.values()), [1 / 3, 2 / 3])
    for names in split.parts.values():
        for institution, count in Counter(site[name] for name in names).items():
            assert abs(count - whole[institution] * len(names) / 88) <= 2
        thirds = Counter(int(np.searchsorted(terciles, burden[name])) for name in names)
        assert all(abs(thirds[k] - len(names) / 3) <= 3 for k in range(3))
