"""DICOM files, folders and DICOMDIRs: one study, its series on one grid."""

from tumorscope.io.dicom.study import read_dicom

__all__ = ["read_dicom"]
