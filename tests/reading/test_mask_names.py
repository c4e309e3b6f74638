"""Masks by their names, as data sets and programs call them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tumorscope.io.mask_names import is_lesion_mask_name, is_mask_folder, is_mask_name


@pytest.mark.parametrize(
    "name",
    [
        "a_mask.tif",
        "a_seg.nii.gz",
        "mask.png",
        "a-label.png",
        "x_masks.png",
        "a.seg.nii",
        "a.seg.nrrd",
        "mask_1.tif",
        "W39_1998.09.19_Segm.nii",
        "UPENN-GBM-00001_11_automated_approx_segm.nii.gz",
        "UCSF-PDGM-0004_tumor_segmentation.nii.gz",
        "RHUH-0001_0_segmentations.nii.gz",
        "PatientID_0003_Timepoint_1_tumorMask.nii.gz",
        "BraTS-MEN-RT-0001-1_gtv.nii.gz",
        "sub-strokecase0001_ses-0001_msk.nii.gz",
        "flair_seg_label1.nii.gz",
        "t1ce_seg_label2.nii.gz",
        "VS_0001_01_seg_t1post.nii.gz",
        "tumor_seg_MR_ref_3D_AX_T1_postcontrast.nrrd",
        "segmentation_CT1_origspace.nii.gz",
        "training01_01_mask1.nii",
        "BraTS-GLI-00000-000-mask-healthy.nii.gz",
        "brainTumorMask_SRI.nii.gz",
        "tumorseg_FeTS.nii.gz",
        "wmh.nii.gz",
        "Consensus.nii.gz",
        "patient01_consensus_gt.nii.gz",
        "ManualSegmentation_1.nii.gz",
        "sub-00001_acq-T2sel_FLAIR_roi.nii.gz",
        "d_GT.png",
        "gt_12.png",
        "sub-PAT01_ses-preop_space_T1_label-tumor.nii",
        "BraTS20_Training_001_mask_8.png",
        "117_jpg.rf.aa11_mask.png",
    ],
)
def test_masks(name: str):
    assert is_mask_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "a.tif",
        "unmasked.png",
        "segment.png",
        "relabel.png",
        "t1_masked.nii.gz",
        "OAS1_0001_MR1_mpr_n4_anon_111_t88_masked_gfc.hdr",
        "t1_without_mask.nii",
        "t1_no_mask.nii",
        "Roi_Marie_t1.nii.gz",
        "label_study_t1.nii",
        "roi_12_flair.nii.gz",
        "gt12_patient_t2.png",
        "BraTS-GLI-00000-000-t1n-voided.nii.gz",
        "PatientID_0003_Timepoint_1_brain_t1c.nii.gz",
        "mask",
    ],
)
def test_images(name: str):
    assert not is_mask_name(name)


@pytest.mark.parametrize(
    ("name", "of_a_lesion"),
    [
        ("UCSF-PDGM-0004_tumor_segmentation.nii.gz", True),
        ("UCSF-PDGM-0004_brain_segmentation.nii.gz", False),
        ("UCSF-PDGM-0004_brain_parenchyma_segmentation.nii.gz", False),
        ("brainTumorMask_SRI.nii.gz", True),
        ("brainMask_SRI.nii.gz", False),
        ("BETmask.nii.gz", False),
        ("flair_bet_mask.nii.gz", False),
        ("cerebrum_seg_MR_ref_3D_AX_T1.nrrd", False),
        ("BraTS-GLI-00000-000-mask-healthy.nii.gz", False),
        ("brain_017_seg.nii.gz", True),
        ("sub-01_desc-brain_mask.nii.gz", False),
        ("t1.nii.gz", False),
    ],
)
def test_masks_of_the_brain_are_none_of_a_lesion(name: str, of_a_lesion: bool):
    assert is_lesion_mask_name(name) == of_a_lesion


@pytest.mark.parametrize(
    ("name", "of_masks"),
    [
        ("masks", True),
        ("labelsTr", True),
        ("ground_truth", True),
        ("images", False),
        ("DeepBraTumIA-segmentation", False),
    ],
)
def test_folders_of_masks(name: str, of_masks: bool):
    assert is_mask_folder(Path("set") / name) == of_masks
