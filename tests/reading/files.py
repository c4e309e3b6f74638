"""Files that the reading tests make: heads, DICOM series, NIfTI volumes, MATLAB samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
MR = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"


def head(rows: int = 64, columns: int = 48, seed: int = 0) -> np.ndarray:
    """A gray slice with a bright textured ellipse on dark air, uint8 ``(row, column)``."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    inside = (y / 0.8) ** 2 + (x / 0.75) ** 2 < 1
    texture = random.integers(60, 220, (rows // 4 + 1, columns // 4 + 1)).repeat(4, 0).repeat(4, 1)[:rows, :columns]
    return np.where(inside, texture, random.integers(0, 6, (rows, columns))).astype(np.uint8)


def heads(slices: int, rows: int = 24, columns: int = 20) -> np.ndarray:
    """Different heads on top of each other, int16 ``(slice, row, column)``."""
    return np.stack([head(rows, columns, seed) for seed in range(slices)]).astype(np.int16)


def lgg_slice(rows: int = 64, columns: int = 48, seed: int = 0) -> np.ndarray:
    """Three sequences of one head, uint8 ``(row, column, 3)``."""
    return np.stack([head(rows, columns, seed * 3 + channel) for channel in range(3)], axis=-1)


def write_dicom(path: Path, pixels: np.ndarray, **attributes: Any) -> Path:
    """One MR image; ``attributes`` are DICOM keywords, None leaves one out."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    sop_class = attributes.get("SOPClassUID", MR)
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    defaults = {
        "SOPClassUID": sop_class,
        "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "PatientName": "Doe^Jane",
        "PatientID": "PAT-0001",
        "Modality": "MR",
        "SeriesInstanceUID": "1.2.3",
        "SeriesDescription": "AX T2 TSE",
        "InstanceNumber": 1,
        "ImagePositionPatient": [0.0, 0.0, 0.0],
        "ImageOrientationPatient": list(AXIAL),
        "PixelSpacing": [1.0, 1.0],
        "SliceThickness": 3.0,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": pixels.shape[-2] if pixels.ndim < 4 else pixels.shape[1],
        "Columns": pixels.shape[-1] if pixels.ndim < 4 else pixels.shape[2],
        "BitsAllocated": pixels.dtype.itemsize * 8,
        "BitsStored": pixels.dtype.itemsize * 8,
        "HighBit": pixels.dtype.itemsize * 8 - 1,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
        "PixelData": pixels.tobytes(),
    }
    for keyword, value in {**defaults, **attributes}.items():
        if value is not None:
            setattr(dataset, keyword, value)
    if "PixelData" in dataset:
        dataset["PixelData"].VR = "OW" if pixels.dtype.itemsize == 2 else "OB"
    dataset.save_as(path, enforce_file_format=True)
    return path


def high_throughput(image: np.ndarray) -> bytes:
    """A lossless code stream of High-Throughput JPEG 2000, which older releases of imagecodecs only decode."""
    import pytest

    return pytest.importorskip("imagecodecs", minversion="2026.1.14").htj2k_encode(image, reversible=True)


def write_series(
    folder: Path,
    volume: np.ndarray,
    orientation: tuple[float, ...] = AXIAL,
    spacing: tuple[float, float, float] = (3.0, 0.5, 0.75),
    origin: tuple[float, float, float] = (-10.0, -20.0, 30.0),
    heights: list[float] | None = None,
    prefix: str = "im",
    **attributes: Any,
) -> list[Path]:
    """A DICOM series of ``(slice, row, column)``, slice k at ``heights[k]`` mm along the normal.

    Instance numbers run against the positions, so that a reader who trusts them is caught.
    """
    folder.mkdir(parents=True, exist_ok=True)
    normal = np.cross(orientation[:3], orientation[3:])
    heights = [k * spacing[0] for k in range(len(volume))] if heights is None else heights
    files = []
    for index, (image, height) in enumerate(zip(volume, heights, strict=True)):
        own = {
            "ImagePositionPatient": [float(value) for value in np.array(origin) + normal * height],
            "ImageOrientationPatient": list(orientation),
            "PixelSpacing": list(spacing[1:]),
            "SliceThickness": spacing[0],
            "InstanceNumber": len(volume) - index,
        }
        files.append(write_dicom(folder / f"{prefix}{index:03d}.dcm", image, **{**own, **attributes}))
    return files


def write_nifti(path: Path, array: np.ndarray, affine: np.ndarray | None = None) -> Path:
    """A NIfTI file; the affine is the identity unless given."""
    import nibabel

    nibabel.save(nibabel.Nifti1Image(array, np.eye(4) if affine is None else affine), path)
    return path


def write_cjdata(path: Path, image: np.ndarray, mask: np.ndarray, /, **changes: Any) -> Path:
    """A sample as MATLAB stores it: columns first, text as numbers. None leaves a field out, ``[]`` makes it empty."""
    import h5py

    fields = {
        "PID": np.array([[ord(letter)] for letter in "100360"], np.uint16),
        "image": image.T,
        "label": np.array([[2.0]]),
        "tumorBorder": np.array([[10.0, 20.0, 12.0, 22.0]]),
        "tumorMask": mask.T.astype(np.uint8),
    }
    with h5py.File(path, "w", userblock_size=512) as file:
        group = file.create_group("cjdata")
        for name, value in {**fields, **changes}.items():
            if isinstance(value, list):
                # The lengths of the axes, marked as those of an empty array.
                group.create_dataset(name, data=np.zeros(2, np.uint64)).attrs["MATLAB_empty"] = np.uint8(1)
            elif value is not None:
                group.create_dataset(name, data=value)
    return path


def rotation(x: float, y: float, z: float) -> np.ndarray:
    """A rotation by three angles in degrees, 3×3."""
    from scipy.spatial.transform import Rotation

    return Rotation.from_euler("xyz", (x, y, z), degrees=True).as_matrix()
