#!/usr/bin/env bash
# Software: SimpleITK 2.5.7, ImageSeriesReader and ReadImage of the files of a DICOM series.
# Behavior: where RescaleSlope differs between slices, the first slice's decides the type of the whole volume. A slope of 1
#   there makes it 16 bits wide: fractions of other slices are cut off, and values above 65535 wrap around: 80020 is read as
#   14484. With the same slices in another order everything is right. Nothing is said.
# Why it surprises: each slice states its slope and is read right alone; other readers (pydicom with highdicom, dcm2niix,
#   dicom2nifti, MONAI's PydicomReader) give the values as stated. TorchIO 1.2.1 reads through SimpleITK and has these too.
#   Known for fractions since 2022 (SimpleITK, issue 1636), and still so.
# Tumorscope: reads DICOM with pydicom, slice by slice in floating point (docs/dicom.md).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.4.6 pydicom==3.0.2 SimpleITK==2.5.7
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

STORED = (1001, 2001, 2500, 4001)


def read(name, slopes):
    """The values of a series of four slices, each of one stored value with its own slope."""
    Path(name).mkdir()
    study, of_series, frame = generate_uid(), generate_uid(), generate_uid()
    for number, (stored, slope) in enumerate(zip(STORED, slopes), 1):
        image = Dataset()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = MRImageStorage
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = study, of_series, frame
        image.PatientName, image.PatientID, image.PatientPosition = "Phantom^", "phantom", "HFS"
        image.StudyDate, image.StudyTime, image.Modality, image.SeriesDescription = "20260101", "120000", "MR", "T1 map"
        image.ScanningSequence, image.SequenceVariant, image.ScanOptions, image.MRAcquisitionType = "GR", "NONE", "", "2D"
        image.SeriesNumber, image.InstanceNumber, image.SliceThickness = 1, number, 5
        image.ImageOrientationPatient, image.PixelSpacing = [1, 0, 0, 0, 1, 0], [1, 1]
        image.ImagePositionPatient = [-16, -16, 5 * number]
        image.Rows = image.Columns = 32
        image.SamplesPerPixel, image.PhotometricInterpretation, image.PixelRepresentation = 1, "MONOCHROME2", 0
        image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
        image.RescaleSlope, image.RescaleIntercept, image.RescaleType = slope, 0, "US"
        image.PixelData = np.full((32, 32), stored, np.uint16).tobytes()
        image.save_as(f"{name}/{number}.dcm", enforce_file_format=True)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(name))
    volume = reader.Execute()
    return volume.GetPixelIDTypeAsString(), sitk.GetArrayFromImage(volume)[:, 16, 16].tolist()


print("SimpleITK", sitk.Version_VersionString())
seen = []
for name, slopes in (("whole_first", (1, 0.5, 0.0005, 20)), ("fraction_first", (0.5, 1, 0.0005, 20))):
    stated = [round(stored * slope, 4) for stored, slope in zip(STORED, slopes)]
    kind, values = read(name, slopes)
    seen.append([round(value, 4) for value in values])
    print(f"Input:    stored values {STORED}, slopes {slopes}")
    print(f"Expected: {stated}")
    print(f"Seen:     {seen[-1]}, {kind}")
as_known = seen == [[1001, 1000, 1, 14484], [500.5, 2001, 1.25, 80020]]
sys.exit(0 if as_known else "Changed: SimpleITK behaves otherwise now.")
PYTHON
