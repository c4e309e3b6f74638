from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.uid import RLELossless
from reading.files import heads, high_throughput, write_dicom
from scipy import ndimage

from tumorscope.core.errors import UnreadableScan
from tumorscope.io import open_scan

HEAD = heads(1, 64, 48)[0].astype(np.int64)
SMOOTH = ndimage.gaussian_filter(HEAD.astype(float), 1.5)

EXACT = (
    *("JPEGLosslessProcess14", "JPEGLosslessProcess14_1", "JPEGLSLossless", "JPEG2000Lossless", "RLELossless"),
    *("DeflatedExplicitVRLittleEndian", "ExplicitVRBigEndian", "ImplicitVRLittleEndian"),
)
LOSSY = ("JPEGBaselineProcess1", "JPEGExtendedProcess2_4", "JPEGLSNearLossless", "JPEG2000")
DEPTHS = {
    "8 bits": (HEAD.astype(np.uint8), 8),
    "12 bits": ((HEAD * 16).astype(np.uint16), 12),
    "12 bits, signed": ((HEAD * 16 - 1500).astype(np.int16), 12),
    "16 bits": ((HEAD * 250).astype(np.uint16), 16),
}


def transcoded(path: Path, syntax: str) -> Path:
    """The file in another transfer syntax, by GDCM."""
    import gdcm

    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, syntax)))
    change.SetInput(reader.GetImage())
    assert change.Change(), syntax
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write(), syntax
    return path


def with_high_throughput(path: Path, image: np.ndarray, syntax: str, keep: int | None = None) -> Path:
    """The file with its pixels as a high-throughput code stream, under a syntax by its keyword or UID."""
    import pydicom.uid
    from pydicom import dcmread
    from pydicom.encaps import encapsulate

    dataset = dcmread(path)
    dataset.file_meta.TransferSyntaxUID = getattr(pydicom.uid, syntax, syntax)
    dataset.PixelData = encapsulate([high_throughput(image)[:keep]])
    dataset["PixelData"].VR = "OB"
    dataset.save_as(path)
    return path


def write_decimals(path: Path, image: np.ndarray, keyword: str, **attributes: Any) -> Path:
    integers = dict.fromkeys(("PixelData", "BitsStored", "HighBit", "PixelRepresentation"))
    return write_dicom(path, image, **{**integers, keyword: image.tobytes(), **attributes})


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("syntax", EXACT)
def test_lossless_syntaxes_give_back_every_value(tmp_path: Path, syntax: str, depth: str):
    image, bits = DEPTHS[depth]
    path = write_dicom(tmp_path / "a.dcm", image, BitsStored=bits, HighBit=bits - 1)
    voxels = open_scan(transcoded(path, syntax)).voxels[0, ..., 0]
    assert np.array_equal(voxels, image)


@pytest.mark.parametrize("syntax", LOSSY)
def test_lossy_syntaxes_give_back_nearly_every_value(tmp_path: Path, syntax: str):
    image = SMOOTH.astype(np.uint8)
    voxels = open_scan(transcoded(write_dicom(tmp_path / "a.dcm", image), syntax)).voxels[0, ..., 0]
    assert np.abs(voxels.astype(int) - image).max() <= 2


def test_extended_jpeg_of_twelve_bits_is_decoded(tmp_path: Path):
    import imagecodecs
    from pydicom import dcmread
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEGExtended12Bit

    image = (SMOOTH * 16).astype(np.uint16)
    dataset = dcmread(write_dicom(tmp_path / "a.dcm", image, BitsStored=12, HighBit=11))
    dataset.file_meta.TransferSyntaxUID = JPEGExtended12Bit
    dataset.PixelData = encapsulate([imagecodecs.jpeg8_encode(image, level=98, bitspersample=12)])
    dataset["PixelData"].VR = "OB"
    dataset.save_as(tmp_path / "a.dcm")
    voxels = open_scan(tmp_path / "a.dcm").voxels[0, ..., 0]
    assert voxels.max() > 255 * 8
    assert np.abs(voxels.astype(int) - image).max() <= 4


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("syntax", ["HTJ2KLossless", "HTJ2KLosslessRPCL", "HTJ2K"])
def test_high_throughput_jpeg_2000_gives_back_every_value(tmp_path: Path, syntax: str, depth: str):
    image, bits = DEPTHS[depth]
    path = write_dicom(tmp_path / "a.dcm", image, BitsStored=bits, HighBit=bits - 1)
    voxels = open_scan(with_high_throughput(path, image, syntax)).voxels[0, ..., 0]
    assert np.array_equal(voxels, image)


def test_a_damaged_code_stream_is_told(tmp_path: Path):
    image = HEAD.astype(np.uint8)
    path = with_high_throughput(write_dicom(tmp_path / "a.dcm", image), image, "HTJ2K", keep=60)
    with pytest.raises(UnreadableScan, match="the pixel data is damaged or cut short"):
        open_scan(path)


@pytest.mark.parametrize(
    ("syntax", "told"),
    [
        ("1.2.840.10008.1.2.4.93", "compressed as JPEG 2000 Part 2 Multi-component Image Compression"),
        ("1.2.840.10008.1.2.4.103", "is a video or compressed as MPEG-4"),
        ("1.2.840.10008.1.2.4.204", "compressed as JPIP HTJ2K Referenced"),
    ],
)
def test_what_cannot_be_decoded_is_named_without_advice_that_does_not_help(tmp_path: Path, syntax: str, told: str):
    image = HEAD.astype(np.uint8)
    path = with_high_throughput(write_dicom(tmp_path / "a.dcm", image), image, syntax)
    with pytest.raises(UnreadableScan, match=told) as caught:
        open_scan(path)
    assert "export it uncompressed" in str(caught.value)
    assert "pip install" not in str(caught.value)


@pytest.mark.parametrize(("kind", "keyword"), [("f4", "FloatPixelData"), ("f8", "DoubleFloatPixelData")])
def test_pixels_with_decimals_are_read(tmp_path: Path, kind: str, keyword: str):
    image = (HEAD / 7 - 3).astype(kind)
    path = write_decimals(tmp_path / "a.dcm", image, keyword)
    scan = open_scan(path)
    assert scan.voxels.dtype == image.dtype
    assert np.array_equal(scan.voxels[0, ..., 0], image)
    assert keyword not in scan.source_images[0].header


@pytest.mark.parametrize("padding", [-1e30, float("nan")])
def test_padding_with_decimals_is_dark(tmp_path: Path, padding: float):
    image = HEAD.astype(np.float32)
    image[:5] = padding
    path = write_decimals(tmp_path / "a.dcm", image, "FloatPixelData", FloatPixelPaddingValue=padding)
    voxels = open_scan(path).voxels[0, ..., 0]
    assert voxels.min() == HEAD[5:].min()
    assert np.array_equal(voxels[5:], HEAD[5:])


def test_an_extended_offset_table_before_the_pixels_hides_them_not(tmp_path: Path):
    from pydicom import dcmread

    dataset = dcmread(write_dicom(tmp_path / "a.dcm", HEAD.astype(np.uint16)))
    dataset.compress(RLELossless, encapsulate_ext=True, generate_instance_uid=False)
    assert "ExtendedOffsetTable" in dataset
    dataset.save_as(tmp_path / "a.dcm")
    assert np.array_equal(open_scan(tmp_path / "a.dcm").voxels[0, ..., 0], HEAD)


def test_twelve_signed_bits_keep_their_sign_though_the_upper_four_are_empty(tmp_path: Path):
    image = HEAD * 8 - 900
    stored = (image & 0xFFF).astype(np.uint16)
    path = write_dicom(tmp_path / "a.dcm", stored, BitsStored=12, HighBit=11, PixelRepresentation=1)
    assert np.array_equal(open_scan(path).voxels[0, ..., 0], image)


@pytest.mark.parametrize("signed", [False, True])
def test_twelve_bits_at_the_top_of_a_word_keep_their_values(tmp_path: Path, signed: bool):
    stored = (HEAD.astype(np.int16) - 1500 * signed) << 4 | 0b0101  # the lowest four are not of the pixel
    at_top = {"BitsStored": 12, "HighBit": 15, "PixelRepresentation": int(signed)}
    path = write_dicom(tmp_path / "a.dcm", stored.astype(np.int16 if signed else np.uint16), **at_top)
    assert np.array_equal(open_scan(path).voxels[0, ..., 0], HEAD.astype(np.int16) - 1500 * signed)


def test_an_overlay_in_the_unused_bits_is_not_brightness(tmp_path: Path):
    path = write_dicom(tmp_path / "a.dcm", (HEAD | 0xF000).astype(np.uint16), BitsStored=12, HighBit=11)
    assert np.array_equal(open_scan(path).voxels[0, ..., 0], HEAD)


def test_a_window_changes_no_value(tmp_path: Path):
    plain = open_scan(write_dicom(tmp_path / "a.dcm", HEAD.astype(np.int16))).voxels
    windowed = write_dicom(
        tmp_path / "b.dcm", HEAD.astype(np.int16), WindowCenter=[20, 40], WindowWidth=[10, 5], VOILUTFunction="SIGMOID"
    )
    assert np.array_equal(open_scan(windowed).voxels, plain)


def test_a_modality_lut_gives_the_scanner_s_values(tmp_path: Path):
    from pydicom import Dataset, Sequence

    lut = Dataset()
    lut.LUTDescriptor = [256, 0, 16]
    lut.ModalityLUTType = "US"
    lut.LUTData = (np.arange(256) * 3 + 7).astype("<u2").tobytes()
    path = write_dicom(tmp_path / "a.dcm", HEAD.astype(np.uint8), ModalityLUTSequence=Sequence([lut]))
    assert np.array_equal(open_scan(path).voxels[0, ..., 0], HEAD * 3 + 7)


def test_padding_around_the_image_is_dark(tmp_path: Path):
    image = HEAD.astype(np.int16)
    image[:5] = -32768
    path = write_dicom(tmp_path / "a.dcm", image, PixelPaddingValue=-32768)
    voxels = open_scan(path).voxels[0, ..., 0]
    assert voxels.min() == HEAD[5:].min()
    assert np.array_equal(voxels[5:], HEAD[5:])


@pytest.mark.parametrize("limits", [(4000, 4095), (4095, 4000)])
def test_padding_may_be_a_range_of_values(tmp_path: Path, limits: tuple[int, int]):
    image = HEAD.astype(np.uint16)
    image[:5], image[5:7], image[7:9] = 4000, 4050, 4095
    path = write_dicom(tmp_path / "a.dcm", image, PixelPaddingValue=limits[0], PixelPaddingRangeLimit=limits[1])
    voxels = open_scan(path).voxels[0, ..., 0]
    assert voxels.max() == HEAD[9:].max()
    assert (voxels[:9] == HEAD[9:].min()).all()
    assert np.array_equal(voxels[9:], HEAD[9:])


def test_a_range_of_padding_may_start_at_zero(tmp_path: Path):
    image = (HEAD + 40).astype(np.uint16)
    image[:5], image[5:7] = 0, 9
    path = write_dicom(tmp_path / "a.dcm", image, PixelPaddingValue=0, PixelPaddingRangeLimit=10)
    assert open_scan(path).voxels.min() == image[7:].min()


def test_zeros_stated_as_padding_stay_what_they_are(tmp_path: Path):
    image = (HEAD + 40).astype(np.uint16)
    image[:5] = 0
    assert np.array_equal(
        open_scan(write_dicom(tmp_path / "a.dcm", image, PixelPaddingValue=0)).voxels[0, ..., 0], image
    )


def test_padding_is_dark_where_small_values_are_bright(tmp_path: Path):
    image = (4000 - HEAD).astype(np.uint16)
    image[:5] = 0
    depth = {"BitsStored": 12, "HighBit": 11}
    path = write_dicom(tmp_path / "a.dcm", image, PixelPaddingValue=0, PhotometricInterpretation="MONOCHROME1", **depth)
    voxels = open_scan(path).voxels[0, ..., 0]
    assert (voxels[:5] == voxels[5:].min()).all()
    assert np.array_equal(voxels[5:], HEAD[5:] + 95)


def test_monochrome1_turns_round_within_the_bits_that_are_stored(tmp_path: Path):
    path = write_dicom(
        tmp_path / "a.dcm", HEAD.astype(np.uint16), BitsStored=12, HighBit=11, PhotometricInterpretation="MONOCHROME1"
    )
    assert np.array_equal(open_scan(path).voxels[0, ..., 0], 4095 - HEAD)


def test_slices_of_two_types_keep_their_values(tmp_path: Path):
    write_dicom(tmp_path / "a.dcm", (HEAD - 50).astype(np.int16))
    write_dicom(tmp_path / "b.dcm", (HEAD * 250).astype(np.uint16), ImagePositionPatient=[0, 0, 3.0])
    voxels = open_scan(tmp_path).voxels[..., 0]
    assert np.array_equal(voxels, [HEAD - 50, HEAD * 250])
