import io
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from dicom_peers import iod_errors, needs
from PIL import Image
from reporting.dicom.studies import NOW

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.notice import NOTICE
from tumorscope.io.dicom.secondary_capture import holds_notice
from tumorscope.io.dicom.writers import encode_capture
from tumorscope.reporting.panel import draw_panel, encode_panel


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def shown(content: bytes) -> np.ndarray:
    return pydicom.dcmread(io.BytesIO(content)).pixel_array


def test_the_panel_comes_back_pixel_for_pixel(analysis):
    panel = draw_panel(analysis)
    assert holds_notice(panel)
    np.testing.assert_array_equal(shown(encode_capture(analysis, encode_panel(panel))), np.asarray(panel))


def test_an_image_without_the_notice_gets_it_burned_in_below(analysis):
    noise = np.random.default_rng(0).integers(0, 256, (90, 700, 3), dtype=np.uint8)
    pixels = shown(encode_capture(analysis, png(noise)))
    np.testing.assert_array_equal(pixels[:90], noise)
    assert len(pixels) > 90
    assert holds_notice(Image.fromarray(pixels))
    assert not holds_notice(Image.fromarray(noise))


@pytest.mark.parametrize("width", [40, 300])
def test_a_narrow_image_is_widened_for_the_notice(analysis, width):
    pixels = shown(encode_capture(analysis, png(np.zeros((50, width), np.uint8))))
    assert holds_notice(Image.fromarray(pixels))


def test_a_panel_whose_notice_was_painted_over_gets_it_again(analysis):
    panel = draw_panel(analysis)
    panel.paste((15, 18, 22), (0, panel.height - 32, panel.width, panel.height))
    assert not holds_notice(panel)
    assert shown(encode_capture(analysis, encode_panel(panel))).shape[0] > panel.height


def test_the_capture_identifies_itself(analysis, study):
    dataset = pydicom.dcmread(io.BytesIO(encode_capture(analysis, encode_panel(draw_panel(analysis)))))
    source = pydicom.dcmread(study.files[0])
    assert dataset.BurnedInAnnotation == "YES"
    assert NOTICE in dataset.ImageComments
    assert dataset.PhotometricInterpretation == "RGB"
    assert (dataset.PatientID, dataset.StudyInstanceUID) == (source.PatientID, source.StudyInstanceUID)
    assert dataset.SOPClassUID == pydicom.uid.SecondaryCaptureImageStorage


def test_images_need_no_position_in_the_patient_for_a_capture(analysis):
    for source in analysis.scan.source_images:
        del source.header.ImagePositionPatient
    assert encode_capture(replace(analysis, scan=replace(analysis.scan, affine=None)), png(np.zeros((9, 9), np.uint8)))


def test_the_same_panel_is_the_same_object(analysis):
    panel = encode_panel(draw_panel(analysis))
    assert encode_capture(analysis, panel, NOW) == encode_capture(analysis, panel, NOW)


def test_a_scan_of_another_format_is_refused_in_one_line(analyzed, volume_scan, mask):
    with pytest.raises(TumorscopeError, match="DICOM output needs DICOM input"):
        encode_capture(analyzed(volume_scan, mask), png(np.zeros((9, 9), np.uint8)))


@needs("dciodvfy")
def test_dciodvfy_finds_no_error(analysis):
    assert iod_errors(encode_capture(analysis, encode_panel(draw_panel(analysis)))) == []
