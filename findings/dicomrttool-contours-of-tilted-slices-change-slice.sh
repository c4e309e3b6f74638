#!/usr/bin/env bash
# Software: DicomRTTool 6.2.0, DicomReaderWriter.get_mask.
# Behavior: a contour goes to the slice whose ImagePositionPatient has the nearest z. In a sagittal or coronal series, where
#   z is that of a slice's first row, every contour goes to the first slice. In axial slices tilted by 30° the contours of
#   slices 3 and 4 go to slices 0 and 1, by where in the slice they are, and a hole is cut from another slice than its own.
#   Only exactly axial series are right.
# Why it surprises: the same function computes the right index by the image's direction, and replaces the slice of it.
#   Contour and slice agree to 0 mm in these files, and nothing warns. MRI of the head is tilted as a rule, or sagittal.
# Tumorscope: takes contours by their distance along the normal of the slices, in any plane. Its own rtstruct.dcm of such a
#   series is not for DicomRTTool (docs/dicom.md).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet DicomRTTool==6.2.0 pydicom==3.0.2 SimpleITK==2.5.7 numpy==2.4.6
cd "$folder"
TQDM_DISABLE=1 "$folder/venv/bin/python" - <<'PYTHON'
import logging
import math
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from DicomRTTool.ReaderWriter import DicomReaderWriter
from pydicom import Dataset, FileMetaDataset, Sequence
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, RTStructureSetStorage, generate_uid

COS, SIN = math.cos(math.radians(30)), math.sin(math.radians(30))
PLANES = {
    "axial": (1, 0, 0, 0, 1, 0),
    "tilted by 30°": (1, 0, 0, 0, round(COS, 6), -SIN),
    "coronal": (1, 0, 0, 0, 0, -1),
    "sagittal": (0, 1, 0, 0, 0, -1),
}
SLICE_MM = 3
RECTANGLES = {3: [(20, 20, 26, 26)], 4: [(18, 18, 28, 28), (21, 21, 25, 25)]}  # by slice: first and last row and column


def dicom(sop_class, modality, study, frame_of_reference):
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID, dataset.FrameOfReferenceUID, dataset.Modality = study, frame_of_reference, modality
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate, dataset.PatientSex = "Phantom", "1", "", "O"
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID, dataset.AccessionNumber = "20240101", "101010", "1", ""
    dataset.ReferringPhysicianName = ""
    return dataset


def item(**values):
    dataset = Dataset()
    for name, value in values.items():
        setattr(dataset, name, value)
    return dataset


def write(folder, orientation):
    """Eight slices of 64 by 64 pixels of 1 mm, and a structure set with the rectangles along pixel centers."""
    folder.mkdir()
    along_row, along_column = np.reshape(orientation, (2, 3))
    normal = np.cross(along_row, along_column)
    study, series, frame = (generate_uid() for _ in range(3))
    references = []
    for index in range(8):
        image = dicom(MRImageStorage, "MR", study, frame)
        image.SeriesInstanceUID, image.SeriesNumber, image.InstanceNumber = series, 1, index + 1
        image.ImageOrientationPatient = list(orientation)
        image.ImagePositionPatient = [f"{value:.6g}" for value in SLICE_MM * index * normal]
        image.PixelSpacing, image.SliceThickness, image.SpacingBetweenSlices = [1, 1], SLICE_MM, SLICE_MM
        image.Rows = image.Columns = 64
        image.SamplesPerPixel, image.PhotometricInterpretation, image.PixelRepresentation = 1, "MONOCHROME2", 0
        image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
        image.PixelData = np.full((64, 64), 100, np.uint16).tobytes()
        image.save_as(folder / f"{index}.dcm", enforce_file_format=True)
        references.append(item(ReferencedSOPClassUID=MRImageStorage, ReferencedSOPInstanceUID=image.SOPInstanceUID))
    structures = dicom(RTStructureSetStorage, "RTSTRUCT", study, frame)
    structures.SeriesInstanceUID, structures.SeriesNumber = generate_uid(), 2
    structures.StructureSetLabel, structures.StructureSetDate, structures.StructureSetTime = "1", "20240101", "101010"
    of_series = item(SeriesInstanceUID=series, ContourImageSequence=Sequence(references))
    of_study = item(
        ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1",
        ReferencedSOPInstanceUID=study,
        RTReferencedSeriesSequence=Sequence([of_series]),
    )
    structures.ReferencedFrameOfReferenceSequence = Sequence(
        [item(FrameOfReferenceUID=frame, RTReferencedStudySequence=Sequence([of_study]))]
    )
    structures.StructureSetROISequence = Sequence(
        [item(ROINumber=1, ReferencedFrameOfReferenceUID=frame, ROIName="gtv", ROIGenerationAlgorithm="MANUAL")]
    )
    contours = []
    for index, rectangles in RECTANGLES.items():
        for top, left, bottom, right in rectangles:
            corners = ((top, left), (top, right), (bottom, right), (bottom, left))
            points = [SLICE_MM * index * normal + row * along_column + column * along_row for row, column in corners]
            contours.append(
                item(
                    ContourImageSequence=Sequence([references[index]]),
                    ContourGeometricType="CLOSED_PLANAR",
                    NumberOfContourPoints=4,
                    ContourData=[f"{value:.6f}" for point in points for value in point],
                )
            )
    structures.ROIContourSequence = Sequence(
        [item(ROIDisplayColor=[255, 0, 0], ContourSequence=Sequence(contours), ReferencedROINumber=1)]
    )
    structures.RTROIObservationsSequence = Sequence(
        [item(ObservationNumber=1, ReferencedROINumber=1, RTROIInterpretedType="GTV", ROIInterpreter="")]
    )
    structures.save_as(folder / "structures.dcm", enforce_file_format=True)


def pixels_by_slice(folder):
    reader = DicomReaderWriter(description="phantom", arg_max=False, verbose=False)
    reader.walk_through_folders(str(folder))
    reader.set_contour_names_and_associations(["gtv"])
    reader.get_mask()
    counts = (reader.mask[..., 1] > 0).sum(axis=(1, 2))
    return {int(index): int(counts[index]) for index in np.flatnonzero(counts)}


logging.disable(logging.CRITICAL)
expected = {3: 7 * 7, 4: 11 * 11 - 5 * 5}
print("DicomRTTool", version("DicomRTTool"))
print("Input:    eight slices, contours in the planes of slices 3 and 4 (with a hole), in four orientations")
print("Expected: pixels by slice", expected)
seen = {}
for number, (plane, orientation) in enumerate(PLANES.items()):
    write(Path(str(number)), orientation)
    seen[plane] = pixels_by_slice(Path(str(number)))
    print(f"Seen:     {plane}: {seen[plane]}")
as_known = seen["axial"] == expected and all(seen[plane] != expected for plane in list(PLANES)[1:])
sys.exit(0 if as_known else "Changed: DicomRTTool places contours otherwise now.")
PYTHON
