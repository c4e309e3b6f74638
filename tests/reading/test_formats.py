from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from reading.files import head, heads, write_cjdata, write_dicom, write_nifti

from tumorscope.io.recognition import file_format


def make(path: Path, kind: str) -> Path:
    if kind == "dicom":
        return write_dicom(path, heads(1)[0])
    if kind == "matlab":
        return write_cjdata(path, head(), head() > 100)
    if kind == "nifti":
        written = write_nifti(path.with_suffix(".nii"), heads(3))
        return written.rename(path)
    Image.fromarray(head()).save(path, format="PNG")
    return path


@pytest.mark.parametrize("kind", ["image", "nifti", "dicom", "matlab"])
@pytest.mark.parametrize("name", ["file", "file.png", "file.dcm", "file.nii", "file.mat", "file.xyz"])
def test_the_first_bytes_decide_whatever_the_name(tmp_path: Path, kind: str, name: str):
    assert file_format(make(tmp_path / name, kind)) == kind


def test_compressed_nifti_is_seen_through_gzip(tmp_path: Path):
    assert file_format(write_nifti(tmp_path / "a.nii.gz", heads(3))) == "nifti"
    assert file_format((tmp_path / "a.nii.gz").rename(tmp_path / "b")) == "nifti"


PREAMBLES = {
    "TIFF": b"II*\0\x08\0\0\0",
    "big-endian TIFF": b"MM\0*\0\0\0\x08",
    "BigTIFF": b"II+\0\x08\0\0\0",
    "JPEG": b"\xff\xd8\xff\xe0",
    "PNG": b"\x89PNG\r\n\x1a\n",
    "BMP": b"BM\0\1\0\0\0\0\0\0",
    "gzip": b"\x1f\x8b\x08\0",
    "HDF5": b"\x89HDF\r\n\x1a\n",
    "ZIP": b"PK\x03\x04",
    "PDF": b"%PDF-1.7",
    "NIfTI-2": b"\x1c\x02\0\0n+2\0",
}


@pytest.mark.parametrize("suffix", [".dcm", ".tif", ""])
@pytest.mark.parametrize("start", PREAMBLES)
def test_a_preamble_may_start_like_any_other_format(tmp_path: Path, start: str, suffix: str):
    path = write_dicom(tmp_path / f"a{suffix}", heads(1)[0])
    content = path.read_bytes()
    path.write_bytes(PREAMBLES[start].ljust(128, b"\0") + content[128:])
    assert file_format(path) == "dicom"
