"""DICOM Secondary Capture: the image panel for viewers that show nothing but images."""

from __future__ import annotations

import io
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorscope.core.notice import NOTICE
from tumorscope.inference.analysis import Analysis
from tumorscope.io.dicom.object_identity import (
    CHARACTER_SET,
    encode_object,
    equipment,
    in_zone_of,
    object_uid,
    series_uid,
)
from tumorscope.io.dicom.source_images import keep_lossy_compression, require_sources
from tumorscope.io.library_warnings import quiet_libraries
from tumorscope.reporting.typography import drawable, font_of, width, write
from tumorscope.reporting.wording import finding_line

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

SERIES_NUMBER = 9804
_LETTERS, _MARGIN, _STRIP = 13, 12, 28
_SIZES = (13, 12, 14, 11, 15, 16, 18, 20)
"""Sizes of letters in which a panel may hold the notice, the likeliest first."""
_ALIKE = 0.95
"""Correlation from which drawn letters are the notice."""


@quiet_libraries()
def encode_capture(analysis: Analysis, panel_png: bytes, made_at: datetime | None = None) -> bytes:
    """An image as a DICOM Secondary Capture, as a file's content; the notice is burned in.

    Args:
        analysis: of a scan that was read from DICOM.
        panel_png: the image; a strip with the notice is added below unless the image holds it.
        made_at: the time written into the object; now, unless given.

    Raises:
        TumorscopeError: the scan is not from DICOM, or its images do not name their study.
    """
    import highdicom as hd
    from PIL import Image

    header = require_sources(analysis.scan)[0].header
    image = Image.open(io.BytesIO(panel_png)).convert("RGB")
    if not holds_notice(image):
        image = _with_notice(image)
    pixels = np.asarray(image)
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


def holds_notice(image: PillowImage) -> bool:
    """Whether the notice is in the lowest lines of an image, in the project's own lettering."""
    lowest = np.asarray(image.convert("L").crop((0, max(0, image.height - 80), *image.size)), float)
    for size in _SIZES:
        letters = _notice(size)
        if letters.shape[0] > lowest.shape[0] or letters.shape[1] > lowest.shape[1]:
            continue
        centered = letters - letters.mean()
        window = np.ones(letters.shape)
        mean = _slide(lowest, window) / letters.size
        spread = _slide(lowest**2, window) - letters.size * mean**2
        alike = _slide(lowest, centered) / np.sqrt(np.maximum(spread, 1) * (centered**2).sum())
        if alike.max() > _ALIKE:
            return True
    return False


def _slide(image: np.ndarray, pattern: np.ndarray) -> np.ndarray:
    """The sum of products with a pattern at each position where it fits into an image."""
    transformed = np.fft.rfft2(image) * np.fft.rfft2(pattern[::-1, ::-1], image.shape)
    rows, columns = pattern.shape
    # What wraps around is in the part that is cut off.
    return np.fft.irfft2(transformed, image.shape)[rows - 1 :, columns - 1 :]


def _notice(size: int) -> np.ndarray:
    """The notice's letters, bright on dark, without a margin."""
    from PIL import Image, ImageDraw

    text = drawable(NOTICE)
    left, top, right, bottom = (round(side) for side in font_of(size).getbbox(text, anchor="ls"))
    strip = Image.new("L", (right - left + 2, bottom - top + 2))
    ImageDraw.Draw(strip).text((1 - left, 1 - top), text, 255, font_of(size), anchor="ls")
    return np.asarray(strip, float)


def _with_notice(image: PillowImage) -> PillowImage:
    from PIL import Image, ImageDraw

    room = round(width(drawable(NOTICE), _LETTERS)) + 2 * _MARGIN
    framed = Image.new("RGB", (max(image.width, room), image.height + _STRIP), (15, 18, 22))
    framed.paste(image, (0, 0))
    write(ImageDraw.Draw(framed), (_MARGIN, framed.height - 10), NOTICE, _LETTERS, (238, 241, 245), framed.width)
    return framed
