"""DICOM Segmentations made by highdicom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

COMPLETE = {
    "StudyInstanceUID": "1.2.9",
    "FrameOfReferenceUID": "1.2.8",
    "PatientBirthDate": "",
    "PatientSex": "",
    "AccessionNumber": "",
    "StudyID": "",
    "StudyDate": "20240101",
    "StudyTime": "120000",
    "ReferringPhysicianName": "",
}


def write_segmentation(
    path: Path, sources: list[Path], *masks: np.ndarray, kind: str = "BINARY", spacing: bool = True, **options: Any
) -> Path:
    """A SEG of segments ``(slice, row, column)`` over single-frame images in the given order.

    Args:
        path: of the file.
        sources: the images.
        masks: one for each segment; only those of a label map must not overlap.
        kind: SegmentationType.
        spacing: whether it has SpacingBetweenSlices.
        options: of highdicom's Segmentation.
    """
    import highdicom as hd
    import pydicom
    from highdicom.sr.coding import CodedConcept

    tissue = CodedConcept("108369006", "SCT", "Neoplasm")
    descriptions = [
        hd.seg.SegmentDescription(
            number,
            f"tumor {number}",
            CodedConcept("49755003", "SCT", "Morphologically Abnormal Structure"),
            tissue,
            hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for number in range(1, len(masks) + 1)
    ]
    array = np.stack(masks, axis=-1)
    if kind == "LABELMAP":
        array = sum(number * mask for number, mask in enumerate(masks, 1))
    segmentation = hd.seg.Segmentation(
        source_images=[pydicom.dcmread(source) for source in sources],
        pixel_array=array if kind == "FRACTIONAL" else np.asarray(array, np.uint8),
        segmentation_type=kind,
        segment_descriptions=descriptions,
        series_instance_uid=hd.UID(),
        series_number=9,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="test",
        manufacturer_model_name="test",
        software_versions="1",
        device_serial_number="1",
        **options,
    )
    if not spacing:
        del segmentation.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices
    segmentation.save_as(path)
    return path
