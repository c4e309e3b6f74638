"""The ``cjdata`` files of the figshare brain tumor data set (Cheng et al. 2015), MATLAB v7.3."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.scan import Scan
from tumorscope.core.segmentation import Segment, Segmentation
from tumorscope.io.checks import label, reason, size_text
from tumorscope.io.label_values import LabelOptions
from tumorscope.io.options import FolderContents, ReadOptions
from tumorscope.io.raster import MAX_PIXELS

TUMOR_TYPES = {1: "meningioma", 2: "glioma", 3: "pituitary"}
_STRUCT = b"cjdata"
_FIELDS = ("image", "label", "tumorMask", "PID")
_MOST_NUMBERS = 1000
"""In a label or a patient code; more would be another file, or a trap."""


@dataclass(frozen=True, eq=False)
class CjData:
    """One sample of the data set, turned as MATLAB shows it.

    Attributes:
        image: ``(row, column)``, the T1-weighted contrast-enhanced slice.
        mask: boolean ``(row, column)``, the tumor.
        label: 1 meningioma, 2 glioma, 3 pituitary tumor.
        patient: the publisher's patient code.
        border: ``(point, 2)``, x (column) and y (row) of the segmentation; empty where not given.
    """

    image: np.ndarray
    mask: np.ndarray
    label: int
    patient: str
    border: np.ndarray


def read_cjdata(path: Path) -> CjData:
    """Read one sample with its truth.

    Raises:
        UnreadableScan: not a ``cjdata`` struct, damaged, or with a label outside 1 to 3.
    """
    import h5py

    with _translated(path) as name, h5py.File(path, "r") as file:
        _struct(name, file["/"].id)
        return _cjdata(name, file["cjdata"])


def holds_sample(path: Path) -> bool:
    """Whether a file may be a sample; the data set's folds, ``cvind.mat``, are none. What is damaged counts."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return _STRUCT in file["/"].id
    except OSError:  # its reader reports that later
        return True


def read_label(path: Path) -> tuple[int, str]:
    """A sample's label and patient code, without its image.

    Raises:
        UnreadableScan: as :func:`read_cjdata`.
    """
    import h5py

    # A data set is thousands of files, and h5py's low-level calls take a third of the time of its comfortable ones.
    with _translated(path) as name:
        file = h5py.h5f.open(os.fsencode(path), h5py.h5f.ACC_RDONLY)
        try:
            group = _struct(name, h5py.h5g.open(file, b"/"))
            return _label(name, group), _patient(name, group)
        finally:
            file.close()


@contextmanager
def _translated(path: Path) -> Iterator[str]:
    """The file's name for messages; whatever goes wrong inside becomes one line."""
    name = label(path)
    try:
        yield name
    except UnreadableScan:
        raise
    except Exception as error:  # HDF5 raises OSError, KeyError, RuntimeError, ValueError on damaged files
        text = reason(error, path)
        raise UnreadableScan(f"{name}: damaged or truncated MATLAB v7.3 file ({text})") from error


def read_matlab(path: Path) -> Scan:
    """The slice of one sample as a scan; its mask and label stay in :func:`read_cjdata`."""
    data = read_cjdata(path)
    return Scan(
        voxels=data.image[None, :, :, None],
        sequences=("t1c",),
        case=path.stem,
        kind="image",
        slice_names=(path.name,),
        source=path,
    )


def read_scan(path: Path, options: ReadOptions) -> Scan:
    """See :class:`tumorscope.io.formats.InputFormat`."""
    return read_matlab(path)


def read_folder(folder: Path, contents: FolderContents, options: ReadOptions) -> Scan:
    """The one sample in a folder.

    Raises:
        UnreadableScan: there are several.
    """
    if len(contents.files) > 1:
        raise UnreadableScan(f"{label(folder)}: holds {len(contents.files)} MATLAB files; name one of them")
    return read_matlab(contents.files[0])


def read_segmentation(path: Path, options: LabelOptions) -> Segmentation:
    """The tumor of one sample."""
    options.refuse_threshold(label(path))
    mask = read_cjdata(path).mask[None]
    return Segmentation(mask[None], (Segment("mask", 1),) if mask.any() else (), path.stem, "image")


def _cjdata(name: str, group: Any) -> CjData:
    for field in ("image", "tumorMask"):
        if _is_empty(group[field].id):
            raise UnreadableScan(f"{name}: cjdata.{field} is empty; download the file again")
    shape = group["image"].shape
    if len(shape) != 2 or group["image"].dtype.kind not in "iuf":
        raise UnreadableScan(f"{name}: cjdata.image is not a gray image ({size_text(shape)}); download the file again")
    if shape[0] * shape[1] > MAX_PIXELS:
        raise UnreadableScan(f"{name}: {size_text(shape)} pixels are more than the {MAX_PIXELS:,} allowed")
    if group["tumorMask"].shape != shape:
        mask_size = size_text(group["tumorMask"].shape[::-1])
        raise UnreadableScan(f"{name}: the mask is {mask_size}, the image {size_text(shape[::-1])}")
    number = _label(name, group.id)
    image = np.asarray(group["image"]).T  # MATLAB stores columns first
    if image.dtype.itemsize > 2:
        image = image.astype(np.float32)
    stated = "tumorBorder" in group and not _is_empty(group["tumorBorder"].id)
    border = np.asarray(group["tumorBorder"], float).ravel() if stated else np.empty(0)
    return CjData(
        image=np.ascontiguousarray(image),
        mask=np.ascontiguousarray(np.asarray(group["tumorMask"]).T > 0),
        label=number,
        patient=_patient(name, group.id),
        border=border[: border.size // 2 * 2].reshape(-1, 2),
    )


def _struct(name: str, root: Any) -> Any:
    """The struct in the file, by h5py's low-level calls."""
    import h5py

    if _STRUCT not in root or h5py.h5g.get_objinfo(root, _STRUCT).type != h5py.h5g.GROUP:
        raise UnreadableScan(f"{name}: holds no struct cjdata; only files of the figshare tumor set are read")
    group = h5py.h5g.open(root, _STRUCT)
    missing = [field for field in _FIELDS if field.encode() not in group]
    if missing:
        raise UnreadableScan(f"{name}: cjdata lacks {', '.join(missing)}; download the file again")
    return group


def _label(name: str, group: Any) -> int:
    number = float(_short(name, group, "label")[0])
    if number not in TUMOR_TYPES:
        raise UnreadableScan(f"{name}: label {number:g} is not 1 (meningioma), 2 (glioma) or 3 (pituitary tumor)")
    return int(number)


def _patient(name: str, group: Any) -> str:
    return "".join(chr(int(code)) for code in _short(name, group, "PID"))


def _is_empty(found: Any) -> bool:
    """Whether MATLAB stored an empty array: it writes the lengths of the axes instead, and marks that by an attribute.

    Args:
        found: a data set, by h5py's low-level calls.
    """
    import h5py

    return h5py.h5a.exists(found, b"MATLAB_empty") and bool(h5py.Dataset(found).attrs["MATLAB_empty"])


def _short(name: str, group: Any, field: str) -> np.ndarray:
    """The few numbers of a field."""
    import h5py

    found = h5py.h5d.open(group, field.encode())
    if _is_empty(found):
        raise UnreadableScan(f"{name}: cjdata.{field} is empty; download the file again")
    if not 0 < math.prod(found.shape) <= _MOST_NUMBERS:
        raise UnreadableScan(f"{name}: cjdata.{field} holds {size_text(found.shape)} numbers; download the file again")
    numbers = np.empty(found.shape, found.dtype)
    found.read(h5py.h5s.ALL, h5py.h5s.ALL, numbers)
    return numbers.ravel()
