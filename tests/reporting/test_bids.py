import json
from dataclasses import replace

import nibabel
import numpy as np
import pytest
from reporting.rejected import rejected

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.files import save_whole
from tumorscope.core.notice import NOTICE
from tumorscope.core.scan import Scan, StoredGrid
from tumorscope.measurement.diameters import Diameter, Diameters
from tumorscope.reporting.bids import bids_label, case_folders, write_bids


def test_a_scan_becomes_a_subject_of_a_derivative(analyzed, volume_scan, mask, tmp_path):
    root = tmp_path / "masks"
    paths = write_bids(analyzed(replace(volume_scan, case="case1"), mask), root)
    assert {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()} == {
        "README.md",
        "dataset_description.json",
        "sub-case1/anat/sub-case1_desc-tumor_mask.json",
        "sub-case1/anat/sub-case1_desc-tumor_mask.nii.gz",
    }
    description = json.loads(paths["description"].read_text())
    assert description["DatasetType"] == "derivative"
    assert description["GeneratedBy"][0]["Name"] == "Tumorscope"
    assert {"Name", "BIDSVersion", "SourceDatasets"} <= set(description)
    assert len(description["Authors"]) > 1, "the validator warns of one author or none"
    assert NOTICE in (root / "README.md").read_text()


def test_the_mask_lies_on_the_grid_of_the_file_that_was_read(analyzed, mask, tmp_path):
    stored_affine = np.array([[0, 0, 5.0, -10], [0.9, 0, 0, 3], [0, -1.1, 0, 50], [0, 0, 0, 1]])
    grid = StoredGrid((80, 96, 6), stored_affine, (2, 1, 0), (True, False, False))
    scan = Scan(np.ones((6, 96, 80, 1)), ("flair",), "case1", "volume", np.diag([1.0, 1, 1, 1]), grid)
    image = nibabel.load(write_bids(analyzed(scan, mask), tmp_path)["mask"])
    assert image.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(grid.to_scan(np.asarray(image.dataobj)), mask)
    np.testing.assert_allclose(image.affine, stored_affine, rtol=1e-6)


def test_slices_and_images_become_volumes_too(analyzed, folder_scan, mask, tmp_path):
    single = replace(folder_scan, voxels=folder_scan.voxels[:1], kind="single", slice_names=(), case="single")
    for scan, drawn in ((folder_scan, mask), (single, mask[3:4])):
        image = nibabel.load(write_bids(analyzed(scan, drawn), tmp_path)["mask"])
        np.testing.assert_array_equal(np.asarray(image.dataobj), drawn.transpose(2, 1, 0))


def test_the_probability_is_written_where_it_was_kept_and_goes_with_the_mask(analyzed, volume_scan, mask, tmp_path):
    probability = np.random.default_rng(0).integers(0, 256, mask.shape, dtype=np.uint8)
    analysis = replace(analyzed(volume_scan, mask), probability=probability)
    path = write_bids(analysis, tmp_path)["probability"]
    assert path.name.endswith("_desc-tumor_probseg.nii.gz")
    values = volume_scan.stored.to_scan(np.asarray(nibabel.load(path).dataobj))
    np.testing.assert_array_equal(np.rint(values * 255), probability)
    assert values.max() <= 1
    beside = path.with_name(path.name.replace(".nii.gz", ".json"))
    said = json.loads(beside.read_text())
    assert said["SpatialReference"] == "orig"
    assert said["Bundle"]["Name"] == "made-up"
    assert "0 to 1" in said["Description"]
    assert "probability" not in write_bids(replace(analysis, probability=None), tmp_path)
    assert not path.exists()
    assert not beside.exists()


def test_the_sidecar_has_measurements_and_bundle(analyzed, volume_scan, mask, tmp_path):
    analysis = analyzed(volume_scan, mask)
    line = Diameter(26.4, (30, 20), (53, 20))
    lesion = replace(analysis.lesions[0], diameters=Diameters(3, line, replace(line, length=16.2)), laterality="right")
    said = json.loads(write_bids(replace(analysis, lesions=(lesion,)), tmp_path)["sidecar"].read_text())
    assert said["Type"] == "Lesion"
    assert said["SpatialReference"] == "orig"
    assert said["Bundle"] == {"Name": "made-up", "Version": "1.2.3", "SHA256": analysis.bundle.sha256}
    assert said["Notice"] == NOTICE
    assert said["VolumeMm3"] == analysis.volume_mm3
    (found,) = said["Lesions"]
    assert (found["LongestDiameterMm"], found["PerpendicularDiameterMm"]) == (26.4, 16.2)
    assert found["ProductOfDiametersMm2"] == pytest.approx(26.4 * 16.2, abs=0.005)
    assert found["Laterality"] == "right"


def test_a_rejected_scan_has_an_empty_mask_and_the_reason(analyzed, volume_scan, mask, tmp_path):
    analysis = analyzed(volume_scan, np.zeros_like(mask))
    paths = write_bids(rejected(analysis), tmp_path)
    said = json.loads(paths["sidecar"].read_text())
    assert said["InputRejected"]["code"] == "rejected_by_appearance"
    assert (said["TumorPresent"], said["TumorProbability"]) == (None, None)
    assert not np.asarray(nibabel.load(paths["mask"]).dataobj).any()


def test_several_scans_share_one_data_set(analyzed, volume_scan, mask, tmp_path):
    for case in ("a", "b"):
        write_bids(analyzed(replace(volume_scan, case=case), mask), tmp_path)
    assert {path.name for path in tmp_path.glob("sub-*")} == {"sub-a", "sub-b"}
    assert len(list(tmp_path.glob("dataset_description.json"))) == 1


def test_another_data_set_is_not_written_into(analyzed, volume_scan, mask, tmp_path):
    save_whole(tmp_path / "dataset_description.json", b'{"Name": "Raw scans", "BIDSVersion": "1.8.0"}')
    with pytest.raises(TumorscopeError, match="holds another data set"):
        write_bids(analyzed(volume_scan, mask), tmp_path)
    assert not list(tmp_path.glob("sub-*"))


def test_subject_and_session_of_a_raw_data_set_are_kept(analyzed, volume_scan, mask, tmp_path):
    path = write_bids(analyzed(replace(volume_scan, case="sub-01_ses-pre"), mask), tmp_path)["mask"]
    assert path.relative_to(tmp_path).as_posix() == "sub-01/ses-pre/anat/sub-01_ses-pre_desc-tumor_mask.nii.gz"
    path = write_bids(analyzed(replace(volume_scan, case="sub-01"), mask), tmp_path)["mask"]
    assert path.relative_to(tmp_path).as_posix() == "sub-01/anat/sub-01_desc-tumor_mask.nii.gz"


def test_a_name_of_bids_that_was_counted_up_differs_in_that_label_alone():
    first, second = case_folders("sub-01_ses-pre"), case_folders("sub-01_ses-pre-2")
    assert first[0] == second[0]
    assert first[1] != second[1]
    assert second[1].removeprefix("ses-").isalnum()


@pytest.mark.parametrize("case", ["ses-1", "sub-01_ses-1_T1w", "sub-01_acq-ax", "SUB-01", "ses-1_sub-01"])
def test_what_is_more_or_less_than_subject_and_session_is_a_subject(case):
    assert case_folders(case) == (f"sub-{bids_label(case)}",)


def test_masks_of_another_case_with_the_same_label_are_kept(analyzed, volume_scan, mask, tmp_path):
    first = analyzed(replace(volume_scan, case="sub-01"), mask)
    path = write_bids(first, tmp_path)["mask"]
    content = path.read_bytes()
    with pytest.raises(TumorscopeError, match=r"holds the masks of another case \(sub-01\)"):
        write_bids(analyzed(replace(volume_scan, case="01"), ~mask), tmp_path)
    assert path.read_bytes() == content
    assert write_bids(first, tmp_path)["mask"] == path


@pytest.mark.parametrize("case", ["../../x", "case 1", "case_1", "", "Ä", "a" * 200 + "-"])
def test_labels_are_letters_and_digits_and_distinguish_cases(case):
    label = bids_label(case)
    assert label.isascii()
    assert label.isalnum()
    assert label not in {bids_label(other) for other in ("x", "case1", "case.1", "case", "A", "a" * 200)}


def test_no_case_name_leaves_the_folder(analyzed, volume_scan, mask, tmp_path):
    root = tmp_path / "out"
    paths = write_bids(analyzed(replace(volume_scan, case="../../x"), mask), root)
    assert all(path.resolve().is_relative_to(root.resolve()) for path in paths.values())
