"""Public data sets as they are unpacked: which cases their folders hold, and which sequences these have."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from reading.files import head, heads, write_nifti

from tumorscope.datasets.phantom import write_phantom_figshare
from tumorscope.io import find_cases, find_mask, open_scan
from tumorscope.io.dicom.studies import StudyFiles

VOLUME = heads(20, 22, 18).transpose(2, 1, 0)
AFFINE = np.diag([8.0, 8, 8, 1])
ALL = ("t1", "t1c", "t2", "flair")

LAYOUTS: dict[str, tuple[str, dict[str, tuple[str, ...]]]] = {
    "BraTS 2015, a folder for each sequence": (
        "HGG/brats_2013_pat0001_1/{VSD.Brain.XX.O.MR_Flair.54512,VSD.Brain.XX.O.MR_T1.54513,"
        "VSD.Brain.XX.O.MR_T1c.54514,VSD.Brain.XX.O.MR_T2.54515,VSD.Brain_3more.XX.O.OT.54517}/=.nii "
        "HGG/brats_tcia_pat101_0001/{VSD.Brain.XX.O.MR_Flair.54524,VSD.Brain.XX.O.MR_T1c.54526}/=.nii",
        {"brats_2013_pat0001_1": ALL, "brats_tcia_pat101_0001": ("t1c", "flair")},
    ),
    "BraTS-MEN-RT": (
        "BraTS-MEN-RT-0001-1/BraTS-MEN-RT-0001-1_{t1c,gtv}.nii",
        {"BraTS-MEN-RT-0001-1_t1c": ("t1c",)},
    ),
    "BraTS inpainting": (
        "BraTS-GLI-00000-000/BraTS-GLI-00000-000-{t1n,t1n-voided,mask,mask-healthy,mask-unhealthy}.nii",
        {"BraTS-GLI-00000-000": ("t1",)},
    ),
    "UCSF-PDGM": (
        "UCSF-PDGM-0004_nifti/UCSF-PDGM-0004_{T1,T1_bias,T1c,T1c_bias,T2,T2_bias,FLAIR,FLAIR_bias,SWI,SWI_bias,DWI,ADC,"
        "ASL,DTI_eddy_FA,brain_segmentation,brain_parenchyma_segmentation,tumor_segmentation}.nii",
        {"UCSF-PDGM-0004_nifti": ALL},
    ),
    "UPENN-GBM, downloads in one folder": (
        "P/UPENN-GBM-00001_11_{T1,T1GD,T2,FLAIR,T1_unstripped,T1GD_unstripped,automated_approx_segm,segm}.nii",
        {"P": ALL},
    ),
    "UPENN-GBM": (
        "images_structural/UPENN-GBM-00001_11/UPENN-GBM-00001_11_{T1,T1GD,T2,FLAIR}.nii "
        "automated_segm/UPENN-GBM-00001_11_automated_approx_segm.nii images_segm/UPENN-GBM-00001_11_segm.nii",
        {"UPENN-GBM-00001_11": ALL},
    ),
    "LUMIERE": (
        "Patient-001/{week-000-1,week-044}/{CT1,T1,T2,FLAIR}.nii "
        "Patient-001/week-044/HD-GLIO-AUTO-segmentation/native/segmentation_{CT1,FLAIR}_origspace.nii",
        {"week-000-1": ALL, "week-044": ALL},
    ),
    "LUMIERE's registered copies": (
        "week-044/{CT1_r2s_bet_reg,T1_r2s_bet_reg,T2_r2s_bet_reg,FLAIR_r2s_bet_reg,segmentation,"
        "segmentation_CT1_origspace}.nii",
        {"week-044": ALL},
    ),
    "RHUH-GBM": (
        "RHUH-0001/{0,1}/RHUH-0001_=_{adc,flair,segmentations,t1,t1ce,t2}.nii",
        {"0": ALL, "1": ALL},
    ),
    "MU-Glioma-Post in one folder": (
        "PatientID_0003_Timepoint_{1,2}_{brain_t1c,brain_t1n,brain_t2f,brain_t2w,tumorMask}.nii",
        {"PatientID_0003_Timepoint_1": ALL, "PatientID_0003_Timepoint_2": ALL},
    ),
    "Yale-Brain-Mets": (
        "YG_ABC123/{2013-03-04_17-44-56,2014-01-02_10-00-01}/YG_ABC123_=_{FLAIR,PRE,POST,T2}.nii",
        {"2013-03-04_17-44-56": ALL, "2014-01-02_10-00-01": ALL},
    ),
    "UCSF-BMSD": (
        "100101A/100101A_{FLAIR,T1post,T1pre,T2Synth,subtraction,seg,BraTS-seg}.nii",
        {"100101A": ("t1", "t1c", "flair")},
    ),
    "UCSF-ALPTDG": (
        "100001/100001_{time1_flair,time1_t1ce,time1_seg,time2_flair,time2_t1ce,time2_seg,seg_subtraction,"
        "t1ce_subtraction}.nii",
        {"100001_time1": ("t1c", "flair"), "100001_time2": ("t1c", "flair")},
    ),
    "Erasmus EGD": (
        "SUBJECTS/{EGD-0001,EGD-0002}/{1_T1/NIFTI/T1,2_T1GD/NIFTI/T1GD,3_T2/NIFTI/T2,4_FLAIR/NIFTI/FLAIR,"
        "5_MASK/NIFTI/MASK}.nii",
        {"EGD-0001": ALL, "EGD-0002": ALL},
    ),
    "MOTUM": (
        "001-Glioma-AYEY/{flair,t1,t2,t1ce,flair_seg_label1,t1ce_seg_label2}.nii",
        {"001-Glioma-AYEY": ALL},
    ),
    "UTSW": (
        "BT0001/{brain_fl,brain_t1,brain_t1ce,brain_t2,tumorseg_FeTS,tumorseg_manual_correction}.nii",
        {"BT0001": ALL},
    ),
    "CaPTk": (
        "c/{T1CE_to_SRI,T1_to_SRI,FL_to_SRI_brain,T2_to_SRI,brainMask_SRI,brainTumorMask_SRI}.nii",
        {"c": ALL},
    ),
    "ReMIND as NIfTI": (
        "ReMIND-001/{3D_AX_T1_postcontrast,3D_AX_T1_precontrast,2D_AX_T2_FLAIR,3D_AX_T2_SPACE,"
        "tumor_seg_MR_ref_3D_AX_T1_postcontrast,cerebrum_seg_MR_ref_3D_AX_T1_postcontrast}.nii",
        {"ReMIND-001": ALL},
    ),
    "CFB-GBM, t0 and t1 are visits": (
        "1/1_{t0,t1}_{t1gd,t1,flair,gtv,brain_mask}.nii",
        {"1_t0": ("t1", "t1c", "flair"), "1": ("t1", "t1c", "flair")},
    ),
    "OASIS-3": (
        "sub-OAS30001_sess-d0129/{anat1/sub-OAS30001_ses-d0129_T1w,anat2/sub-OAS30001_ses-d0129_acq-TSE_T2w,"
        "anat3/sub-OAS30001_ses-d0129_FLAIR,swi1/sub-OAS30001_ses-d0129_swi}.nii",
        {"sub-OAS30001_ses-d0129": ("t1", "t2", "flair")},
    ),
    "ADNI, two dates": (
        "002_S_0413/{MP-RAGE/2006-05-02_12_31_52.0/I1/ADNI_002_S_0413_MR_MP-RAGE_I1,"
        "Axial_T2_FLAIR/2012-05-15_14_00_00.0/I2/ADNI_002_S_0413_MR_Axial_T2_FLAIR_I2}.nii",
        {"ADNI_002_S_0413_MR_MP-RAGE_I1": ("t1",), "ADNI_002_S_0413_MR_Axial_T2_FLAIR_I2": ("flair",)},
    ),
    "ISLES 2022 in one folder": (
        "sub-strokecase0001_ses-0001_{FLAIR,dwi,adc,msk}.nii",
        {"sub-strokecase0001_ses-0001": ("flair",)},
    ),
    "MSLesSeg, T1 and T2 are visits": (
        "train/P1/{T1,T2}/P1_=_{FLAIR,T1,T2,MASK}.nii",
        {"T1": ("t1", "t2", "flair"), "T2": ("t1", "t2", "flair")},
    ),
    "WMH challenge, a mask above the scans": (
        "Utrecht/0/{pre/FLAIR,pre/T1,wmh}.nii",
        {"pre": ("t1", "flair")},
    ),
    "ISBI MS, a folder of masks": (
        "training01/preprocessed/training01_01_{flair,mprage,pd,t2}_pp.nii training01/masks/training01_01_mask{1,2}.nii",
        {"preprocessed": ("t1", "t2", "flair")},
    ),
    "MSSEG 2016": (
        "Patient_01/Preprocessed_Data/{FLAIR,T1,GADO,T2,DP}_preprocessed.nii "
        "Patient_01/Masks/{Consensus,Brain_Mask,ManualSegmentation_1}.nii",
        {"Preprocessed_Data": ALL},
    ),
    "3D-MR-MS": (
        "patient01/patient01_{FLAIR,T1W,T1WKS,T2W,consensus_gt,brainmask}.nii",
        {"patient01": ALL},
    ),
    "HD-BET's outputs": (
        "p/{t1c,t1c_bet,t1c_bet_mask,flair,flair_bet,flair_bet_mask,t1}.nii",
        {"p": ("t1", "t1c", "flair")},
    ),
    "vestibular schwannomas, masks between": (
        "VS_0001_{01,02}_{t1post,seg_t1post}.nii",
        {"VS_0001_01_t1post": ("t1c",), "VS_0001_02_t1post": ("t1c",)},
    ),
}


def expanded(pattern: str) -> list[str]:
    """Names from braces; ``=`` repeats the folder's name, or what the first braces gave."""
    parts = [part.split(",") for part in pattern.replace("{", "\0").replace("}", "\0").split("\0")]
    names = []
    for chosen in product(*parts):
        name = "".join(chosen)
        names.append(name.replace("=", Path(name).parent.name))
    return names


def write(root: Path, name: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".nii":
        write_nifti(path, VOLUME, AFFINE)
    else:
        Image.fromarray(head(seed=len(name))).save(path)


def cases_of(root: Path) -> dict[str, tuple[str, ...]]:
    scans = [open_scan(case, needed=("t1", "t1c", "flair")) for case in find_cases(root)]
    return {scan.case: scan.sequences for scan in scans}


@pytest.mark.parametrize("name", LAYOUTS)
def test_volumes_of_public_data_sets(name: str, tmp_path: Path):
    patterns, cases = LAYOUTS[name]
    root = tmp_path / "set"
    for pattern in patterns.split():
        for each in expanded(pattern):
            write(root, each)
    assert cases_of(root) == cases


def test_a_note_tells_which_sequences_the_other_names_told(tmp_path: Path):
    for name in ("FLAIR", "POST", "T2"):
        write(tmp_path, f"p/YG_{name}.nii")
    notes = [note.text for note in open_scan(tmp_path / "p").notes]
    assert notes == ["taken by what the names of the other files say: YG_POST.nii as t1c"]


def test_a_folder_of_series_folders_is_opened_as_one_scan(tmp_path: Path):
    for sequence in ("T1", "T1GD", "FLAIR"):
        write(tmp_path, f"EGD-0001/1_{sequence}/NIFTI/{sequence}.nii")
    assert open_scan(tmp_path / "EGD-0001").sequences == ("t1", "t1c", "flair")


@pytest.mark.parametrize(
    "names",
    [
        ["visit1/t1.nii", "visit2/flair.nii"],
        ["t1/p01_t1.nii", "flair/p02_flair.nii"],
        ["t1/p01_t1.nii", "flair/p01_flair.nii", "t2/p01_t2.nii", "t1_2/p01_t1.nii"],
    ],
)
def test_visits_patients_and_repeats_in_folders_of_their_own_stay_cases(names: list[str], tmp_path: Path):
    for name in names:
        write(tmp_path, f"set/{name}")
    assert len(find_cases(tmp_path / "set")) == len(names)


def test_the_decathlons_channels_are_named_by_its_description(tmp_path: Path):
    """The order of Task01_BrainTumour."""
    (tmp_path / "imagesTr").mkdir()
    (tmp_path / "labelsTr").mkdir()
    modality = {"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"}
    (tmp_path / "dataset.json").write_text(json.dumps({"modality": modality}))
    for number in (1, 2):
        write_nifti(tmp_path / f"imagesTr/BRATS_00{number}.nii", np.stack([VOLUME] * 4, axis=-1), AFFINE)
        write_nifti(tmp_path / f"labelsTr/BRATS_00{number}.nii", (VOLUME > 100).astype(np.uint8), AFFINE)
    assert cases_of(tmp_path) == dict.fromkeys(("BRATS_001", "BRATS_002"), ("flair", "t1", "t1c", "t2"))
    scan = open_scan(tmp_path / "imagesTr/BRATS_001.nii")
    assert np.array_equal(find_mask(scan), scan.voxels[..., 0] > 100)
    assert "sequences flair, t1, t1c, t2 taken from dataset.json" in [note.text for note in scan.notes]
    (tmp_path / "dataset.json").write_text(json.dumps({"modality": {"0": "FLAIR", "1": "T1w"}}))
    assert open_scan(tmp_path / "imagesTr/BRATS_001.nii").sequences == ("unknown",) * 4


def test_the_channels_of_nnunet_are_one_case(tmp_path: Path):
    for number, channel in product((1, 2), range(3)):
        write(tmp_path, f"imagesTr/BraTS2021_0000{number}_000{channel}.nii")
    names = {"0": "T1", "1": "T1ce", "2": "Flair"}
    (tmp_path / "dataset.json").write_text(json.dumps({"channel_names": names}))
    expected = {f"BraTS2021_0000{number}": ("t1", "t1c", "flair") for number in (1, 2)}
    assert cases_of(tmp_path) == cases_of(tmp_path / "imagesTr") == expected
    (tmp_path / "labelsTr").mkdir()
    write_nifti(tmp_path / "labelsTr/BraTS2021_00002.nii", (VOLUME > 100).astype(np.uint8), AFFINE)
    first, second = map(open_scan, find_cases(tmp_path))
    assert find_mask(first) is None
    assert np.array_equal(find_mask(second), second.channel("flair") > 100)


@pytest.mark.parametrize(
    "content", ["", "[]", '{"modality": 3}', '{"modality": {"0": "T1", "1": "T1w"}}', '{"modality": {"5": "T1"}}']
)
def test_a_description_that_names_no_channels_changes_nothing(content: str, tmp_path: Path):
    write(tmp_path, "imagesTr/a_0000.nii")
    (tmp_path / "dataset.json").write_text(content)
    assert cases_of(tmp_path) == {"a_0000": ("unknown",)}


def test_the_brains_mask_is_not_the_truth(tmp_path: Path):
    for name in ("flair", "brain_segmentation", "tumor_segmentation"):
        write(tmp_path, f"p/UCSF_{name}.nii")
    write_nifti(tmp_path / "p/UCSF_tumor_segmentation.nii", (VOLUME > 200).astype(np.uint8), AFFINE)
    write(tmp_path, "p/UCSF_t1c.nii")
    (case,) = find_cases(tmp_path)
    scan = open_scan(case)
    assert np.array_equal(find_mask(scan), scan.channel("flair") > 200)
    (tmp_path / "p/UCSF_tumor_segmentation.nii").unlink()
    assert find_mask(open_scan(case)) is None


def test_a_map_of_a_function_is_not_assessed_unless_the_user_says_what_it_is(tmp_path: Path):
    write(tmp_path, "UPENN-GBM-00001_11_DTI_FA.nii")
    path = tmp_path / "UPENN-GBM-00001_11_DTI_FA.nii"
    assert open_scan(path).rejection_reason == "the file's name says DTI: not a structural image"
    assert open_scan(path, stated={path.name: "t2"}).rejection_reason is None
    assert open_scan(path, channels=["t2"]).rejection_reason is None


IMAGES: dict[str, tuple[str, dict[str, tuple[str, ...]]]] = {
    "kaggle4": (
        "Testing/{glioma/Te-gl_0010,glioma/Te-gl_0011,notumor/Te-no_0010}.png",
        {"Te-gl_0010": ("unknown",), "Te-gl_0011": ("unknown",), "notumor": ("unknown",)},
    ),
    "SARTAJ": (
        "{glioma_tumor/gg (1),no_tumor/image(1),no_tumor/image(2)}.png",
        {"glioma_tumor": ("unknown",), "image(1)": ("unknown",), "image(2)": ("unknown",)},
    ),
    "Br35H": ("{yes/y0,yes/y1,no/no0}.png", {"y0": ("unknown",), "y1": ("unknown",), "no": ("unknown",)}),
    "44 classes": (
        "{Astrocitoma T1/0a1b,Astrocitoma T1/x,Astrocitoma T1C+/1c2d,Astrocitoma T1C+/y,_NORMAL T2/2e3f}.png",
        {"0a1b": ("t1",), "x": ("t1",), "1c2d": ("t1c",), "y": ("t1c",), "_NORMAL T2": ("t2",)},
    ),
    "BRISC, images and masks": (
        "train/{images,masks}/brisc2025_train_0000{1,2}_gl_ax_t1.png",
        {"images": ("t1c",)},
    ),
    "slices named by sequence": (
        "BraTS20_001_{flair,mask}_{8,9,10}.png",
        {"set": ("flair",)},
    ),
    "masks beside": ("{a,a_mask,b,b_GT,c,mask_c}.png", {"a": ("unknown",), "b": ("unknown",), "c": ("unknown",)}),
}


@pytest.mark.parametrize("name", IMAGES)
def test_images_of_public_data_sets(name: str, tmp_path: Path):
    pattern, cases = IMAGES[name]
    for each in expanded(pattern):
        write(tmp_path / "set", each)
    assert cases_of(tmp_path / "set") == cases


def test_a_mask_in_the_folder_beside_is_the_images(tmp_path: Path):
    for name in ("images/1.png", "images/7.png"):
        write(tmp_path, name)
    (tmp_path / "masks").mkdir()
    Image.fromarray((head() > 100).astype(np.uint8) * 255).save(tmp_path / "masks/1.png")
    one, other = find_cases(tmp_path)
    assert np.array_equal(find_mask(open_scan(one))[0], head() > 100)
    assert find_mask(open_scan(other)) is None


def test_two_stacks_of_one_patient_keep_their_names_apart(tmp_path: Path):
    for number, sequence in product((8, 9, 10), ("flair", "t1ce")):
        write(tmp_path, f"BraTS_001_{sequence}_{number}.png")
    cases = find_cases(tmp_path)
    assert all(isinstance(case, StudyFiles) for case in cases)
    assert cases_of(tmp_path) == {"BraTS_001_flair": ("flair",), "BraTS_001_t1ce": ("t1c",)}


def test_each_sample_of_figshare_is_a_case_and_its_folds_are_none(tmp_path: Path):
    import h5py

    write_phantom_figshare(tmp_path)
    with h5py.File(tmp_path / "cvind.mat", "w") as file:
        file["cvind"] = np.ones(4)
    samples = sorted(tmp_path.glob("[0-9]*.mat"), key=lambda path: int(path.stem))
    assert find_cases(tmp_path) == samples
    assert open_scan(samples[0]).sequences == ("t1c",)


def test_volumes_without_common_words_are_named_by_their_folder(tmp_path: Path):
    for name in ("t1", "flair", "p01_healthy_t1"):
        write(tmp_path, f"nifti/{name}.nii")
    assert cases_of(tmp_path / "nifti") == {"nifti": ("t1", "flair"), "p01_healthy_t1": ("t1",)}
