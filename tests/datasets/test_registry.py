"""What every data set provides, whichever it is."""

import subprocess
import sys
from pathlib import Path

import pytest
from datasets.miniature import (
    write_br35h,
    write_brats,
    write_brisc,
    write_masks,
    write_nnunet,
    write_own_cases,
    write_table,
    write_three,
)
from making import write_miniature_classes, write_miniature_figshare

from tumorscope.core.errors import BadDataset
from tumorscope.datasets.registry import DATASET_NAMES, dataset_entries, dataset_entry, markdown_table, open_dataset

DOCUMENT = Path(__file__).parents[2] / "docs" / "training.md"


def write_brats_cases(folder):
    for visit in ("000", "001"):
        write_brats(folder, f"BraTS-GLI-00483-{visit}", "-", ("t1n", "t1c", "t2w", "t2f", "seg"))
    for number in range(4):
        write_brats(folder, f"brats_2013_pat{number:04}_1", "_", ("t1ce", "flair", "seg"))


WRITERS = {
    "lgg": write_three,
    "figshare": lambda folder: write_miniature_figshare(folder, patients=5, slices=1, size=32),
    "kaggle4": lambda folder: write_miniature_classes(folder, sides={"Training": 2, "Testing": 1}, size=32),
    "br35h": lambda folder: write_br35h(folder, groups=6),
    "brisc": lambda folder: write_brisc(folder, per_type=3),
    "brats": write_brats_cases,
    "nnunet": write_nnunet,
    "table": write_table,
    "masks": write_masks,
    "cases": write_own_cases,
    "folders": lambda folder: write_miniature_classes(folder, sides={"Training": 2, "Testing": 1}, size=32),
}


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    root = tmp_path_factory.mktemp("sets")
    for name, write in WRITERS.items():
        write(root / name)
    return root


@pytest.mark.parametrize("name", WRITERS)
def test_cases_have_a_ground_truth_that_fits_and_every_split_has_every_patient(roots, name):
    dataset = open_dataset(name, roots / name)
    assert (dataset.name, dataset.root) == (name, roots / name)
    assert dataset.license == dataset_entry(name).license
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


@pytest.mark.parametrize("name", DATASET_NAMES)
def test_every_entry_is_complete(name):
    entry = dataset_entry(name)
    assert entry.name == name
    assert all((entry.title, entry.layout, entry.license, entry.caveats, entry.split_unit))


@pytest.mark.parametrize("name", DATASET_NAMES)
def test_a_folder_without_the_data_set_is_refused(tmp_path, name):
    with pytest.raises(BadDataset, match="here|folder of images per class"):
        open_dataset(name, tmp_path)
    with pytest.raises(BadDataset, match="nowhere: no such folder"):
        open_dataset(name, tmp_path / "nowhere")


def test_an_unknown_name_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(BadDataset, match="isles: no such data set; there are lgg, figshare"):
        open_dataset("isles", tmp_path)


def test_the_documentation_has_the_table_of_the_registry():
    assert len(dataset_entries()) == len(DATASET_NAMES)
    assert markdown_table() in DOCUMENT.read_text(), "insert what `tumorscope datasets list --markdown` prints"


def test_names_are_known_without_importing_a_data_set():
    code = "import sys, tumorscope.datasets.registry; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
