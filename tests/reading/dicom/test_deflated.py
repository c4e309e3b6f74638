"""Deflated DICOM files that are small when they come and large when they are read."""

import struct
import zlib

import pytest
from dicom_making import write_series

from tumorscope.core.errors import UnreadableScan
from tumorscope.io import open_scan
from tumorscope.io.dicom import deflated as guard
from tumorscope.io.dicom.deflated import refuse_deflated_bomb
from tumorscope.io.dicom.file_reader import read_header, read_study, read_with_pixels


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
    monkeypatch.setattr(guard, "MOST_INFLATED", 32 << 20)
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


def test_no_other_reader_inflates_a_bomb(tmp_path, monkeypatch):
    path = deflated(write_series(tmp_path)[0], following=0)
    assert read_header(path)[1]
    monkeypatch.setattr(guard, "MOST_INFLATED", 1 << 10)
    for read in (read_header, read_study, read_with_pixels, open_scan):
        with pytest.raises(UnreadableScan):
            read(path)
