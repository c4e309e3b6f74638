import io
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from dicom_peers import iod_errors, needs
from PIL import Image, ImageDraw
from reporting.dicom.studies import NOW

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.notice import NOTICE
from tumorscope.io.dicom.writers import encode_capture
from tumorscope.reporting.panel import draw_panel
from tumorscope.reporting.typography import write


def shown(content: bytes) -> np.ndarray:
    return pydicom.dcmread(io.BytesIO(content)).pixel_array


def test_the_panel_comes_back_pixel_for_pixel_with_the_notice_in_it(analysis):
    panel = draw_panel(analysis)
    pixels = shown(encode_capture(analysis, panel))
    np.testing.assert_array_equal(pixels, np.asarray(panel))
    lowest = Image.new("RGB", (panel.width, 32), panel.getpixel((0, 0)))
    write(ImageDraw.Draw(lowest), (24, 16), NOTICE, 13, (238, 241, 245), panel.width)
    np.testing.assert_array_equal(pixels[-32:], np.asarray(lowest))


def test_the_capture_identifies_itself(analysis, study):
    dataset = pydicom.dcmread(io.BytesIO(encode_capture(analysis, draw_panel(analysis))))
    source = pydicom.dcmread(study.files[0])
    assert dataset.BurnedInAnnotation == "YES"
    assert NOTICE in dataset.ImageComments
    assert dataset.PhotometricInterpretation == "RGB"
    assert (dataset.PatientID, dataset.StudyInstanceUID) == (source.PatientID, source.StudyInstanceUID)
    assert dataset.SOPClassUID == pydicom.uid.SecondaryCaptureImageStorage


def test_images_need_no_position_in_the_patient_for_a_capture(analysis):
    for source in analysis.scan.source_images:
        del source.header.ImagePositionPatient
    assert encode_capture(replace(analysis, scan=replace(analysis.scan, affine=None)), Image.new("L", (9, 9)))


def test_the_same_panel_is_the_same_object(analysis):
    panel = draw_panel(analysis)
    assert encode_capture(analysis, panel, NOW) == encode_capture(analysis, panel, NOW)


def test_a_scan_of_another_format_is_refused_in_one_line(analyzed, volume_scan, mask):
    with pytest.raises(TumorscopeError, match="DICOM output needs DICOM input"):
        encode_capture(analyzed(volume_scan, mask), Image.new("L", (9, 9)))


@needs("dciodvfy")
def test_dciodvfy_finds_no_error(analysis):
    assert iod_errors(encode_capture(analysis, draw_panel(analysis))) == []
