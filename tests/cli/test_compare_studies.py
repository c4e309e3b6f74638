"""`tumorscope compare-studies` through the command line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from reading.files import write_nifti

from tumorscope.cli.compare_studies import command
from tumorscope.core.errors import TumorscopeError
from tumorscope.measurement.rle import encode
from tumorscope.reporting.analysis_document import (
    AnalysisDocument,
    BundleEntry,
    EngineEntry,
    GeometryEntry,
    LabelEntry,
    OperatingPointEntry,
    RunLengths,
)
from tumorscope.reporting.document import to_json

AFFINE = np.diag([1.0, 1.0, 3.0, 1.0])


@pytest.fixture
def run(in_empty_folder):
    return in_empty_folder(command)


def write_mask(name, *discs, affine=AFFINE):
    """Discs ``(column, row, diameter, label)``, three slices high."""
    mask = np.zeros((96, 96, 6), np.uint8)
    column, row = np.indices(mask.shape[:2])
    for x, y, diameter, *label in discs:
        inside = (column - x) ** 2 + (row - y) ** 2 <= (diameter / 2) ** 2
        mask[inside, 1:4] = label[0] if label else 1
    return write_nifti(Path(name), mask, affine)


def test_a_response_is_told_with_the_rule_that_decided(run):
    write_mask("before.nii", (48, 48, 40))
    write_mask("after.nii", (48, 48, 26))
    error, out = run("before.nii", "after.nii", "-o", "c.json")
    assert error is None, out
    assert "PR, partial response" in out
    assert "50 % or more is a partial response" in out
    assert "corticosteroid dose" in out
    assert "clinical status" in out
    assert "Research use only" in out
    document = json.loads(Path("c.json").read_text())
    assert document["schema"] == "tumorscope.comparison/1"
    assert document["category"] == "PR"
    assert document["matches"] == [{"before": [0], "after": [0]}]
    assert document["volume_mm3"]["relative"] == pytest.approx((26 / 40) ** 2 - 1, abs=0.02)
    assert len(document["not_assessed"]) == 5


def test_a_new_lesion_is_named_and_is_progression(run):
    write_mask("before.nii", (30, 48, 24))
    write_mask("after.nii", (30, 48, 24), (70, 48, 16))
    error, out = run("before.nii", "after.nii")
    assert error is None, out
    assert "PD, progressive disease" in out
    assert "new" in next(line for line in out.splitlines() if line.startswith("- "))


def test_one_label_may_be_followed_alone(run):
    write_mask("before.nii", (30, 48, 30, 1), (70, 48, 20, 2))
    write_mask("after.nii", (30, 48, 30, 1))
    error, out = run("before.nii", "after.nii", "--label", "label 2")
    assert isinstance(error, TumorscopeError)
    assert str(error) == "after: has no label 'label 2'; it has 'mask'"
    write_mask("after.nii", (30, 48, 30, 1), (70, 48, 12, 2))
    error, out = run("before.nii", "after.nii", "--label", "label 2")
    assert error is None, out
    assert "PR" in out


def test_an_empty_study_after_is_a_complete_response(run):
    write_mask("before.nii", (48, 48, 30))
    write_mask("after.nii")
    error, out = run("before.nii", "after.nii")
    assert error is None, out
    assert "CR, complete response" in out


def test_other_grids_give_totals_unless_registered(run):
    affine = AFFINE.copy()
    affine[0, 3] = 4
    write_mask("before.nii", (48, 48, 40))
    write_mask("after.nii", (44, 48, 40), affine=affine)
    error, out = run("before.nii", "after.nii")
    assert error is None, out
    assert "lesions are not matched" in out
    error, out = run("before.nii", "after.nii", "--registered")
    assert "lesions are not matched" not in out
    assert "SD, stable disease" in out


def write_analysis(folder, diameter=30, **changes):
    """An ``analysis.json`` with a lesion, and its mask beside it."""
    nifti = nib.load(write_mask(f"{folder}-mask.nii", (48, 48, diameter)))
    mask = np.asarray(nifti.dataobj).astype(bool).transpose(2, 1, 0)
    document = AnalysisDocument(
        case=folder,
        patient_key="aaaaaaaa-1111",
        study_date="2026-01-01",
        sequences=["t1", "flair", "t1c"],
        bundle=BundleEntry(name="lgg", version="0.1.0", sha256="1" * 64, reason=None),
        engine=EngineEntry(runtime="onnxruntime", precision="float", flips=False),
        operating_point=OperatingPointEntry(presence=0.5, mask=0.5),
        input_rejected=None,
        corrected=False,
        incomplete=None,
        tumor_present=True,
        tumor_probability=0.9,
        tumor_type=None,
        radiomics_classifier=None,
        types_agree=None,
        volume_mm3=None,
        voxels=int(mask.sum()),
        slices=[],
        lesions=[],
        geometry=GeometryEntry(
            shape=mask.shape,
            spacing_mm=None,
            affine=AFFINE.tolist(),
            slice_positions=None,
            sequences=["t1", "flair", "t1c"],
            kind="volume",
        ),
        warnings=[],
        notice="",
        timing_ms={},
        mask_rle=[RunLengths(**encode(part)) for part in mask],
    )
    Path(folder).mkdir(exist_ok=True)
    (Path(folder) / "analysis.json").write_text(to_json(document.model_copy(update=changes)))
    Path(f"{folder}-mask.nii").rename(Path(folder) / "mask.nii")
    with gzip.open(Path(folder) / "mask.nii.gz", "wb") as file:
        file.write((Path(folder) / "mask.nii").read_bytes())
    return folder


def label(name, bundle, diameter):
    """A label of an analysis by two bundles: a disc."""
    nifti = nib.load(write_mask("label.nii", (48, 48, diameter)))
    mask = np.asarray(nifti.dataobj).astype(bool).transpose(2, 1, 0)
    return LabelEntry(
        name=name,
        values=[1, 2] if name == "whole tumor" else [2],
        sequences=["t1", "flair", "t1c"] if bundle == "lgg" else ["t1c"],
        bundle=BundleEntry(name=bundle, version="0.1.0", sha256="1" * 64, reason=None),
        engine=EngineEntry(runtime="onnxruntime", precision="float", flips=False),
        operating_point=OperatingPointEntry(presence=0.5, mask=0.5),
        tumor_present=True,
        tumor_probability=0.9,
        volume_mm3=None,
        voxels=int(mask.sum()),
        slices=[],
        lesions=[],
        mask_rle=[RunLengths(**encode(part)) for part in mask],
    )


def test_labels_of_two_studies_are_compared_one_by_one(run):
    for name, date, enhancing in (("before", "2026-01-01", 30), ("after", "2026-03-01", 15)):
        labels = [label("whole tumor", "lgg", 40), label("enhancing tumor", "t1c", enhancing)]
        write_analysis(name, 40, labels=labels, study_date=date)
    error, out = run("before", "after", "-o", "whole.json")
    assert error is None, out
    assert "SD, stable disease" in out
    assert json.loads(Path("whole.json").read_text())["after"]["bundle"] == "lgg 0.1.0 + t1c 0.1.0"
    error, out = run("before", "after", "--label", "enhancing tumor", "-o", "enhancing.json")
    assert error is None, out
    assert "PR, partial response" in out
    after = json.loads(Path("enhancing.json").read_text())["after"]
    assert (after["bundle"], after["sequences"]) == ("t1c 0.1.0", ["t1c"])


def test_a_whole_tumor_by_two_bundles_is_not_compared_with_one_by_a_single_bundle(run):
    write_analysis("before", 40)
    labels = [label("whole tumor", "lgg", 40), label("enhancing tumor", "t1c", 15)]
    write_analysis("after", 40, labels=labels, study_date="2026-03-01")
    error, _out = run("before", "after")
    assert isinstance(error, TumorscopeError)
    assert "different bundles (lgg 0.1.0 and lgg 0.1.0 + t1c 0.1.0)" in str(error)


def test_two_studies_of_a_patient_are_compared_with_their_dates(run):
    write_analysis("before", 40)
    write_analysis("after", 26, study_date="2026-03-01")
    error, out = run("before", "after", "-o", "c.json")
    assert error is None, out
    assert "2026-01-01" in out
    assert "2026-03-01" in out
    assert "taken for granted" not in out
    after = json.loads(Path("c.json").read_text())["after"]
    assert (after["patient_key"], after["study_date"], after["bundle"]) == ("aaaaaaaa-1111", "2026-03-01", "lgg 0.1.0")
    assert after["sequences"] == ["t1", "flair", "t1c"]


@pytest.mark.parametrize("name", ["after", "after/analysis.json", "after/mask.nii.gz"])
def test_studies_of_two_patients_are_compared_only_when_forced(run, name):
    write_analysis("before")
    write_analysis("after", patient_key="aaaaaaaa-2222", sequences=["t1", "flair", "flair"])
    error, out = run("before", name)
    assert isinstance(error, TumorscopeError)
    assert (
        "they are of different patients; the network received other sequences (t1 flair t1c, then t1 flair flair)"
        in str(error)
    )
    assert "--force" in str(error)
    assert "RANO" not in out
    error, out = run("before", name, "--force", "-o", "c.json")
    assert error is None, out
    assert "RANO" in out
    notes = json.loads(Path("c.json").read_text())["notes"]
    forced = {"code": "forced_comparison", "text": "compared although they are of different patients"}
    assert forced in notes


def test_analyses_of_unknown_origin_are_compared_with_a_note(run):
    for name in ("before", "after"):
        write_analysis(name, patient_key=None, study_date=None, sequences=["unknown"])
    error, out = run("before", "after")
    assert error is None, out
    assert "taken for granted: that both are of one patient, in this order, of the same sequences" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.nii", "nothing.nii"], "no such mask"),
        (["a.nii", "a.nii", "-o", "c.csv"], "must end in .json"),
    ],
)
def test_a_wrong_call_is_one_clear_line(run, arguments, message):
    write_mask("a.nii", (48, 48, 30))
    error, _ = run(*arguments)
    assert isinstance(error, TumorscopeError)
    assert message in str(error)
