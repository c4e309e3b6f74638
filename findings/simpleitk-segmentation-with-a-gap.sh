#!/usr/bin/env bash
# Software: SimpleITK 2.5.7, ReadImage of a DICOM Segmentation (made with highdicom 0.28.2).
# Behavior: where the segmented series lacks a slice in the middle, the image has a spacing of 1 x 1 x 1 mm, within the
#   slices too, and the direction is the identity even where the frames run downward, so that a mark comes out at a
#   place in the patient where nothing was marked. No exception, no warning.
# Why it surprises: PixelSpacing is the same for all frames and still valid; only the distance of slices is uneven.
#   The same series without the gap is read with the right spacing and direction.
# Tumorscope: writes mask.nii.gz on an even grid beside seg.dcm and says so (docs/dicom.md, "Findings out"); reads
#   segmentations frame by frame by their positions.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.4.6 pydicom==3.0.2 highdicom==0.28.2 SimpleITK==2.5.7
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK
from highdicom.seg import Segmentation, SegmentDescription
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid


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


def read_back(slices):
    """Spacing of the image, and where the one marked voxel is in the patient; it was marked at (4.5, 7.5, 4.0)."""
    mask = np.zeros((len(slices), 24, 20), bool)
    mask[slices.index(1), 5, 6] = True
    segmentation(series(24, 20, [4.0 * index for index in slices]), mask).save_as("seg.dcm")
    image = SimpleITK.ReadImage("seg.dcm")
    (voxel,) = np.argwhere(SimpleITK.GetArrayFromImage(image) > 0)[:, ::-1].tolist()
    return image.GetSpacing(), image.TransformIndexToPhysicalPoint(voxel)


whole, gap = read_back([0, 1, 2, 3, 4, 5, 6, 7, 8]), read_back([0, 1, 2, 3, 5, 6, 7, 8])
print(*(f"{name} {version(name)}" for name in ("SimpleITK", "highdicom", "pydicom", "numpy")), sep=", ")
print("Input:    slices 4 mm apart, pixels of 0.75 x 1.5 mm, a voxel marked at (4.5, 7.5, 4.0); slice 4 of 0-8 missing")
print("Expected: spacing 0.75 x 1.5 mm within slices and the voxel where it was marked, or a refusal or warning")
print("Seen:     nothing missing: spacing {}, marked at {}".format(*whole))
print("          slice missing:   spacing {}, marked at {}".format(*gap))
as_known = (
    np.allclose(whole[0], (0.75, 1.5, 4)) and np.allclose(whole[1], (4.5, 7.5, 4))
    and np.allclose(gap[0], 1) and not np.allclose(gap[1], (4.5, 7.5, 4))
)
sys.exit(0 if as_known else "Changed: SimpleITK behaves otherwise now.")
PYTHON
