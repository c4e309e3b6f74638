#!/usr/bin/env bash
# Software: daikon 1.2.46 (npm), Image.getInterpretedData; the files made and read with pydicom 3.0.2.
# Behavior: of signed pixels stored in 12 of 16 bits the sign is taken from bit 15, not from HighBit: where the four unused
#   bits are empty, -1024 becomes 3072. The same slice with these bits filled by the sign is read rightly.
# Why it surprises: HighBit says where the sign is (PS3.5, 8.1.1), and daikon reads BitsStored and PixelRepresentation.
#   Air or fat turns brighter than everything else, in viewers built on it, such as Papaya. dcm2niix mended the same in
#   2023 (its issue 688).
# Tumorscope: reads pixels with pydicom; a test holds twelve signed bits (tests/reading/dicom/test_pixels.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet pydicom==3.0.2 numpy==2.4.6
cd "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" daikon@1.2.46
cat > read.cjs <<'JAVASCRIPT'
const fs = require("fs");
const daikon = require("daikon");
const bytes = fs.readFileSync(process.argv[2]);
const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
const copy = new DataView(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
const image = daikon.Series.parseImage(copy);
console.log(JSON.stringify(Array.from(image.getInterpretedData(false, true).data)));
JAVASCRIPT
"$folder/venv/bin/python" - <<'PYTHON'
import json
import subprocess
import sys
from importlib.metadata import version

import numpy as np
from pydicom import Dataset, FileMetaDataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

values = np.arange(-1024, 1024, 2, dtype=np.int16).reshape(32, 32)


def write(path, stored):
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = MRImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.Modality, dataset.PatientName, dataset.PatientID = "MR", "Phantom", "1"
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing, dataset.SliceThickness, dataset.InstanceNumber = [1, 1], 5, 1
    dataset.Rows, dataset.Columns = stored.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 1
    dataset.PixelData = stored.astype("<u2").tobytes()
    dataset.save_as(path, enforce_file_format=True)


print(f"pydicom {version('pydicom')}, daikon", json.load(open("node_modules/daikon/package.json"))["version"])
print(f"Input:    a slice of 12 signed bits, values {values.min()} to {values.max()}")
right = []
for name, stored in {"filled by the sign": values.view(np.uint16), "empty": values.view(np.uint16) & 0xFFF}.items():
    write("slice.dcm", stored)
    expected = dcmread("slice.dcm").pixel_array
    answer = subprocess.run(["node", "read.cjs", "slice.dcm"], check=True, capture_output=True, text=True)
    seen = np.array(json.loads(answer.stdout)).reshape(values.shape)
    right.append(bool((seen == values).all()))
    print(f"Expected: unused bits {name}: {expected.min()} to {expected.max()}, the first pixel {expected[0, 0]}")
    print(f"Seen:     unused bits {name}: {seen.min():.0f} to {seen.max():.0f}, the first pixel {seen[0, 0]:.0f}")
    if not (expected == values).all():
        sys.exit("Changed: pydicom behaves otherwise now.")
sys.exit(0 if right == [True, False] else "Changed: daikon behaves otherwise now.")
PYTHON
