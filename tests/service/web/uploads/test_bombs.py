"""Files that are small when they come and large when they are read."""

import gzip
import struct
import time
import zlib

import numpy as np
import pytest
import tifffile
from dicom_making import write_series
from PIL import Image

from tumorscope.errors import UnreadableScan
from tumorscope.reading import open_scan
from tumorscope.reporting.nifti import encode_nifti
from tumorscope.service.web.uploads import bombs
from tumorscope.service.web.uploads.bombs import refuse_deflated_bomb


def deflated(path, following: int):
    """The DICOM file as Deflated Explicit VR Little Endian, with so many zeros behind its data set."""
    import pydicom
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(path)
    content = path.read_bytes()
    at = 144 + int.from_bytes(content[140:144], "little")
    plain = zlib.decompress(content[at:], -zlib.MAX_WBITS)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(plain) + packer.compress(b"\xfc\xff\xfc\xffOW\0\0" + struct.pack("<I", following))
    for _ in range(following >> 20):
        packed += packer.compress(bytes(1 << 20))
    path.write_bytes(content[:at] + packed + packer.flush())
    return path


def test_a_deflated_dicom_bomb_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = deflated(write_series(tmp_path)[0], following=40 << 20)
    assert path.stat().st_size < 1 << 20
    refuse_deflated_bomb(path)
    monkeypatch.setattr(bombs, "MOST_INFLATED", 32 << 20)
    with pytest.raises(UnreadableScan, match="larger than 32 MiB unpacked"):
        refuse_deflated_bomb(path)


def test_other_dicom_files_are_let_through(tmp_path):
    refuse_deflated_bomb(write_series(tmp_path)[0])
    refuse_deflated_bomb(deflated(write_series(tmp_path / "b")[0], following=0))


def test_a_deflated_file_that_is_damaged_is_refused(tmp_path):
    path = deflated(write_series(tmp_path)[0], following=0)
    content = bytearray(path.read_bytes())
    at = 144 + int.from_bytes(content[140:144], "little")
    content[at : at + 40] = b"\xff" * 40
    path.write_bytes(content)
    with pytest.raises(UnreadableScan, match="damaged"):
        refuse_deflated_bomb(path)


def png_bomb(path):
    Image.fromarray(np.zeros((20, 20), np.uint8)).save(path)
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", 100_000, 100_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)


def tiff_bomb(path):
    tifffile.imwrite(path, np.zeros((64, 64), np.uint8), compression="zlib")
    with tifffile.TiffFile(path, mode="r+b") as file:
        for tag in ("ImageWidth", "ImageLength", "RowsPerStrip"):
            file.pages[0].tags[tag].overwrite(60_000)


def nifti_bomb(path):
    header = bytearray(gzip.decompress(encode_nifti(np.zeros((16, 16, 2), np.uint8), np.eye(4))))[:352]
    struct.pack_into("<4h", header, 40, 3, 30_000, 30_000, 30_000)
    path.write_bytes(gzip.compress(bytes(header) + bytes(1 << 20)))


@pytest.mark.parametrize(("make", "name"), [(png_bomb, "b.png"), (tiff_bomb, "b.tif"), (nifti_bomb, "b.nii.gz")])
def test_a_picture_or_volume_that_states_too_much_is_refused_without_memory(tmp_path, make, name):
    """The readers' own guard, on which the service builds."""
    make(tmp_path / name)
    started = time.monotonic()
    with pytest.raises(UnreadableScan, match="more than|more pixels|allowed"):
        open_scan(tmp_path / name)
    assert time.monotonic() - started < 5
