"""Which files of one folder are one scan, by their names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from reading.files import head, heads, write_nifti

from tumorscope.core.errors import UnreadableScan
from tumorscope.io import find_cases, open_scan
from tumorscope.io.case_grouping import group_images, group_volumes
from tumorscope.io.dicom.studies import StudyFiles

VOLUME = heads(20, 22, 18).transpose(2, 1, 0)
AFFINE = np.diag([8.0, 8, 8, 1])


def volumes(*names: str) -> list[str]:
    """Groups as ``name: files``."""
    return [f"{group.name}: {' '.join(map(str, group.files))}" for group in group_volumes([Path(n) for n in names])]


def images(*names: str) -> list[list[str]]:
    return [[str(path) for path in group.files] for group in group_images([Path(name) for name in names])]


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (
            ["BraTS_001_flair", "BraTS_001_t1", "BraTS_002_flair", "BraTS_002_t1ce"],
            ["BraTS_001: BraTS_001_flair BraTS_001_t1", "BraTS_002: BraTS_002_flair BraTS_002_t1ce"],
        ),
        (["p01_flair", "p02_t1c"], ["p01: p01_flair", "p02: p02_t1c"]),
        (["anna_flair", "anna_t1", "eva_flair"], ["anna: anna_flair anna_t1", "eva: eva_flair"]),
        (
            ["p1_2019-01-01_t1", "p1_2020-01-01_t1", "p1_2019-01-01_flair"],
            ["p1_2019-01-01: p1_2019-01-01_flair p1_2019-01-01_t1", "p1_2020-01-01: p1_2020-01-01_t1"],
        ),
        (["p1_2019_t1", "p1_2020_t1c"], ["p1_2019: p1_2019_t1", "p1_2020: p1_2020_t1c"]),
        (
            ["sub-1_ses-a_T1w", "sub-1_ses-b_T1w", "sub-1_ses-b_FLAIR"],
            ["sub-1_ses-a: sub-1_ses-a_T1w", "sub-1_ses-b: sub-1_ses-b_FLAIR sub-1_ses-b_T1w"],
        ),
        (["1_flair", "1_t1", "2_flair", "2_t1"], ["1: 1_flair 1_t1", "2: 2_flair 2_t1"]),
        (["flair_001", "flair_002", "t1_001", "t1_002"], ["001: flair_001 t1_001", "002: flair_002 t1_002"]),
    ],
)
def test_several_patients_or_sessions_are_several_groups(names: list[str], groups: list[str]):
    assert volumes(*names) == groups


@pytest.mark.parametrize(
    "names",
    [
        ["3_t1_mprage_sag_p2_iso", "5_t2_tirm_tra_dark-fluid", "12_t1_mprage_KM"],
        ["se003_T1", "se005_FLAIR"],
        ["003_T1", "005_FLAIR"],
        ["AX_FLAIR", "SAG_T1", "COR_T1_post", "Head_T2"],
        ["p1_pre_t1", "p1_post_t1", "p1_flair", "p1_adc"],
        ["dicom_t1_mprage_20190101_3", "dicom_t1_mprage_20190101_9", "dicom_t2_tse_20190101_5"],
    ],
)
def test_the_series_of_one_patient_are_one_group(names: list[str]):
    assert len(group_volumes([Path(name) for name in names])) == 1


def test_volumes_without_any_sequence_are_scans_of_their_own():
    assert volumes("a", "b") == ["a: a", "b: b"]
    assert len(group_volumes([Path("a.nii"), Path("b.nii")], {"a.nii": "t1", "b.nii": "flair"})) == 1


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (["slice_1.png", "slice_2.png", "slice_10.png"], None),
        (["slice_1.png", "slice_2.png", "slice_4.png"], [["slice_1.png", "slice_2.png", "slice_4.png"]]),
        (["cat.png", "dog.png"], [["cat.png"], ["dog.png"]]),
        (["Te-gl_12.jpg", "Te-gl_450.jpg", "Te-no_7.jpg"], [["Te-gl_12.jpg"], ["Te-gl_450.jpg"], ["Te-no_7.jpg"]]),
        (
            ["IM-1-1.png", "IM-1-2.png", "IM-2-1.png", "IM-2-2.png"],
            [["IM-1-1.png", "IM-1-2.png"], ["IM-2-1.png", "IM-2-2.png"]],
        ),
        (["9.png", "10.png", "11.png"], [["9.png", "10.png", "11.png"]]),
        (
            [
                f"brisc2025_train_{n:05d}_{k}_t1.jpg"
                for n, k in enumerate(("gl_ax", "gl_ax", "me_co", "me_co", "pi_sa", "pi_sa"))
            ],
            None,
        ),
        (
            [f"im_{n}_{k}.png" for n, k in enumerate(("t1", "t1", "t2", "t2", "flair", "flair"))],
            [["im_0_t1.png", "im_1_t1.png"], ["im_2_t2.png", "im_3_t2.png"], ["im_4_flair.png", "im_5_flair.png"]],
        ),
        (["p_t1.png", "p_t2.png", "p_CT1.png"], None),
        (["p_t1_1.png", "p_t1_2.png", "p_t2_1.png"], [["p_t1_1.png", "p_t1_2.png"], ["p_t2_1.png"]]),
    ],
)
def test_images_are_one_scan_where_their_names_count_up(names: list[str], groups: list[list[str]] | None):
    assert sorted(images(*names)) == sorted(groups or [[name] for name in names])


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    for name in ("p01_flair", "p01_t1", "p02_flair"):
        write_nifti(tmp_path / f"{name}.nii", VOLUME, AFFINE)
    write_nifti(tmp_path / "p01_seg.nii", (VOLUME > 100).astype(np.uint8), AFFINE)
    write_nifti(tmp_path / "p02_seg.nii", (VOLUME > 150).astype(np.uint8), AFFINE)
    return tmp_path


def test_a_flat_folder_of_patients_is_several_cases_each_with_its_mask(flat: Path):
    from tumorscope.io import find_mask

    first, second = find_cases(flat)
    assert isinstance(first, StudyFiles)
    scan = open_scan(first)
    assert (scan.case, scan.sequences) == ("p01", ("t1", "flair"))
    assert np.array_equal(find_mask(scan), scan.channel("flair") > 100)
    assert second == flat / "p02_flair.nii"
    with pytest.raises(UnreadableScan, match=r"p01_flair\.nii and p02_flair\.nii are both flair by name"):
        open_scan(flat)


def test_a_bids_data_set_is_walked_by_subject_and_session(tmp_path: Path):
    (tmp_path / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.9.0"}')

    def write(path: str) -> None:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        write_nifti(tmp_path / path, VOLUME, AFFINE)

    for session in ("pre", "post"):
        start = f"sub-01/ses-{session}/anat/sub-01_ses-{session}"
        for ending in ("T1w", "ce-gadolinium_T1w", "FLAIR", "mod-T1w_defacemask"):
            write(f"{start}_{ending}.nii")
        write(f"sub-01/ses-{session}/func/sub-01_ses-{session}_task-rest_bold.nii")
        write(f"derivatives/fmriprep/sub-01/ses-{session}/anat/sub-01_ses-{session}_desc-preproc_T1w.nii")
    write("sub-02/anat/sub-02_FLAIR.nii")
    write("sub-02/anat/sub-02_run-1_T1w.nii")
    write("sub-02/anat/sub-02_run-2_T1w.nii")
    write("sub-02/dwi/sub-02_dwi.nii")
    scans = [open_scan(case) for case in find_cases(tmp_path)]
    assert [scan.case for scan in scans] == ["sub-01_ses-post", "sub-01_ses-pre", "sub-02"]
    assert [scan.sequences for scan in scans] == [("t1", "t1c", "flair"), ("t1", "t1c", "flair"), ("t1", "flair")]


def test_a_folder_of_unrelated_images_is_many_cases(tmp_path: Path):
    for index, name in enumerate(("brain", "scan of anna", "x_12", "x_900")):
        Image.fromarray(head(seed=index)).save(tmp_path / f"{name}.png")
    assert find_cases(tmp_path) == sorted(tmp_path.iterdir())


def test_two_stacks_of_slices_in_a_folder_are_two_scans(tmp_path: Path):
    for series, rows in ((1, 64), (2, 48)):
        for number in (1, 2, 3):
            Image.fromarray(head(rows, 48, number)).save(tmp_path / f"IM-{series}-{number}.png")
    assert [open_scan(case).shape for case in find_cases(tmp_path)] == [(3, 64, 48), (3, 48, 48)]


def test_a_damaged_patient_among_others_is_a_case_that_fails_with_the_reason(tmp_path: Path):
    write_nifti(tmp_path / "p1_flair.nii.gz", VOLUME, AFFINE)
    (tmp_path / "p2_flair.nii.gz").write_bytes(b"")
    (tmp_path / "p3_flair.nii.gz").write_text("not a volume")
    (tmp_path / "notes.txt").write_text("p3 is damaged")
    cases = find_cases(tmp_path)
    assert cases == [tmp_path / f"p{number}_flair.nii.gz" for number in (1, 2, 3)]
    with pytest.raises(UnreadableScan, match=r"p2_flair.nii.gz: the file is empty; copy it again"):
        open_scan(cases[1])
    with pytest.raises(UnreadableScan, match=r"p3_flair.nii.gz: not NIfTI although its name says so"):
        open_scan(cases[2])


def test_a_damaged_session_of_bids_fails_with_the_reason(tmp_path: Path):
    write_nifti(tmp_path / "sub-1_ses-a_FLAIR.nii.gz", VOLUME, AFFINE)
    (tmp_path / "sub-1_ses-b_FLAIR.nii.gz").write_bytes(b"")
    first, second = find_cases(tmp_path)
    assert open_scan(first).case == "sub-1_ses-a"
    with pytest.raises(UnreadableScan, match="sub-1_ses-b_FLAIR.nii.gz: the file is empty"):
        open_scan(second)


def test_a_damaged_sequence_is_an_error_where_it_is_needed_and_else_a_note(tmp_path: Path):
    write_nifti(tmp_path / "p1_flair.nii.gz", VOLUME, AFFINE)
    (tmp_path / "p1_t1.nii.gz").write_bytes(b"")
    assert find_cases(tmp_path) == [tmp_path]
    with pytest.raises(UnreadableScan, match="p1_t1.nii.gz: the file is empty"):
        open_scan(tmp_path)
    scan = open_scan(tmp_path, needed=("flair",))
    assert scan.sequences == ("flair",)
    assert "t1 left out: p1_t1.nii.gz: the file is empty; copy it again" in [note.text for note in scan.notes]


def test_images_that_are_not_read_are_cases_that_fail_among_others(tmp_path: Path):
    for name in ("anna.png", "eva.png"):
        Image.fromarray(head()).save(tmp_path / name)
    (tmp_path / "ida.webp").write_bytes(b"RIFF\0\0\0\0WEBPVP8L")
    (tmp_path / "mia.jpg").write_bytes(b"")
    (tmp_path / "mia_mask.png").write_bytes(b"")
    assert find_cases(tmp_path) == [tmp_path / name for name in ("anna.png", "eva.png", "ida.webp", "mia.jpg")]
    with pytest.raises(UnreadableScan, match=r"ida.webp: is a WebP image or a video; save it as PNG"):
        open_scan(tmp_path / "ida.webp")
