#!/usr/bin/env bash
# Software: highdicom 0.28.2, Segmentation.get_volume.
# Behavior: where the segmented series lacks a slice, the volume has an empty plane at its place, by default and
#   without a warning, also when the segmentation has a frame for each image, so that no frame was left out as empty.
# Why it surprises: "nothing is marked there" and "nobody looked there" are the same in the result: a lesion that
#   reaches over the gap falls apart into two and loses a slice of its volume. allow_missing_positions=True, the
#   documented default, is right for frames left out as empty; Image.get_volume's is False, which refuses.
# Tumorscope: leaves no plane where an image is missing, and counts each slice to half way to its neighbors
#   (docs/dicom.md, "Measurements").
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.4.6 scipy==1.17.1 pydicom==3.0.2 highdicom==0.28.2
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import warnings
from importlib.metadata import version

import numpy as np
from highdicom.seg import Segmentation, SegmentDescription, segread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid
from scipy.ndimage import label


def series(rows, columns, heights_mm):
    """MR slices of made-up pixels at these heights, pixels of 1.5 by 0.75 mm."""
    study, of_series, frame = generate_uid(), generate_uid(), generate_uid()
    slices = []
    for number, height in enumerate(heights_mm, 1):
        image = Dataset()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.SOPClassUID = MRImageStorage
        image.SOPInstanceUID = generate_uid()
        image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = study, of_series, frame
        image.PatientName, image.PatientID, image.StudyID, image.Modality = "Phantom^", "phantom", "1", "MR"
        for empty in ("PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "AccessionNumber"):
            setattr(image, empty, "")
        image.ReferringPhysicianName = image.PositionReferenceIndicator = ""
        image.SeriesNumber, image.InstanceNumber = 1, number
        image.ImagePositionPatient, image.ImageOrientationPatient = [0, 0, height], [1, 0, 0, 0, 1, 0]
        image.PixelSpacing, image.SliceThickness, image.SpacingBetweenSlices = [1.5, 0.75], 4, 4
        image.Rows, image.Columns, image.SamplesPerPixel, image.PixelRepresentation = rows, columns, 1, 0
        image.BitsAllocated = image.BitsStored = 16
        image.HighBit, image.PhotometricInterpretation = 15, "MONOCHROME2"
        image.PixelData = bytes(2 * rows * columns)
        slices.append(image)
    return slices


def segmentation(images, mask):
    """A binary segment, with a frame for each image, empty ones too."""
    ball = SegmentDescription(1, "Lesion", codes.SCT.MorphologicallyAbnormalStructure, codes.SCT.Neoplasm, "MANUAL")
    return Segmentation(
        images, mask, "BINARY", [ball], generate_uid(), 2, generate_uid(), 1, "Phantom", "Phantom", "1", "1",
        omit_empty_frames=False,
    )


slices = [0, 1, 2, 3, 5, 6, 7, 8]
mask = np.zeros((len(slices), 24, 20), bool)
mask[2:6, 5:9, 6:14] = True
segmentation(series(24, 20, [4.0 * index for index in slices]), mask).save_as("seg.dcm")
read = segread("seg.dcm")
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    volume = read.get_volume(combine_segments=True).array
try:
    read.get_volume(combine_segments=True, allow_missing_positions=False)
    refused = False
except RuntimeError as error:
    refused = str(error)
voxels = volume.sum(axis=(1, 2)).tolist()
lesions = label(volume)[1]

print(*(f"{name} {version(name)}" for name in ("highdicom", "pydicom", "numpy", "scipy")), sep=", ")
print("Input:    8 images, slice 4 of 0-8 missing, a frame for each image; one block marked on slices 2, 3, 5 and 6")
print("Expected: a refusal, or a note that slice 4 was never segmented")
print(f"Seen:     {len(volume)} planes, {lesions} lesions, {len(warned)} warnings; voxels by plane: {voxels}")
print(f"          with allow_missing_positions=False: {refused or 'read'}")
as_known = voxels == [0, 0, 32, 32, 0, 32, 32, 0, 0] and lesions == 2 and not warned and bool(refused)
sys.exit(0 if as_known else "Changed: highdicom behaves otherwise now.")
PYTHON
