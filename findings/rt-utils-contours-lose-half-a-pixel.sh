#!/usr/bin/env bash
# Software: rt-utils 1.2.7, RTStructBuilder.add_roi (the area of its contours by shapely 2.1.2).
# Behavior: contours go through the centers of the border pixels, so that every slice of a mask loses half a pixel on each
#   side. A lesion of 2 by 2 pixels of 1 mm encloses 1 of its 4 mm², one of 20 by 20 pixels 361 of 400. A single pixel becomes
#   a CLOSED_PLANAR contour of one point, a line of pixels one of two. Read back by rt-utils itself the mask is the same.
# Why it surprises: a round trip within the library is exact, and the loss shows only in other programs, which take a contour
#   for a boundary: small metastases shrink to a quarter or vanish, volumes that a plan is made by are too small.
# Tumorscope: writes contours half-way between centers and edges, which lose half as much and which three kinds of readers
#   take for the same pixels, says so, and reads contours of one and two points as a pixel and a line (docs/dicom.md).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet rt-utils==1.2.7 pydicom==3.0.2 shapely==2.1.2 numpy==2.2.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from pydicom import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid
from rt_utils import RTStructBuilder
from shapely.geometry import Polygon

STUDY, SERIES, FRAME = (generate_uid() for _ in range(3))


def write(path, index):
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = MRImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = STUDY, SERIES, FRAME
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate, dataset.PatientSex = "Phantom", "1", "", "O"
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID, dataset.AccessionNumber = "20240101", "101010", "1", ""
    dataset.ReferringPhysicianName, dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "", "MR", 1, index + 1
    dataset.ImageOrientationPatient, dataset.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [-32, -32, 3 * index]
    dataset.PixelSpacing, dataset.SliceThickness, dataset.SpacingBetweenSlices = [1, 1], 3, 3
    dataset.Rows = dataset.Columns = 64
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelData = np.full((64, 64), 100, np.uint16).tobytes()
    dataset.save_as(path, enforce_file_format=True)


def lesion(rows, columns):
    mask = np.zeros((64, 64, 5), bool)
    mask[20 : 20 + rows, 30 : 30 + columns, 2] = True
    return mask


def area(contours):
    points = [np.asarray(contour.ContourData, float).reshape(-1, 3)[:, :2] for contour in contours]
    return sum(Polygon(one).area if len(one) >= 3 else 0.0 for one in points)


Path("series").mkdir()
for index in range(5):
    write(f"series/{index}.dcm", index)
builder = RTStructBuilder.create_new(dicom_series_path="series")
SHAPES = ((1, 1), (1, 9), (2, 2), (20, 20))
seen = {}
for shape in SHAPES:
    name = f"{shape[0]} by {shape[1]}"
    builder.add_roi(mask=lesion(*shape), name=name)
    contours = builder.ds.ROIContourSequence[-1].ContourSequence
    same = bool((builder.get_roi_mask_by_name(name) == lesion(*shape)).all())
    seen[shape] = (area(contours), [int(one.NumberOfContourPoints) for one in contours], same)
print(*(f"{name} {version(name)}" for name in ("rt-utils", "pydicom", "shapely")), sep=", ")
print("Input:    lesions in one axial slice with pixels of 1 mm")
for (rows, columns), (mm2, points, same) in seen.items():
    print(f"Expected: {rows} by {columns} pixels: {rows * columns} mm²")
    print(f"Seen:     {mm2:g} mm² by {points} points, the same mask by rt-utils: {same}")
as_known = [mm2 for mm2, _, _ in seen.values()] == [0, 0, 1, 361] and all(same for _, _, same in seen.values())
as_known = as_known and seen[1, 1][1] == [1] and seen[1, 9][1] == [2]
sys.exit(0 if as_known else "Changed: rt-utils writes other contours now.")
PYTHON
