"""The ``cjdata`` files of the figshare brain tumour data set (Cheng et al. 2015), MATLAB v7.3."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.errors import UnreadableScan
from tumorscope.reading.checks import label, reason, size_text
from tumorscope.reading.raster import MAX_PIXELS
from tumorscope.scan import Scan

TUMOUR_TYPES = {1: "meningioma", 2: "glioma", 3: "pituitary"}


@dataclass(frozen=True, eq=False)
class CjData:
    """One sample of the data set, turned as MATLAB shows it.

    Attributes:
        image: ``(row, column)``, the T1-weighted contrast-enhanced slice.
        mask: boolean ``(row, column)``, the tumour.
        label: 1 meningioma, 2 glioma, 3 pituitary tumour.
        patient: the publisher's patient code.
        border: ``(point, 2)``, x (column) and y (row) of the outline; empty where not given.
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

    name = label(path)
    try:
        with h5py.File(path, "r") as file:
            group = file.get("cjdata")
            if not isinstance(group, h5py.Group):
                raise UnreadableScan(f"{name}: holds no struct cjdata; only files of the figshare tumour set are read")
            missing = [field for field in ("image", "label", "tumorMask", "PID") if field not in group]
            if missing:
                raise UnreadableScan(f"{name}: cjdata lacks {', '.join(missing)}; download the file again")
            return _cjdata(name, group)
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
        kind="picture",
        slice_names=(path.name,),
        source=path,
    )


def _cjdata(name: str, group: Any) -> CjData:
    shape = group["image"].shape
    if len(shape) != 2 or group["image"].dtype.kind not in "iuf":
        raise UnreadableScan(f"{name}: cjdata.image is no grey picture ({size_text(shape)}); download the file again")
    if shape[0] * shape[1] > MAX_PIXELS:
        raise UnreadableScan(f"{name}: {size_text(shape)} pixels are more than the {MAX_PIXELS:,} allowed")
    if group["tumorMask"].shape != shape:
        mask_size = size_text(group["tumorMask"].shape[::-1])
        raise UnreadableScan(f"{name}: the mask is {mask_size}, the image {size_text(shape[::-1])}")
    number = float(np.asarray(group["label"]).ravel()[0])
    if number not in TUMOUR_TYPES:
        raise UnreadableScan(f"{name}: label {number:g} is not 1 (meningioma), 2 (glioma) or 3 (pituitary tumour)")
    image = np.asarray(group["image"]).T  # MATLAB stores columns first
    if image.dtype.itemsize > 2:
        image = image.astype(np.float32)
    border = np.asarray(group["tumorBorder"], float).ravel() if "tumorBorder" in group else np.empty(0)
    return CjData(
        image=np.ascontiguousarray(image),
        mask=np.ascontiguousarray(np.asarray(group["tumorMask"]).T > 0),
        label=int(number),
        patient="".join(chr(int(code)) for code in np.asarray(group["PID"]).ravel()),
        border=border[: border.size // 2 * 2].reshape(-1, 2),
    )
