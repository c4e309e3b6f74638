"""Which files and folders hold masks by their names, as data sets and programs call them."""

from __future__ import annotations

import re
from pathlib import Path

from tumorscope.io.bids_names import parse_bids_name
from tumorscope.io.sequence_words import word_set

_ANYWHERE = word_set(
    "mask masks seg segs segm segmentation segmentations dseg aseg fseg probseg msk gtv brainmask lesionmask tumormask "
    "tumourmask roimask betmask defacemask tumorseg"  # codespell:ignore tumourmask
)
"""Words that are said of masks alone, wherever they are: ``tumor_seg_T1``, ``brainMask_SRI``."""
_AT_THE_END = word_set("label labels roi rois gt groundtruth truth annotation annotations consensus ctv ptv wmh")
"""Words that name a mask where only numbers follow: ``case_12_gt``, ``label_3``."""
_NOT = frozenset({"no", "non", "without", "wo"})
_ANATOMY = word_set(
    "brain cerebrum parenchyma ventricle ventricles head skull face bet tissue gm wm csf healthy "
    "brainmask betmask defacemask aseg"
)
"""Words that say, as a mask's own or next to it, that it is not one of a lesion."""
_FOLDERS = word_set(
    "mask masks label labels labelstr labelsts seg segs segm segmentation segmentations gt groundtruth "
    "annotation annotations"
)
_FORMAT = re.compile(r"\.(nii\.gz|[A-Za-z]+)$", re.IGNORECASE)
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])")


def is_mask_name(name: str) -> bool:
    """Whether a file's name, with its suffix, marks it as a mask.

    >>> is_mask_name("TCGA_CS_4941_19960909_7_mask.tif"), is_mask_name("BraTS_001_seg.nii.gz")
    (True, True)
    >>> is_mask_name("sub-01_space-orig_dseg.nii.gz"), is_mask_name("PatientID_0003_Timepoint_1_tumorMask.nii.gz")
    (True, True)
    >>> is_mask_name("unmasked.png"), is_mask_name("t1_no_mask.nii")
    (False, False)
    """
    stem = _FORMAT.sub("", name)
    if stem == name:  # without a suffix it is not a file of masks, but DICOM
        return False
    bids = parse_bids_name(stem)
    if bids is not None and "label" in bids.entities:  # only masks have this entity
        return True
    words = _words(stem)
    if any(word in _ANYWHERE and before not in _NOT for before, word in zip(["", *words], words, strict=False)):
        return True
    telling = [word for word in words if not word.isdigit()]
    return bool(telling) and telling[-1] in _AT_THE_END


def is_lesion_mask_name(name: str) -> bool:
    """Whether a file's name marks it as a mask of something else than the brain or its tissues.

    >>> is_lesion_mask_name("UCSF-PDGM-0004_tumor_segmentation.nii.gz"), is_lesion_mask_name("brain_017_seg.nii")
    (True, True)
    >>> is_lesion_mask_name("UCSF-PDGM-0004_brain_segmentation.nii.gz"), is_lesion_mask_name("BraTS-mask-healthy.nii")
    (False, False)
    """
    if not is_mask_name(name):
        return False
    words = _words(_FORMAT.sub("", name))
    last = max((index for index, word in enumerate(words) if word in _ANYWHERE), default=len(words) - 1)
    return not _ANATOMY.intersection(words[max(last - 1, 0) : last + 2])


def is_mask_folder(folder: Path) -> bool:
    """Whether a folder is named after masks alone, as ``masks`` beside ``images`` and nnU-Net's ``labelsTr`` are."""
    return folder.name.lower().replace("_", "").replace("-", "").replace(" ", "") in _FOLDERS


def _words(stem: str) -> list[str]:
    """In lower case, without the numbers at their ends: ``mask2`` is ``mask``."""
    words = re.split(r"[^a-z0-9]+", _CAPITAL.sub(" ", stem).lower())
    return [re.sub(r"\d+$", "", word) or word for word in words if word]
