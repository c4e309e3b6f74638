"""Only what goes wrong while a file is read is its damage; the program's own faults are not hidden behind it."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
from dicom_making import Grid, write_series

from tumorscope.core.note import texts
from tumorscope.io import find_cases, open_scan
from tumorscope.io.dicom import deflated, file_reader, grouping, pixels

SMALL = Grid((6, 24, 20), (20.0, 9.6, 10.0))


def broken(*_arguments: Any, **_options: Any) -> Any:
    raise KeyError("a fault of the program")


@pytest.mark.parametrize(
    ("module", "function"),
    [
        *((grouping, name) for name in ("rejection_reason", "frames_of", "name_tokens", "series_key", "study_of")),
        *((pixels, name) for name in ("_without_padding", "number")),
    ],
)
def test_a_fault_of_the_program_is_not_called_a_damaged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, function: str
):
    write_series(tmp_path / "s", "flair", SMALL, PixelPaddingValue=0)
    monkeypatch.setattr(module, function, broken)
    with pytest.raises(KeyError, match="a fault of the program"):
        open_scan(tmp_path / "s")


def test_nor_is_it_while_studies_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_series(tmp_path / "s", "flair", SMALL)
    monkeypatch.setattr(file_reader, "study_of", broken)
    with pytest.raises(KeyError, match="a fault of the program"):
        find_cases(tmp_path / "s")


def test_an_image_that_the_disk_does_not_give_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lost = write_series(tmp_path / "s", "flair", SMALL)[0]
    read = grouping.read_header

    def failing(path: Path) -> Any:
        if path == lost:
            raise OSError(errno.EIO, "Input/output error")
        return read(path)

    monkeypatch.setattr(grouping, "read_header", failing)
    assert "1 DICOM file skipped: cannot be read (Input/output error)" in texts(open_scan(tmp_path / "s").notes)


def test_a_deflated_bomb_among_images_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = write_series(tmp_path / "s", "flair", SMALL)[0]
    deflate(path)
    monkeypatch.setattr(deflated, "MOST_INFLATED", 500)
    (note,) = [note for note in texts(open_scan(tmp_path / "s").notes) if "skipped" in note]
    assert note == "1 DICOM file skipped: larger than 0 MiB unpacked"


def deflate(path: Path) -> None:
    from pydicom import dcmread
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    dataset = dcmread(path)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(path)
