import numpy as np
import pytest
from dicom_making import PATIENT_NAME, write_series, write_study
from PIL import Image

from tumorscope.reporting.nifti_files import encode_nifti
from tumorscope.service.web.uploads.upload_cases import find_uploaded_cases

NIFTI = encode_nifti(np.arange(16 * 16 * 2, dtype=np.uint16).reshape(16, 16, 2), np.eye(4))


@pytest.fixture
def sort(make_tree):
    """Groups files, given by name, into cases; returns file names by case name."""

    def take(files):
        tree = make_tree()
        for name, content in files.items():
            path = tree.new_path(name)
            if path is None:
                continue
            if callable(content):
                content(path)
            else:
                path.write_bytes(content)
        cases = find_uploaded_cases(tree)
        found = [(case.name, [path.name for path in case.files]) for case in cases]
        return found, {each.name: each.reason for each in tree.left_out}

    return take


def image(path):
    Image.fromarray(np.arange(400, dtype=np.uint8).reshape(20, 20)).save(path)


def test_a_folder_of_sequences_is_one_case(sort):
    found, left = sort({f"patient one/{name}.nii.gz": NIFTI for name in ("t1", "t1c", "flair")})
    assert found == [("patient_one", ["flair.nii.gz", "t1.nii.gz", "t1c.nii.gz"])]
    assert left == {}


def test_sequences_in_folders_of_their_own_are_one_case(sort):
    files = {"1_T1": "T1", "2_T1GD": "T1GD", "4_FLAIR": "FLAIR", "5_MASK": "MASK"}
    patients = ("EGD-0001", "EGD-0002")
    sent = {f"{patient}/{folder}/NIFTI/{name}.nii.gz": NIFTI for patient in patients for folder, name in files.items()}
    found, left = sort(sent)
    assert found == [(patient, ["T1.nii.gz", "T1GD.nii.gz", "FLAIR.nii.gz"]) for patient in patients]
    assert left == {"MASK.nii.gz": "is a mask by its name; send the scan"}


def test_a_folder_of_masks_beside_the_images_is_left_out(sort):
    found, left = sort({f"{folder}/{name}.png": image for folder in ("images", "masks") for name in ("a", "b")})
    assert found == [("a", ["a.png"]), ("b", ["b.png"])]
    assert set(left.values()) == {"is a mask by its name; send the scan"}


def test_loose_files_of_different_sequences_are_one_case(sort):
    found, _ = sort({"a_flair.nii.gz": NIFTI, "a_t1.nii.gz": NIFTI})
    assert found == [("a_flair", ["a_flair.nii.gz", "a_t1.nii.gz"])]


def test_volumes_that_cannot_form_one_scan_are_several_cases(sort):
    found, _ = sort({"a_flair.nii.gz": NIFTI, "b_flair.nii.gz": NIFTI})
    assert found == [("a_flair", ["a_flair.nii.gz"]), ("b_flair", ["b_flair.nii.gz"])]
    unnamed, _ = sort({"a.nii.gz": NIFTI, "b.nii.gz": NIFTI})
    assert [name for name, _ in unnamed] == ["a", "b"]


def test_slices_of_a_folder_are_one_case_with_their_mask(sort):
    found, left = sort({"TCGA_CS/s_1.tif": image, "TCGA_CS/s_2.tif": image, "TCGA_CS/s_2_mask.tif": image})
    assert found == [("TCGA_CS", ["s_1.tif", "s_2.tif", "s_2_mask.tif"])]
    assert left == {}


def test_each_folder_is_a_case(sort):
    found, _ = sort({"all/a/flair.nii.gz": NIFTI, "all/b/flair.nii.gz": NIFTI, "x.png": image})
    assert sorted(name for name, _ in found) == ["flair", "flair", "x"]


def test_files_that_are_not_scans_are_listed_with_the_reason(sort):
    found, left = sort({"scan/flair.nii.gz": NIFTI, "scan/report.pdf": b"%PDF-1.7", "scan/empty.png": b""})
    assert [name for name, _ in found] == ["flair"]
    assert left == {"report.pdf": "is a PDF", "empty.png": "the file is empty; copy it again"}


def test_a_damaged_slice_excludes_its_stack(sort):
    """Without it the stack would look complete."""
    found, left = sort({"s/1.png": image, "s/2.png": b"no image", "s/3.png": image})
    assert found == []
    assert set(left) == {"1.png", "2.png", "3.png"}
    assert "a slice beside it is damaged (2.png)" in left["1.png"]


def test_a_mask_alone_is_not_a_scan(sort):
    found, left = sort({"case_seg.nii.gz": NIFTI})
    assert found == []
    assert "mask by its name" in left["case_seg.nii.gz"]


def test_a_scan_below_another_is_listed(sort):
    found, left = sort({"a/flair.nii.gz": NIFTI, "a/derived/t1.nii.gz": NIFTI})
    assert [files for _, files in found] == [["flair.nii.gz"]]
    assert "beside or below another scan" in left["t1.nii.gz"]


def test_dicom_files_are_grouped_by_study_and_named_by_a_code(sort, tmp_path):
    one, other = write_series(tmp_path / "one"), write_series(tmp_path / "other", study="other")
    files = {f"{PATIENT_NAME}/A{number}": path.read_bytes() for number, path in enumerate(one)}
    files |= {f"{PATIENT_NAME}/B{number}": path.read_bytes() for number, path in enumerate(other)}
    found, left = sort(files | {"screenshot.png": image, f"{PATIENT_NAME}/preview.png": image})
    names = sorted(name for name, _ in found)
    assert names[0] == "screenshot"
    assert names[1].startswith("study-")
    assert names[2].startswith("study-")
    assert names[1] != names[2]
    assert sorted(len(files) for _, files in found) == sorted([1, len(one), len(other)])
    assert "beside or below" in left["preview.png"]


def test_series_in_sibling_folders_are_one_study(sort, tmp_path):
    folder = write_study(tmp_path / "study", apart=True)
    files = {str(path.relative_to(tmp_path)): path.read_bytes() for path in folder.rglob("*.dcm")}
    found, left = sort(files | {"study/DICOMDIR": next(iter(files.values()))})
    assert left == {}
    assert len(found) == 1
    assert len(found[0][1]) == sum(1 for _ in folder.rglob("*.dcm"))


def test_a_header_keeps_the_file_that_holds_its_voxels(sort):
    sitk = pytest.importorskip("SimpleITK")

    def write(path):
        sitk.WriteImage(sitk.GetImageFromArray(np.zeros((2, 16, 16), np.uint8)), str(path))

    files = {}
    for suffix, voxels in (("mhd", "raw"), ("nhdr", "raw")):
        files[f"{suffix}/a.{suffix}"] = write
        files[f"{suffix}/a.{voxels}"] = lambda path: None  # written together with its header
    files["hdr/a.hdr"] = files["hdr/a.img"] = b""
    found, left = sort(files)
    assert sorted(names for _, names in found) == [["a.mhd", "a.raw"], ["a.nhdr", "a.raw"]]
    assert left == {"a.hdr": "the file is empty; copy it again", "a.img": "the file is empty; copy it again"}


def test_both_files_of_a_nifti_pair_are_one_case(sort):
    import nibabel

    def write(path):
        nibabel.save(nibabel.Nifti1Pair(np.ones((16, 16, 2), np.uint8), np.eye(4)), path)

    found, left = sort({"a.hdr": write, "a.img": lambda path: None})
    assert found == [("a", ["a.hdr", "a.img"])]
    assert left == {}
