#!/usr/bin/env bash
# Software: dicomweb-client 0.61.2, DICOMfileClient.search_for_studies on a folder; the files made with pydicom 3.0.2.
# Behavior: a range of study dates (20240101-20241231) finds every study of the folder, those of other years included, and so
#   does ModalitiesInStudy=CT in a folder of MR. Both filters are dropped with a line in the log.
# Why it surprises: both are required of a DICOMweb search (PS3.18, 8.3.4; matching of ranges PS3.4, C.2.2.2.5), the class has
#   the interface of the client of a server, and a search that can't be made might fail or find nothing. With it a follow-up
#   of one year gets all the years.
# Tumorscope: asks servers only, and takes dates from the studies it has got (pacs fetch, follow).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet dicomweb-client==0.61.2 pydicom==3.0.2 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import logging
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from dicomweb_client import DICOMfileClient
from pydicom import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

logging.disable(logging.CRITICAL)
DATES = ("20230315", "20240520", "20251101")


def write(path, date):
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = MRImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = (generate_uid() for _ in range(3))
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate, dataset.PatientSex = "Phantom", "1", "", "O"
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID, dataset.AccessionNumber = date, "101010", "1", ""
    dataset.ReferringPhysicianName, dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "", "MR", 1, 1
    dataset.Rows = dataset.Columns = 8
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelData = np.full((8, 8), 100, np.uint16).tobytes()
    dataset.save_as(path, enforce_file_format=True)


Path("files").mkdir()
for date in DATES:
    write(f"files/{date}.dcm", date)
client = DICOMfileClient(f"file://{Path('files').resolve()}", update_db=True, in_memory=True)


def dates(**filters):
    return sorted(study["00080020"]["Value"][0] for study in _studies(filters))


def _studies(filters):
    found = client.search_for_studies(search_filters=filters)
    return [{tag: value if isinstance(value, dict) else {"Value": value} for tag, value in study.items()} for study in found]


one_day, year, other = dates(StudyDate="20240520"), dates(StudyDate="20240101-20241231"), dates(ModalitiesInStudy="CT")
print(*(f"{name} {version(name)}" for name in ("dicomweb-client", "pydicom")), sep=", ")
print(f"Input:    a folder of three MR studies of {', '.join(DATES)}")
print("Expected: StudyDate=20240520 and 20240101-20241231 find the second, ModalitiesInStudy=CT none")
print(f"Seen:     {one_day}; {year}; {other}")
as_known = one_day == ["20240520"] and year == sorted(DATES) and other == sorted(DATES)
sys.exit(0 if as_known else "Changed: dicomweb-client searches otherwise now.")
PYTHON
