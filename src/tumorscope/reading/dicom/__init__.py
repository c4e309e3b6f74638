"""DICOM files and folders of one series."""

from tumorscope.reading.dicom.series import read_dicom

__all__ = ["read_dicom"]
