#!/usr/bin/env bash
# Software: imageio 2.38.1, imageio.v2.volread of a folder of DICOM files (`meta["sampling"]`).
# Behavior: the distance of slices is that of their z alone: 0 in a sagittal or coronal series, 2.598 mm where axial slices 3 mm
#   apart are tilted by 30°. Slices are ordered by instance number, not by position. Where these numbers are interleaved the
#   series is cut at a jump of z and its first half returned as the volume, with a distance of 6 mm in place of 3.
# Why it surprises: the sampling is documented as the distances of voxels in mm. A volume computed with it is 0, or 13 % too
#   small with nothing to see; a test on axial CT, as in its documentation, never shows it. MRI of the head is sagittal or
#   tilted as a rule.
# Tumorscope: takes positions along the normal of the slices, and the distance from them (docs/dicom.md).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet imageio==2.38.1 pydicom==3.0.2 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import contextlib
import io
import math
import sys
from importlib.metadata import version
from pathlib import Path

import imageio.v2 as imageio
import numpy as np
from pydicom import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

COS, SIN = round(math.cos(math.radians(30)), 6), 0.5
SLICE_MM = 3
IN_ORDER = (1, 2, 3, 4, 5, 6, 7, 8)
INTERLEAVED = (1, 5, 2, 6, 3, 7, 4, 8)
SERIES = {
    "axial": ((1, 0, 0, 0, 1, 0), IN_ORDER),
    "axial, tilted by 30°": ((1, 0, 0, 0, COS, -SIN), IN_ORDER),
    "coronal": ((1, 0, 0, 0, 0, -1), IN_ORDER),
    "sagittal": ((0, 1, 0, 0, 0, -1), IN_ORDER),
    "axial, numbered as acquired": ((1, 0, 0, 0, 1, 0), INTERLEAVED),
}


def write(folder, orientation, numbers):
    folder.mkdir()
    normal = np.cross(orientation[:3], orientation[3:])
    series, study = generate_uid(), generate_uid()
    for index, number in enumerate(numbers):
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = MRImageStorage
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = study, series, study
        dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate, dataset.PatientSex = "Phantom", "1", "", "O"
        dataset.StudyDate, dataset.StudyTime, dataset.StudyID, dataset.AccessionNumber = "20240101", "101010", "1", ""
        dataset.ReferringPhysicianName, dataset.Modality = "", "MR"
        dataset.SeriesNumber, dataset.InstanceNumber = 1, number
        dataset.ImageOrientationPatient = list(orientation)
        dataset.ImagePositionPatient = [f"{value:.6g}" for value in SLICE_MM * index * normal]
        dataset.PixelSpacing, dataset.SliceThickness, dataset.SpacingBetweenSlices = [1, 1], SLICE_MM, SLICE_MM
        dataset.Rows = dataset.Columns = 16
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
        dataset.PixelData = np.full((16, 16), index, np.uint16).tobytes()
        dataset.save_as(folder / f"{index}.dcm", enforce_file_format=True)


def seen(folder):
    with contextlib.redirect_stdout(io.StringIO()):
        volume = imageio.volread(folder, "DICOM")
    return [float(round(value, 3)) for value in volume.meta["sampling"]], volume[:, 0, 0].tolist()


print("imageio", version("imageio"))
print("Input:    eight slices, 3 mm apart along their normal, pixels of 1 mm, each slice filled with its index")
print("Expected: [3.0, 1.0, 1.0], slices 0 to 7, for each")
found = {}
for number, (name, (orientation, numbers)) in enumerate(SERIES.items()):
    write(Path(str(number)), orientation, numbers)
    found[name] = seen(str(number))
    print(f"Seen:     {name}: {found[name][0]}, slices {found[name][1]}")
distances = [sampling[0] for sampling, _ in found.values()]
as_known = distances[:4] == [3, 2.598, 0, 0] and found["axial, numbered as acquired"][1] != list(range(8))
sys.exit(0 if as_known else "Changed: imageio measures otherwise now.")
PYTHON
