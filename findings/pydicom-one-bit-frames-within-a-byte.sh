#!/usr/bin/env bash
# Software: pydicom 3.0.2, pixels.iter_pixels (the segmentation made with highdicom 0.28.2).
# Behavior: of native pixel data with one bit a pixel, frames that begin within a byte may end in "ValueError: cannot
#   reshape array": where the bits of a frame touch one byte more than its size rounded up. Frame 2 of 23 x 19 pixels
#   begins at bit 5 of a byte and touches 56 bytes, 55 are taken.
# Why it surprises: one-bit frames follow each other without padding (PS3.5), and pixel_array reads the same
#   file; 21 x 20 pixels, with a frame that begins within a byte too, are read.
# Tumorscope: unpacks one-bit frames itself (src/tumorscope/reading/dicom/segmentation.py, _pixels).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.4.6 pydicom==3.0.2 highdicom==0.28.2
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from highdicom.seg import Segmentation, SegmentDescription
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import iter_pixels
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


def frames_read(rows, columns):
    """Frames of two that iter_pixels reads as pixel_array does, and its error."""
    mask = np.zeros((2, rows, columns), bool)
    mask[0, 3:7, 3:7] = mask[1, 10:14, 10:14] = True
    segmentation(series(rows, columns, [0.0, 4.0]), mask).save_as("seg.dcm")
    whole = dcmread("seg.dcm").pixel_array
    assert whole.sum() == mask.sum()
    right = 0
    try:
        for index, frame in enumerate(iter_pixels("seg.dcm")):
            right += np.array_equal(frame, whole[index])
    except ValueError as error:
        return right, str(error)
    return right, "no error"


met, not_met = frames_read(23, 19), frames_read(21, 20)
print(*(f"{name} {version(name)}" for name in ("pydicom", "highdicom", "numpy")), sep=", ")
print("Input:    a binary segmentation of two frames, one bit a pixel, of 23x19 pixels and of 21x20")
print("Expected: two frames, the same as pixel_array's")
print("Seen:     23x19: {} frame(s), then: {}".format(*met))
print("          21x20: {} frame(s), {}".format(*not_met))
as_known = met[0] == 1 and "reshape" in met[1] and not_met == (2, "no error")
sys.exit(0 if as_known else "Changed: pydicom behaves otherwise now.")
PYTHON
