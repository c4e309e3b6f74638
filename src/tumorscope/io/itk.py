"""Volumes that SimpleITK reads: NRRD and MetaImage.

SimpleITK holds positions in DICOM's LPS frame. Here it is given the reader to use, so that a file's name does not
matter, and the size is checked before voxels are read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.extras import install_command
from tumorscope.core.geometry import LPS_TO_RAS
from tumorscope.io.checks import label, printable
from tumorscope.io.formats import InputFormat
from tumorscope.io.volumes import StoredVolume, checked_affine, checked_shape, native, with_thickness

_MILLIMETERS = {
    **dict.fromkeys(("m", "meter", "meters"), 1000.0),
    **dict.fromkeys(("cm", "centimeter", "centimeters"), 10.0),
    **dict.fromkeys(("um", "µm", "micron", "microns", "micrometer", "micrometers"), 0.001),
}
_CODE_LINE = re.compile(r"Exception thrown in SimpleITK|^\S+\.(cxx|hxx|h):\d+:?$|^$")
_ITK_PREFIX = re.compile(r"^(ITK ERROR: )?(\w+\(0x[0-9a-f]+\): )?")


@dataclass(frozen=True, eq=False)
class ItkVolume:
    """A volume as SimpleITK reads it.

    Attributes:
        stored: the volume, without notes.
        fields: the metadata of the header, by SimpleITK's keys.
    """

    stored: StoredVolume
    fields: Mapping[str, str]


def unit_mm(unit: str) -> float:
    """How many millimeters a unit of length has; an unknown unit is taken for millimeters."""
    return _MILLIMETERS.get(unit.strip().lower(), 1.0)


def voxel_file(header: Path, name: str) -> Path:
    """The file beside a detached header that holds its voxels.

    Raises:
        UnreadableScan: it has a path, which could be any file of this machine; it is a list or a pattern; it is missing.
    """
    stated = label(name)
    if re.search(r"[/\\]|^\.\.?$", name):
        raise UnreadableScan(
            f"{label(header)}: names a voxel file in another folder ({stated}); keep both in one folder"
        )
    if name.upper().startswith("LIST") or "%" in name:
        raise UnreadableScan(f"{label(header)}: its voxels are in several files; save them as one file")
    path = header.with_name(name)
    if not path.is_file():
        raise UnreadableScan(f"{label(header)}: {stated}, which holds its voxels, is not beside it; copy both")
    return path


def read_itk_volume(path: Path, image_io: str, format: InputFormat, unit: float = 1.0) -> ItkVolume:
    """Read a volume.

    Args:
        path: the file, or its detached header.
        image_io: the name of ITK's reader.
        format: for messages.
        unit: how many millimeters the file's unit of length has.

    Raises:
        UnreadableScan: SimpleITK is not installed; damaged, RGB, complex, too large, a time series, or without a
            usable affine.
    """
    sitk = _simpleitk(path, format)
    reader = sitk.ImageFileReader()
    reader.SetImageIO(image_io)
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        shape = _checked_shape(label(path), reader, sitk)
        image = reader.Execute()
    except RuntimeError as error:
        raise UnreadableScan(
            f"{label(path)}: damaged or truncated {format.title} ({_reason(error, path)}); copy it again"
        ) from error
    except MemoryError as error:
        raise UnreadableScan(f"{label(path)}: does not fit into memory; crop or resample it") from error
    array = sitk.GetArrayFromImage(image)
    components = image.GetNumberOfComponentsPerPixel() > 1
    array = np.moveaxis(array.T, 0, -1) if components else array.T  # ITK's axes are column, row, slice
    spatial = min(image.GetDimension(), 3)
    affine = _affine(label(path), image, spatial, unit)
    fields = {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}
    return ItkVolume(StoredVolume(native(array.reshape(shape)), spatial, affine), fields)


def _simpleitk(path: Path, format: InputFormat) -> Any:
    try:
        import SimpleITK
    except ImportError as error:
        extra = format.package[1] if format.package else "formats"
        raise UnreadableScan(
            f"{label(path)}: reading {format.title} needs SimpleITK; run {install_command(extra)}"
        ) from error
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    return SimpleITK


def _checked_shape(name: str, reader: Any, sitk: Any) -> tuple[int, ...]:
    pixel, components = reader.GetPixelID(), reader.GetNumberOfComponents()
    if "complex" in sitk.GetPixelIDValueAsString(pixel):
        raise UnreadableScan(f"{name}: holds complex numbers; export the magnitude")
    size = tuple(reader.GetSize())
    if len(size) == 2 and components > 1:
        raise UnreadableScan(f"{name}: holds colors or vectors, not MRI intensities; export the scan itself")
    return checked_shape(name, (*size, components) if components > 1 else size)


def _affine(name: str, image: Any, spatial: int, unit: float) -> np.ndarray:
    """Stored indices to millimeters in RAS+."""
    dimension = image.GetDimension()
    direction = np.array(image.GetDirection()).reshape(dimension, dimension)[:spatial, :spatial]
    affine = np.eye(4)
    affine[:spatial, :spatial] = direction * image.GetSpacing()[:spatial] * unit
    affine[:spatial, 3] = np.array(image.GetOrigin()[:spatial]) * unit
    affine = LPS_TO_RAS @ affine
    return checked_affine(name, with_thickness(affine) if spatial == 2 else affine)


def _reason(error: RuntimeError, path: Path) -> str:
    """The most specific line of ITK's message: the last one, without those on its source code."""
    lines = [line.strip() for line in str(error).replace(str(path), path.name).splitlines()]
    lines = [line for line in lines if not _CODE_LINE.search(line)]
    return printable(_ITK_PREFIX.sub("", lines[-1]) if lines else "unknown reason")[:120]
