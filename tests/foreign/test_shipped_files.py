"""Files that nobody here made: what pydicom, nibabel, highdicom and scikit-image ship in their wheels.

Every one is read or refused in one line, and what is read is what another program reads.
"""

import importlib.util
import zlib
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("SimpleITK")
from foreign.independent import ItkReader, NiftiReader, places

from tumorscope.core.errors import TumorscopeError
from tumorscope.io import open_scan
from tumorscope.io.recognition import file_format

PACKAGES = ("pydicom", "nibabel", "highdicom", "skimage")
CODE = {".py", ".pyc", ".pyi", ".pyx", ".pxd", ".so", ".pyd", ".dylib", ".typed"}
VOXELS = 200
JPEG_DECODERS_DIFFER_BY = 5
"""Gray levels: two libraries enlarge the color of a lossy JPEG differently."""


def root(package):
    return Path(importlib.util.find_spec(package).origin).parent


def shipped():
    """Every file that is not code, by package and path in it."""
    for package in PACKAGES:
        folder = root(package)
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix.lower() not in CODE and "__pycache__" not in path.parts:
                yield package, path.relative_to(folder).as_posix()


def series_folders():
    """Folders that hold images of one series and nothing else."""
    discs = root("pydicom") / "data" / "test_files" / "dicomdirtests"
    return [path.relative_to(discs).as_posix() for path in sorted(discs.glob("*/*")) if path.is_dir()]


def read(path):
    """The scan, or None where it is refused; nothing else may happen."""
    try:
        return open_scan(path)
    except TumorscopeError as error:
        line = str(error)
        assert line
        assert "\n" not in line
        assert len(line) < 300
        assert line.isprintable()
        return None


def assert_agrees(scan, reader, tolerance=0.0):
    reader.assert_same_grid(scan)
    where = places(scan, VOXELS, seed=zlib.crc32(scan.case.encode()))
    theirs = reader.values(scan, where)
    np.testing.assert_allclose(scan.voxels[tuple(where.T)], theirs, rtol=1e-5, atol=tolerance)


def reader_for(path, scan):
    if file_format(path) == "nifti":
        return NiftiReader(path)
    return ItkReader([path] if path.is_file() else [path / name for name in scan.slice_names])


@pytest.mark.parametrize(("package", "name"), shipped())
def test_a_file_is_refused_in_one_line_or_read_as_another_program_reads_it(package, name):
    path = root(package) / name
    scan = read(path)
    if scan is not None:
        lossy = path.suffix.lower() in (".jpg", ".jpeg")
        assert_agrees(scan, reader_for(path, scan), JPEG_DECODERS_DIFFER_BY if lossy else 0.0)


@pytest.mark.parametrize("name", series_folders())
def test_a_folder_of_slices_is_refused_in_one_line_or_read_as_another_program_reads_each(name):
    path = root("pydicom") / "data" / "test_files" / "dicomdirtests" / name
    scan = read(path)
    if scan is not None:
        assert_agrees(scan, ItkReader([path / slice_name for slice_name in scan.slice_names]))


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("pydicom", "data/test_files/MR_small_jp2klossless.dcm"),
        ("pydicom", "data/test_files/MR_small_jpeg_ls_lossless.dcm"),
        ("pydicom", "data/test_files/dicomdirtests/98892003/MR700"),
        ("nibabel", "tests/data/anatomical.nii"),
        ("nibabel", "tests/data/reoriented_anat_moved.nii"),
        ("skimage", "data/phantom.png"),
    ],
)
def test_what_can_be_read_is_not_refused(package, name):
    assert open_scan(root(package) / name).voxels.any()
