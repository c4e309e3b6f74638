#!/usr/bin/env bash
# Software: dcm2niix 1.0.20260724 (the wheel on PyPI).
# Behavior: a series of seven slices at 6 mm of which the fourth is missing becomes two files with exit code 0:
#   NAME.nii.gz with the six slices and a spacing of 6 mm, so that all slices above the gap lie 6 mm too low, and
#   NAME_Eq_1.nii.gz with a seventh slice interpolated between its neighbors. A warning on standard output says that the
#   distances vary; neither it nor the header or the JSON file says that the plain one is wrong.
# Why it surprises: the file with the plain name, which scripts go on with, is the one whose geometry is wrong. Other
#   converters refuse such a series.
# Tumorscope: takes the copy with equal distances, and says that the other one's slices are not where its header says
#   (docs/formats.md).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.4.6 pydicom==3.0.2 nibabel==5.4.2 dcm2niix==1.0.20260724
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import nibabel
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

Path("series").mkdir()
Path("out").mkdir()
study, of_series, frame = generate_uid(), generate_uid(), generate_uid()
HEIGHTS_MM = (0, 6, 12, 24, 30, 36)
for number, height in enumerate(HEIGHTS_MM, 1):
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = MRImageStorage
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = study, of_series, frame
    image.PatientName, image.PatientID, image.PatientPosition = "Phantom^", "phantom", "HFS"
    image.StudyDate, image.StudyTime, image.Modality, image.SeriesDescription = "20260101", "120000", "MR", "FLAIR"
    image.ScanningSequence, image.SequenceVariant, image.ScanOptions, image.MRAcquisitionType = "SE", "NONE", "", "2D"
    image.SeriesNumber, image.InstanceNumber, image.SliceThickness, image.SpacingBetweenSlices = 1, number, 5, 6
    image.ImageOrientationPatient, image.PixelSpacing = [1, 0, 0, 0, 1, 0], [1, 1]
    image.ImagePositionPatient = [-16, -16, height]
    image.Rows = image.Columns = 32
    image.SamplesPerPixel, image.PhotometricInterpretation, image.PixelRepresentation = 1, "MONOCHROME2", 0
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
    image.PixelData = np.full((32, 32), 100 + height, np.uint16).tobytes()
    image.save_as(f"series/{number}.dcm", enforce_file_format=True)

command = [str(Path(sys.executable).with_name("dcm2niix")), "-z", "y", "-f", "scan", "-o", "out", "series"]
code = subprocess.run(command, stdout=subprocess.DEVNULL).returncode
made = sorted(path.name for path in Path("out").glob("*.nii.gz"))
print("dcm2niix", version("dcm2niix"), "exit code", code, made)
plain, equal = (nibabel.load(f"out/{name}") for name in ("scan.nii.gz", "scan_Eq_1.nii.gz"))
for name, image in (("scan", plain), ("scan_Eq_1", equal)):
    stated = image.affine[2, 3] + image.affine[2, 2] * np.arange(image.shape[2])
    print(f"{name}: heights by its header {stated.tolist()}, values {image.get_fdata()[16, 16].tolist()}")
stated = plain.affine[2, 3] + plain.affine[2, 2] * np.arange(plain.shape[2])
values = plain.get_fdata()[16, 16]
told = json.dumps(json.loads(Path("out/scan.json").read_text()))
print("expected: the slice of value 136 at 36 mm; seen in the plain file: at", float(stated[values == 136][0]), "mm")
assert code == 0
assert made == ["scan.nii.gz", "scan_Eq_1.nii.gz"]
assert stated[values == 136][0] == 30, "the plain file states the right place now"
assert equal.get_fdata()[16, 16].tolist() == [100, 106, 112, 118, 124, 130, 136]
assert "Eq" not in told, "the JSON file speaks of the copy now"
PYTHON
