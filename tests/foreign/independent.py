"""What other programs read from a file: SimpleITK (GDCM, libpng, libjpeg) and nibabel.

Each reader takes a scan of ours and says what it finds at the same places: for a place in the patient,
in millimeters, where both know one, else for the same slice, row and column.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK

from tumorscope.core.scan import Scan

_RAS_TO_LPS = np.array([-1.0, -1.0, 1.0])
ON_GRID = 0.02
"""In voxels: how far a voxel's center of ours may be from one of theirs."""


def places(scan: Scan, count: int, seed: int) -> np.ndarray:
    """Random voxels, ``(count, 3)``: slice, row, column; the corners always."""
    corners = [np.array(corner) * (np.array(scan.shape) - 1) for corner in np.ndindex(2, 2, 2)]
    return np.vstack([corners, np.random.default_rng(seed).integers(0, scan.shape, (count, 3))])


def millimeters(scan: Scan, voxels: np.ndarray) -> np.ndarray:
    """Where voxels ``(count, 3)`` are in the patient, RAS+."""
    assert scan.affine is not None
    return voxels[:, ::-1] @ scan.affine[:3, :3].T + scan.affine[:3, 3]


class NiftiReader:
    """A NIfTI file as nibabel reads it."""

    def __init__(self, path: Path) -> None:
        image = nib.load(path)
        self._values = np.asarray(image.get_fdata()).reshape((*image.shape[:3], -1))
        self._affine = image.affine

    def values(self, scan: Scan, voxels: np.ndarray) -> np.ndarray:
        """``(count, channel)``."""
        inverse = np.linalg.inv(self._affine)
        indices = millimeters(scan, voxels) @ inverse[:3, :3].T + inverse[:3, 3]
        return self._values[tuple(on_grid(indices).T)]

    def assert_same_grid(self, scan: Scan) -> None:
        assert sorted(scan.shape) == sorted(self._values.shape[:3])
        ours, theirs = sorted(scan.spacing_mm or ()), sorted(nib.affines.voxel_sizes(self._affine))
        np.testing.assert_allclose(ours, theirs, rtol=1e-4)


class ItkReader:
    """DICOM files, one slice each, or an image, as SimpleITK reads them."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._images = [SimpleITK.ReadImage(str(path)) for path in paths]
        self._arrays = [SimpleITK.GetArrayFromImage(image) for image in self._images]

    def values(self, scan: Scan, voxels: np.ndarray) -> np.ndarray:
        """``(count, channel)``, for a scan of one channel, or of a color image's three."""
        if scan.affine is None:
            rows, columns = voxels[:, 1], voxels[:, 2]
            [pixels] = [array.reshape((*scan.shape[1:], -1)) for array in self._arrays]
            return over_black(pixels[rows, columns])[:, : len(scan.sequences)]
        return np.array([[self._at(point)] for point in millimeters(scan, voxels) * _RAS_TO_LPS])

    def _at(self, point: np.ndarray) -> float:
        indices = np.array([image.TransformPhysicalPointToContinuousIndex(point.tolist()) for image in self._images])
        nearest = int(np.abs(indices[:, 2]).argmin())
        column, row, slice_ = on_grid(indices[nearest])
        assert slice_ == 0
        return self._arrays[nearest][0, row, column]

    def assert_same_grid(self, scan: Scan) -> None:
        image = self._images[0]
        assert (scan.shape[0], scan.shape[2], scan.shape[1]) == (len(self._images), *image.GetSize()[:2])
        if scan.spacing_mm is not None:
            np.testing.assert_allclose(scan.spacing_mm[:0:-1], image.GetSpacing()[:2], rtol=1e-4)


def over_black(pixels: np.ndarray) -> np.ndarray:
    """Gray or color of pixels ``(count, component)``; what is transparent shows black."""
    if pixels.shape[1] not in (2, 4):
        return pixels
    return np.rint(pixels[:, :-1] * (pixels[:, -1:] / np.iinfo(pixels.dtype).max))


def on_grid(indices: np.ndarray) -> np.ndarray:
    """Indices as whole numbers, which they must be."""
    nearest = np.rint(indices)
    np.testing.assert_allclose(indices, nearest, atol=ON_GRID)
    return nearest.astype(int)
