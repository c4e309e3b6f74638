"""Reading a DICOM file as far as needed.

Some writers leave megabytes of zeros behind the pixels, which pydicom would parse as a
hundred thousand empty elements; both functions stop before.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom import FileDataset

_FIRST_PIXEL_TAG = 0x7FE00001
_PIXEL_DATA = 0x7FE00010


def read_header(path: Path) -> tuple[FileDataset, bool]:
    """What stands before the pixels, and whether pixels follow."""
    from pydicom.filereader import read_partial

    met = []

    def at_pixels(tag: Any, _vr: str | None, _length: int) -> bool:
        if tag >= _FIRST_PIXEL_TAG:
            met.append(int(tag))
        return bool(met)

    with path.open("rb") as file:
        dataset = read_partial(file, at_pixels, force=True)
    return dataset, met[:1] == [_PIXEL_DATA]  # type: ignore[return-value]


def read_with_pixels(path: Path) -> FileDataset:
    """The file up to the end of its pixels."""
    from pydicom.filereader import read_partial

    met = []

    def after_pixels(tag: Any, _vr: str | None, _length: int) -> bool:
        if met:
            return True
        if tag == _PIXEL_DATA:
            met.append(tag)
        return False

    with path.open("rb") as file:
        return read_partial(file, after_pixels, force=True)  # type: ignore[return-value]
