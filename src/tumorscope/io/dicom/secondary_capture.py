"""DICOM Secondary Capture: the image panel for viewers that show nothing but images."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorscope.core.notice import NOTICE
from tumorscope.inference.analysis import Analysis
from tumorscope.io.dicom.encoding import CHARACTER_SET
from tumorscope.io.dicom.object_identity import (
    encode_object,
    equipment,
    in_zone_of,
    object_uid,
    series_uid,
)
from tumorscope.io.dicom.source_images import keep_lossy_compression, require_sources
from tumorscope.io.library_warnings import quiet_libraries
from tumorscope.reporting.wording import finding_line

if TYPE_CHECKING:
    from PIL.Image import Image

SERIES_NUMBER = 9804


@quiet_libraries()
def encode_capture(analysis: Analysis, panel: Image, made_at: datetime | None = None) -> bytes:
    """The image panel as a DICOM Secondary Capture, as a file's content.

    Args:
        analysis: of a scan that was read from DICOM.
        panel: from :func:`tumorscope.reporting.panel.draw_panel`, with the notice in it.
        made_at: the time written into the object; now, unless given.

    Raises:
        TumorscopeError: the scan is not from DICOM, or its images do not name their study.
    """
    import highdicom as hd

    header = require_sources(analysis.scan)[0].header
    pixels = np.asarray(panel.convert("RGB"))
    dataset: Any = hd.sc.SCImage(
        pixel_array=pixels,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "P"),
        study_instance_uid=str(header.StudyInstanceUID),
        series_instance_uid=series_uid(analysis, "capture"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=object_uid(analysis, "capture", pixels.tobytes()),
        instance_number=1,
        series_description="Tumorscope panel (research)",
        content_qualification="RESEARCH",
        specific_character_set=CHARACTER_SET,
        **equipment(analysis),
    )
    keep_lossy_compression(dataset, analysis.scan)
    dataset.PatientOrientation = None  # a panel shows several images, each with its sides lettered
    dataset.BurnedInAnnotation = "YES"
    dataset.ImageComments = f"{finding_line(analysis)}. {NOTICE}"
    dataset.BodyPartExamined = "BRAIN"
    made_at = in_zone_of(header, made_at or datetime.now())
    dataset.DateOfSecondaryCapture, dataset.TimeOfSecondaryCapture = made_at.strftime("%Y%m%d %H%M%S").split()
    return encode_object(dataset, header, made_at)
