"""DICOM networking: a node that receives, analyzes and returns studies, and DICOMweb."""
