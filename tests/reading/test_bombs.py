"""Files that are small when they come and large when they are read."""

import gzip
import struct
import time
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from tumorscope.core.errors import UnreadableScan
from tumorscope.io import open_scan
from tumorscope.reporting.nifti_files import encode_nifti


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
def test_an_image_or_volume_that_states_too_much_is_refused_without_memory(tmp_path, make, name):
    """The readers' own guard, on which the service builds."""
    make(tmp_path / name)
    started = time.process_time()
    with pytest.raises(UnreadableScan, match="more than|more pixels|allowed"):
        open_scan(tmp_path / name)
    assert time.process_time() - started < 5
