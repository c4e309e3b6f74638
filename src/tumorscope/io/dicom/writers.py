"""Findings as DICOM objects that go back to the study they came from: segmentation, contours, report, capture."""

from tumorscope.io.dicom.rtstruct_writer import encode_structure_set
from tumorscope.io.dicom.secondary_capture import encode_capture
from tumorscope.io.dicom.seg_writer import encode_segmentation
from tumorscope.io.dicom.sr_writer import encode_structured_report

__all__ = ["encode_capture", "encode_segmentation", "encode_structure_set", "encode_structured_report"]
