"""Findings as DICOM objects that go back to the study they came from: segmentation, report, capture."""

from tumorscope.reporting.dicom.capture import encode_capture
from tumorscope.reporting.dicom.report import encode_structured_report
from tumorscope.reporting.dicom.segmentation import encode_segmentation

__all__ = ["encode_capture", "encode_segmentation", "encode_structured_report"]
