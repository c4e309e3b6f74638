"""Whatever is wrong with the input, the user gets one line that says so."""

from __future__ import annotations

import gzip
import os
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from reading.files import ENHANCED_MR, head, heads, lgg_slice, write_cjdata, write_dicom, write_nifti, write_series

from tumorscope.core.errors import TumorscopeError
from tumorscope.io import open_scan

VOLUME = heads(20, 22, 18).transpose(2, 1, 0)
IMAGE = heads(1)[0]
MASK = head() > 100

Make = Callable[[Path], Any]
CASES: dict[str, tuple[Make, str]] = {}


def case(expected: str) -> Callable[[Make], Make]:
    """Add a maker of broken input with the words that its error must hold."""

    def add(make: Make) -> Make:
        assert make.__name__ not in CASES, make.__name__
        CASES[make.__name__] = (make, expected)
        return make

    return add


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def png(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels).save(path, format="PNG")
    return path


def cut(path: Path, share: float = 0.6) -> Path:
    return written(path, path.read_bytes()[: int(path.stat().st_size * share)])


# Paths and folders


@case("no such file or folder")
def missing_path(tmp: Path) -> Path:
    return tmp / "nothing.png"


@case("not a valid path")
def null_character_in_the_path(tmp: Path) -> str:
    return f"{tmp}/a\0b.png"


@case("cannot be opened")
def endless_name(tmp: Path) -> Path:
    return tmp / ("x" * 5000)


@case("symbolic link loop")
def link_to_itself(tmp: Path) -> Path:
    (tmp / "loop.png").symlink_to(tmp / "loop.png")
    return tmp / "loop.png"


@case("broken symbolic link")
def broken_link(tmp: Path) -> Path:
    (tmp / "link.png").symlink_to(tmp / "gone.png")
    return tmp / "link.png"


@case("neither a file nor a folder")
def named_pipe(tmp: Path) -> Path:
    os.mkfifo(tmp / "pipe")
    return tmp / "pipe"


@case("the folder is empty")
def empty_folder(tmp: Path) -> Path:
    (tmp / "p").mkdir()
    return tmp / "p"


@case("the folder is empty")
def folder_with_hidden_files_only(tmp: Path) -> Path:
    written(tmp / ".DS_Store", b"x")
    return tmp


@case("holds only folders")
def folder_of_folders(tmp: Path) -> Path:
    (tmp / "series1").mkdir()
    return tmp


@case("none of its 2 files is a scan")
def folder_of_other_files(tmp: Path) -> Path:
    written(tmp / "a.txt", b"hello")
    written(tmp / "b.csv", b"1,2")
    return tmp


@case("holds only masks")
def folder_of_masks(tmp: Path) -> Path:
    png(tmp / "a_mask.png", MASK.astype(np.uint8))
    return tmp


@case("a2.png is 60×48 pixels, a1.png 64×48")
def folder_of_images_of_two_sizes(tmp: Path) -> Path:
    png(tmp / "a1.png", head())
    png(tmp / "a2.png", head(60))
    return tmp


@case("looks like a color photograph")
def folder_of_photographs(tmp: Path) -> Path:
    for number in range(3):
        png(tmp / f"a{number}.png", np.random.default_rng(number).integers(0, 256, (64, 64, 3), np.uint8))
    return tmp


@case("damaged, truncated")
def lgg_folder_with_a_truncated_slice(tmp: Path) -> Path:
    for number in (1, 2):
        tifffile.imwrite(tmp / f"x_{number}.tif", lgg_slice(seed=number), photometric="rgb")
    cut(tmp / "x_2.tif", 0.3)
    return tmp


@case("no name tells its sequence")
def folder_of_nameless_volumes(tmp: Path) -> Path:
    write_nifti(tmp / "a.nii", VOLUME)
    write_nifti(tmp / "b.nii", VOLUME)
    return tmp


@case("are both t1 by name")
def folder_with_a_sequence_twice(tmp: Path) -> Path:
    write_nifti(tmp / "a_t1.nii", VOLUME)
    write_nifti(tmp / "b_t1.nii", VOLUME)
    return tmp


@case("holds 2 MATLAB files")
def folder_of_samples(tmp: Path) -> Path:
    write_cjdata(tmp / "1.mat", head(), MASK)
    write_cjdata(tmp / "2.mat", head(), MASK)
    return tmp


# Files that are something else


@case("the file is empty")
def empty_image(tmp: Path) -> Path:
    return written(tmp / "a.png", b"")


@case("files ending in .txt are not read; give one of DICOM, NIfTI")
def unsupported_suffix(tmp: Path) -> Path:
    return written(tmp / "a.txt", b"hello")


@case("of no known format")
def no_suffix_and_no_known_content(tmp: Path) -> Path:
    return written(tmp / "README", b"hello")


@case("not an image although its name says so (text inside)")
def text_named_png(tmp: Path) -> Path:
    return written(tmp / "a.png", b"this is not an image\n" * 50)


@case("not DICOM although its name says so (text inside)")
def html_named_dcm(tmp: Path) -> Path:
    return written(tmp / "a.dcm", b"<!DOCTYPE html><html><body>404</body></html>" * 20)


@case("not an image although its name says so (something else inside)")
def random_bytes_named_jpg(tmp: Path) -> Path:
    return written(tmp / "a.jpg", np.random.default_rng(0).integers(0, 256, 900, np.uint8).tobytes())


@case("is a PDF")
def pdf(tmp: Path) -> Path:
    return written(tmp / "a.pdf", b"%PDF-1.7\n")


@case("a ZIP archive; unpack it first")
def zip_archive(tmp: Path) -> Path:
    return written(tmp / "a.zip", b"PK\x03\x04" + b"\0" * 50)


@case("compressed with gzip, but no NIfTI or MGH inside")
def gzip_of_text(tmp: Path) -> Path:
    return written(tmp / "a.nii.gz", gzip.compress(b"hello" * 200))


@case("is half of a NIfTI pair, and a.img is not beside it")
def half_a_nifti_pair(tmp: Path) -> Path:
    import nibabel

    nibabel.save(nibabel.Nifti1Pair(VOLUME, np.eye(4)), tmp / "a.hdr")
    (tmp / "a.img").unlink()
    return tmp / "a.hdr"


def analyze_pair(tmp: Path) -> Path:
    import nibabel

    nibabel.save(nibabel.AnalyzeImage(VOLUME, np.eye(4)), tmp / "a.hdr")
    return tmp / "a.hdr"


@case("is Analyze 7.5, which does not say which side is right")
def header_of_an_analyze_pair(tmp: Path) -> Path:
    return analyze_pair(tmp)


@case("a.hdr: is Analyze 7.5, which does not say which side is right")
def voxels_of_an_analyze_pair(tmp: Path) -> Path:
    return analyze_pair(tmp).with_suffix(".img")


@case("this is a mask by its name; name the image instead")
def mask_image(tmp: Path) -> Path:
    return png(tmp / "a_mask.png", MASK.astype(np.uint8))


@case("this is a mask by its name")
def mask_volume(tmp: Path) -> Path:
    return write_nifti(tmp / "a_seg.nii.gz", (VOLUME > 100).astype(np.uint8))


# Images


@case("damaged, truncated")
def truncated_png(tmp: Path) -> Path:
    return cut(png(tmp / "a.png", head(200, 200)))


@case("damaged, truncated")
def truncated_jpeg(tmp: Path) -> Path:
    Image.fromarray(head(200, 200)).save(tmp / "a.jpg")
    return cut(tmp / "a.jpg")


@case("damaged, truncated")
def truncated_tiff(tmp: Path) -> Path:
    tifffile.imwrite(tmp / "a.tif", head())
    return cut(tmp / "a.tif", 0.05)


@case("damaged, truncated")
def truncated_bmp(tmp: Path) -> Path:
    Image.fromarray(head()).save(tmp / "a.bmp")
    return cut(tmp / "a.bmp")


def huge_png(path: Path, side: int) -> Path:
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return written(path, data + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT")))


@case("more than the 64,000,000 allowed")
def png_of_a_billion_pixels(tmp: Path) -> Path:
    return huge_png(tmp / "a.png", 9_000)


@case("more pixels than the 64,000,000 allowed")
def png_of_ten_billion_pixels(tmp: Path) -> Path:
    return huge_png(tmp / "a.png", 100_000)


@case("more than the 64,000,000 allowed")
def tiff_bomb(tmp: Path) -> Path:
    tifffile.imwrite(tmp / "a.tif", np.zeros((9000, 9000), np.uint8), compression="zlib")
    return tmp / "a.tif"


@case("the pages differ in size")
def tiff_with_pages_of_two_sizes(tmp: Path) -> Path:
    with tifffile.TiffWriter(tmp / "a.tif") as file:
        file.write(head(), photometric="minisblack")
        file.write(head(60), photometric="minisblack")
    return tmp / "a.tif"


@case("has no contrast")
def black_image(tmp: Path) -> Path:
    return png(tmp / "a.png", np.zeros((64, 64), np.uint8))


@case("15×40 pixels are too few")
def tiny_image(tmp: Path) -> Path:
    return png(tmp / "a.png", head(15, 40))


@case("looks like a color photograph, not an MRI")
def photograph(tmp: Path) -> Path:
    y, x = np.mgrid[0:1:96j, 0:1:96j]
    return png(tmp / "a.png", (np.stack([x, y, 1 - x], -1) * 255).astype(np.uint8))


@case("50% of the voxels are NaN")
def tiff_full_of_nan(tmp: Path) -> Path:
    pixels = head().astype(np.float32)
    pixels[:32] = np.nan
    tifffile.imwrite(tmp / "a.tif", pixels)
    return tmp / "a.tif"


# NIfTI


@case("damaged or truncated NIfTI")
def truncated_nifti(tmp: Path) -> Path:
    return cut(write_nifti(tmp / "a.nii", VOLUME))


@case("damaged or truncated NIfTI")
def truncated_gzip(tmp: Path) -> Path:
    return cut(write_nifti(tmp / "a.nii.gz", VOLUME), 0.7)


@case("gzip compression is damaged")
def broken_gzip(tmp: Path) -> Path:
    return written(tmp / "a.nii.gz", b"\x1f\x8b\x08\x00" + b"\xff" * 200)


@case("not NIfTI although its name says so")
def half_a_header(tmp: Path) -> Path:
    return cut(write_nifti(tmp / "a.nii", VOLUME), 300 / 16000)


def patched(path: Path, offset: int, content: bytes) -> Path:
    data = bytearray(write_nifti(path, VOLUME).read_bytes())
    data[offset : offset + len(content)] = content
    return written(path, bytes(data))


@case("voxels are more than the")
def nifti_that_claims_a_giant_shape(tmp: Path) -> Path:
    return patched(tmp / "a.nii", 40, struct.pack("<8h", 3, 30000, 30000, 30000, 1, 1, 1, 1))


@case("damaged or truncated NIfTI")
def nifti_that_claims_more_than_it_has(tmp: Path) -> Path:
    return patched(tmp / "a.nii", 40, struct.pack("<8h", 3, 300, 300, 300, 1, 1, 1, 1))


@case("")
def nifti_with_a_negative_length(tmp: Path) -> Path:
    return patched(tmp / "a.nii", 40, struct.pack("<8h", 3, -5, 22, 20, 1, 1, 1, 1))


@case("")
def nifti_without_slices(tmp: Path) -> Path:
    return patched(tmp / "a.nii", 40, struct.pack("<8h", 3, 18, 22, 0, 1, 1, 1, 1))


@case("damaged or truncated NIfTI")
def nifti_of_an_unknown_type(tmp: Path) -> Path:
    return patched(tmp / "a.nii", 70, struct.pack("<h", 12345))


@case("holds colors (RGB)")
def nifti_in_color(tmp: Path) -> Path:
    rgb = np.zeros(VOLUME.shape, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    return write_nifti(tmp / "a.nii", rgb)


@case("holds complex numbers")
def complex_nifti(tmp: Path) -> Path:
    return write_nifti(tmp / "a.nii", VOLUME.astype(np.complex64))


@case("a time series of 40 volumes")
def functional_nifti(tmp: Path) -> Path:
    return write_nifti(tmp / "a.nii", VOLUME[..., None].repeat(40, -1))


@case("has 5 dimensions")
def nifti_of_five_dimensions(tmp: Path) -> Path:
    return write_nifti(tmp / "a.nii", VOLUME[..., None, None].repeat(3, -1))


@case("the affine is singular")
def nifti_with_a_flat_affine(tmp: Path) -> Path:
    return patched(tmp / "a.nii", 280, struct.pack("<12f", 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0))


@case("has no contrast")
def constant_nifti(tmp: Path) -> Path:
    return write_nifti(tmp / "a.nii", np.full(VOLUME.shape, 7, np.int16))


@case("of the voxels are NaN")
def nifti_full_of_nan(tmp: Path) -> Path:
    return write_nifti(tmp / "a.nii", np.full(VOLUME.shape, np.nan, np.float32))


# MATLAB


@case("an old MATLAB file; save it in MATLAB with save(…, '-v7.3')")
def old_matlab_file(tmp: Path) -> Path:
    import scipy.io

    scipy.io.savemat(tmp / "a.mat", {"cjdata": {"image": head()}})
    return tmp / "a.mat"


@case("holds no struct cjdata")
def other_matlab_file(tmp: Path) -> Path:
    import h5py

    with h5py.File(tmp / "cvind.mat", "w", userblock_size=512) as file:
        file.create_dataset("cvind", data=np.ones((1, 5)))
    return tmp / "cvind.mat"


@case("cjdata lacks tumorMask")
def sample_without_a_mask(tmp: Path) -> Path:
    return write_cjdata(tmp / "1.mat", head(), MASK, tumorMask=None)


@case("label 4 is not 1 (meningioma)")
def sample_of_a_fourth_type(tmp: Path) -> Path:
    return write_cjdata(tmp / "1.mat", head(), MASK, label=np.array([[4.0]]))


@case("the mask is 32×48, the image 64×48")
def sample_with_a_smaller_mask(tmp: Path) -> Path:
    return write_cjdata(tmp / "1.mat", head(), MASK[:32])


@case("not a gray image")
def sample_with_a_volume(tmp: Path) -> Path:
    return write_cjdata(tmp / "1.mat", np.zeros((20, 20, 20)), MASK)


@case("damaged or truncated MATLAB")
def truncated_sample(tmp: Path) -> Path:
    return cut(write_cjdata(tmp / "1.mat", head(), MASK), 0.5)


# DICOM


@case("is DICOM without pixel data")
def dicom_without_pixels(tmp: Path) -> Path:
    return write_dicom(tmp / "a.dcm", IMAGE, PixelData=None)


@case("is a DICOM segmentation")
def dicom_segmentation(tmp: Path) -> Path:
    return write_dicom(tmp / "a.dcm", IMAGE, SOPClassUID="1.2.840.10008.5.1.4.1.1.66.4", Modality="SEG")


@case("is a document wrapped in DICOM")
def dicom_with_a_pdf(tmp: Path) -> Path:
    return write_dicom(
        tmp / "a.dcm", IMAGE, SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1", PixelData=None, Rows=None, Columns=None
    )


@case("is a color image in DICOM")
def dicom_screen_capture(tmp: Path) -> Path:
    colors = lgg_slice()
    return write_dicom(
        tmp / "a.dcm",
        colors,
        SOPClassUID="1.2.840.10008.5.1.4.1.1.7",
        SamplesPerPixel=3,
        PlanarConfiguration=0,
        PhotometricInterpretation="RGB",
        Rows=64,
        Columns=48,
    )


@case("is of modality CT, not MR")
def dicom_of_a_ct(tmp: Path) -> Path:
    return write_dicom(tmp / "a.dcm", IMAGE, Modality="CT")


@case("the pixel spacing 0\\0 is not a size")
def dicom_with_zero_spacing(tmp: Path) -> Path:
    return write_dicom(tmp / "a.dcm", IMAGE, PixelSpacing=[0, 0])


@case("image orientation is not two directions at a right angle")
def dicom_with_a_singular_orientation(tmp: Path) -> Path:
    return write_dicom(tmp / "a.dcm", IMAGE, ImageOrientationPatient=[1, 0, 0, 1, 0, 0])


@case("image orientation is not two directions")
def dicom_with_a_zero_orientation(tmp: Path) -> Path:
    return write_dicom(tmp / "a.dcm", IMAGE, ImageOrientationPatient=[0, 0, 0, 0, 0, 0])


@case("the rescale slope is 0")
def dicom_with_zero_slope(tmp: Path) -> Path:
    return write_dicom(tmp / "a.dcm", IMAGE, RescaleSlope=0, RescaleIntercept=0)


@case("damaged")
def truncated_dicom(tmp: Path) -> Path:
    return cut(write_dicom(tmp / "a.dcm", IMAGE))


@case("damaged")
def dicom_cut_in_its_header(tmp: Path) -> Path:
    path = write_dicom(tmp / "a.dcm", IMAGE)
    return written(path, path.read_bytes()[:150])


@case("the pixel data is damaged or cut short")
def dicom_with_more_rows_than_pixels(tmp: Path) -> Path:
    return write_dicom(tmp / "a.dcm", IMAGE, Rows=4000)


@case("does not say how many rows")
def dicom_with_zero_rows(tmp: Path) -> Path:
    return write_dicom(tmp / "a.dcm", IMAGE, Rows=0)


@case("pixels are more than the")
def dicom_that_claims_giant_images(tmp: Path) -> Path:
    return write_dicom(tmp / "a.dcm", IMAGE, Rows=60000, Columns=60000)


@case("claims to hold 1000000000 frames")
def dicom_that_claims_a_billion_frames(tmp: Path) -> Path:
    return write_dicom(tmp / "a.dcm", IMAGE, SOPClassUID=ENHANCED_MR, NumberOfFrames=1_000_000_000)


@case("has no contrast")
def black_dicom(tmp: Path) -> Path:
    return write_dicom(tmp / "a.dcm", np.zeros_like(IMAGE))


@case("the pixel data is damaged or cut short")
def dicom_with_broken_compression(tmp: Path) -> Path:
    from pydicom import dcmread
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEG2000Lossless

    dataset = dcmread(write_dicom(tmp / "a.dcm", IMAGE))
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    dataset.PixelData = encapsulate([b"\xff\x4f\xff\x51" + b"\0" * 60])
    dataset["PixelData"].VR = "OB"
    dataset.save_as(tmp / "a.dcm")
    return tmp / "a.dcm"


@case("is a video or compressed as MPEG2 Main Profile")
def dicom_video(tmp: Path) -> Path:
    from pydicom import dcmread
    from pydicom.encaps import encapsulate
    from pydicom.uid import MPEG2MPML

    dataset = dcmread(write_dicom(tmp / "a.dcm", IMAGE))
    dataset.file_meta.TransferSyntaxUID = MPEG2MPML
    dataset.PixelData = encapsulate([b"\0" * 60])
    dataset["PixelData"].VR = "OB"
    dataset.save_as(tmp / "a.dcm")
    return tmp / "a.dcm"


@case("no MR images; 3 of 3 files: is DICOM without pixel data")
def dicom_folder_without_images(tmp: Path) -> Path:
    write_series(tmp / "s", heads(3), PixelData=None)
    return tmp / "s"


@case("pixel spacing 0\\1 is not a size")
def dicom_folder_named_by_the_patient(tmp: Path) -> Path:
    write_series(tmp / "DOE_JANE", heads(3), PixelSpacing=[0, 1])
    return tmp / "DOE_JANE"


# The user's arguments


@case("no sequence is named 'flare'; the names are t1, t1c, t2, flair; did you mean flair?")
def unknown_sequence(tmp: Path) -> dict:
    return {"path": None, "sequences": {"flare": write_nifti(tmp / "a.nii", VOLUME)}}


@case("no sequence is given")
def no_sequences(tmp: Path) -> dict:
    return {"path": tmp, "sequences": {}}


@case("t1 is given twice")
def sequence_given_twice(tmp: Path) -> dict:
    path = write_nifti(tmp / "a.nii", VOLUME)
    return {"path": None, "sequences": {"t1": path, "T1": path}}


@case("no such file or folder")
def sequence_file_missing(tmp: Path) -> dict:
    return {"path": None, "sequences": {"t1": tmp / "nothing.nii"}}


@case("has 2 channels; give one sequence per file")
def sequence_file_of_two_channels(tmp: Path) -> dict:
    return {"path": None, "sequences": {"t1": write_nifti(tmp / "a.nii", VOLUME[..., None].repeat(2, -1))}}


@case("3 channel names (t1, flair, t1c) for 1 channel")
def too_many_channel_names(tmp: Path) -> dict:
    return {"path": png(tmp / "a.png", head()), "channels": ["t1", "flair", "t1c"]}


@case("no sequence is named 'dwi'")
def unknown_channel_name(tmp: Path) -> dict:
    return {"path": write_nifti(tmp / "a.nii", VOLUME), "channels": ["dwi"]}


@case("both given")
def channels_and_sequences(tmp: Path) -> dict:
    return {"path": None, "sequences": {"t1": write_nifti(tmp / "a.nii", VOLUME)}, "channels": ["t1"]}


@case("no scan is named")
def nothing_at_all(tmp: Path) -> dict:
    return {"path": None}


def test_there_are_enough_cases():
    assert len(CASES) >= 40


@pytest.mark.parametrize("name", CASES)
def test_bad_input_gets_one_clear_line_and_nothing_else(
    name: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture,
    recwarn: pytest.WarningsRecorder,
):
    make, expected = CASES[name]
    given = make(tmp_path)
    recwarn.clear()
    caplog.clear()
    capfd.readouterr()
    arguments = given if isinstance(given, dict) else {"path": given}
    with pytest.raises(TumorscopeError) as caught:
        open_scan(**arguments)
    message = str(caught.value)
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
    assert not [str(warning.message) for warning in recwarn]
    assert expected in message
    assert message.strip()
    assert len(message.splitlines()) == 1
    assert len(message) < 300
    assert str(tmp_path) not in message
    assert not re.search(r"traceback|\b(doe|jane)\b|_jane|doe_|pat-0001", message, re.IGNORECASE)
    if isinstance(given, Path) and len(given.name) < 100 and "DOE" not in given.name:
        assert given.stem in message or any(child.stem in message for child in given.parent.rglob("*"))


def test_a_folder_without_permission_gets_one_line(tmp_path: Path):
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (tmp_path / "p").mkdir(mode=0)
    with pytest.raises(TumorscopeError, match="cannot be read"):
        open_scan(tmp_path / "p")
