"""A fast fake analysis.

Every run creates an object with a new SOPInstanceUID, so that two analyses of a study give two objects.
"""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import asdict
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from tumorscope.core.errors import TumorscopeError
from tumorscope.dicom_network.node_worker import Task

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def process(task: Task) -> list[Path]:
    """Write a capture whose description has the number of images; a numeric bundle is a delay in seconds.

    Also write the task to ``task.json``.

    A series described as POISON ends the process, UNREADABLE cannot be analyzed, BUG raises.
    """
    images = sorted(task.folder.iterdir())
    source = dcmread(images[0], stop_before_pixels=True)
    what = str(source.get("SeriesDescription", ""))
    if what == "POISON":
        os.kill(os.getpid(), signal.SIGSEGV)
    if what == "UNREADABLE":
        raise TumorscopeError("nothing here can be read")
    if what == "BUG":
        raise ValueError(f"this message names {source.PatientName}")
    time.sleep(float(task.bundle) if task.bundle != "auto" else 0)
    print("a library prints this")
    path = task.out / task.folder.name / "capture.dcm"
    path.parent.mkdir()
    path.with_name("task.json").write_text(json.dumps(asdict(task), default=str))
    capture = Dataset()
    capture.SOPClassUID, capture.SOPInstanceUID = SECONDARY_CAPTURE, generate_uid()
    capture.StudyInstanceUID, capture.SeriesInstanceUID = source.StudyInstanceUID, generate_uid()
    capture.PatientName, capture.PatientID = source.get("PatientName"), source.get("PatientID")
    capture.Modality, capture.SeriesDescription = "OT", f"{len(images)} images"
    capture.Rows, capture.Columns, capture.SamplesPerPixel = 4, 4, 1
    capture.PhotometricInterpretation, capture.PixelRepresentation = "MONOCHROME2", 0
    capture.BitsAllocated, capture.BitsStored, capture.HighBit = 8, 8, 7
    capture.PixelData = bytes(16)
    capture["PixelData"].VR = "OB"
    capture.ensure_file_meta()
    capture.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    capture.save_as(path, enforce_file_format=True)
    return [path]
