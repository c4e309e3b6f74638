from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from reading.files import head, heads, write_cjdata, write_dicom, write_nifti

from tumorscope.core.errors import UnreadableScan
from tumorscope.io import find_cases, open_scan
from tumorscope.io.formats import FORMATS, SUPPORTED, InputFormat, formats_table
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


README = Path(__file__).parents[2] / "README.md"


def test_the_readme_lists_the_formats_of_the_registry():
    assert formats_table() in README.read_text()


@pytest.mark.parametrize("entry", FORMATS, ids=lambda entry: entry.name)
def test_every_format_has_a_reader_and_a_place_in_messages(entry: InputFormat):
    reader = entry.reader()
    wanted = ["read_stored_volume"] if entry.volumes else ["read_scan", "read_folder"]
    if entry.masks and not entry.volumes:
        wanted.append("read_segmentation")
    assert all(callable(getattr(reader, name)) for name in wanted)
    assert entry.listed in SUPPORTED
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in entry.suffixes)


@pytest.mark.parametrize("entry", FORMATS, ids=lambda entry: entry.name)
def test_a_damaged_file_is_a_case_by_its_name_and_an_error_in_one_line(tmp_path: Path, entry: InputFormat):
    path = tmp_path / "p" / f"x{entry.suffixes[0]}"
    path.parent.mkdir()
    path.write_text("nothing of the kind")
    assert find_cases(tmp_path) == [path.parent]
    with pytest.raises(UnreadableScan, match=f"not {entry.title} although its name says so") as error:
        open_scan(path)
    assert "\n" not in str(error.value)


def test_the_registry_loads_no_library():
    code = "import sys, tumorscope.io.formats; print('numpy' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "False"
