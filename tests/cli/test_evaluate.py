"""`evaluate`, `calibrate` and `--data` from the command line, on miniatures."""

import csv
from pathlib import Path

import pytest
from making import write_miniature_figshare

from tumorscope.core.errors import BadSplit, TumorscopeError
from tumorscope.datasets.combined import CombinedDataset
from tumorscope.datasets.data_folders import data_folders
from tumorscope.datasets.registry import open_dataset
from tumorscope.datasets.split import Split
from tumorscope.interface.evaluating import cases_of_part


@pytest.fixture(scope="module")
def figshare(tmp_path_factory):
    return open_dataset("figshare", write_miniature_figshare(tmp_path_factory.mktemp("figshare")))


def test_a_joint_split_names_the_cases_of_the_data_set_that_is_asked_for(figshare):
    patients = sorted({case.patient for case in figshare.cases})
    joint = Split("figshare+lgg", {"test": (f"figshare/{patients[0]}", "lgg/TCGA_X"), "train": ("lgg/TCGA_Y",)})
    alone = cases_of_part(figshare, joint, "test")
    assert {case.patient for case in alone} == {patients[0]}
    joined = cases_of_part(CombinedDataset.join({"figshare": figshare}, {}), joint, "test")
    assert [case.case for case in joined] == [f"figshare/{case.case}" for case in alone]
    with pytest.raises(BadSplit, match="no patients of figshare"):
        cases_of_part(figshare, joint, "train")


def test_a_split_of_one_data_set_serves_it_alone_and_joined(figshare):
    patient = figshare.cases[0].patient
    split = Split("figshare", {"test": (patient,)})
    joined = CombinedDataset.join({"figshare": figshare}, {})
    assert len(cases_of_part(figshare, split, "test")) == len(cases_of_part(joined, split, "test")) > 0
    assert len(cases_of_part(figshare, None, "all")) == len(figshare.cases)


@pytest.mark.parametrize(
    ("given", "wanted", "expected"),
    [
        (["data"], ["lgg"], {"lgg": Path("data")}),
        (["lgg=data"], ["lgg"], {"lgg": Path("data")}),
        (["figshare=a", "lgg=b=c"], ["figshare", "lgg"], {"figshare": Path("a"), "lgg": Path("b=c")}),
    ],
)
def test_several_folders_are_given_by_name(given, wanted, expected):
    assert data_folders(given, wanted) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [(["data"], "write NAME=PATH"), (["brats=x"], "one of figshare, lgg"), (["lgg=a", "lgg=b"], "given twice")],
)
def test_folders_that_are_not_clear_are_refused(given, message):
    with pytest.raises(TumorscopeError, match=message):
        data_folders(given, ["figshare", "lgg"])


def test_masks_can_be_saved_and_a_bundle_of_ones_own_is_named_by_its_folder(tmp_path, monkeypatch):
    import json
    import shutil

    from tumorscope.cli import main
    from tumorscope.datasets.phantom import make_phantom, plausible_lesion, write_lgg_folder
    from tumorscope.inference.bundles import load_bundle
    from tumorscope.io import open_scan
    from tumorscope.training.feature_model.predicted_masks import mask_source

    folder = tmp_path / "kaggle_3m"
    phantom = make_phantom([plausible_lesion(0)], shape=(8, 192, 192))
    patient = write_lgg_folder(phantom, folder, "TCGA_XX_0001_20000101")
    kept, out, bundle = tmp_path / "masks.npz", tmp_path / "evaluation", tmp_path / "second-try"
    shutil.copytree(load_bundle("lgg").folder, bundle)
    command = ["evaluate", "lgg", folder, "--bundle", bundle, "--part", "all", "-o", out, "--save-masks", kept]
    monkeypatch.setattr("sys.argv", ["tumorscope", *map(str, command)])
    with pytest.raises(SystemExit, match="0"):
        main()
    mask = mask_source(kept)(open_scan(patient))
    with (out / "cases.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    content = json.loads((out / "evaluation.json").read_text())
    assert content["cases"] == 1
    assert (content["bundle"]["name"], content["bundle"]["folder"]) == ("lgg", "second-try")
    report = (out / "evaluation.md").read_text()
    assert "--bundle BUNDLES/second-try --part all" in report
    assert "in the folder `second-try`" in report
    assert str(tmp_path) not in report
    assert int(row["predicted_px"]) == mask.sum() > 0


def test_the_results_page_is_made_of_the_stored_runs():
    """The page in the repository is what the command writes today."""
    import importlib.util

    root = Path(__file__).parents[2]
    spec = importlib.util.spec_from_file_location("results", root / "benchmarks" / "results.py")
    results = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(results)
    runs, notebooks, ablations = results.load()
    assert (root / "docs" / "results.md").read_text() == results.page(runs, notebooks, ablations)
    for run in runs:
        assert run["metrics"]["slices"] >= run["metrics"]["cases"] >= run["metrics"]["patients"] > 0
