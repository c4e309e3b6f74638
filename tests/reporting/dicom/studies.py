"""Marked studies: series whose pixels say which voxels were marked, wherever those lie in the patient."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pydicom
from dicom_making import Grid, voxels_on, write_series

from tumorscope.core.scan import Scan
from tumorscope.io import open_scan

MARK = 4000
NOW = datetime(2024, 3, 2, 9, 30)
SMALL = Grid(shape=(6, 20, 17), spacing_mm=(4.0, 1.5, 0.75), shift_mm=(7.0, -11.0, 23.0))


@dataclass(frozen=True, eq=False)
class Study:
    """A series on disk, the scan that was read from it, and the voxels that were marked in it."""

    files: list[Path]
    scan: Scan

    @property
    def mask(self) -> np.ndarray:
        """What is marked, on the scan's grid."""
        return self.scan.voxels[..., 0] == MARK

    def marked_mm(self) -> set[tuple[float, ...]]:
        """Where the marked pixels lie, LPS mm, by the files alone."""
        places = []
        for path in self.files:
            image = pydicom.dcmread(path)
            frames = image.pixel_array.reshape(-1, image.Rows, image.Columns)
            for index, frame in enumerate(frames):
                if "PerFrameFunctionalGroupsSequence" in image:
                    shared = image.SharedFunctionalGroupsSequence[0]
                    position = image.PerFrameFunctionalGroupsSequence[index].PlanePositionSequence[0]
                    orientation = shared.PlaneOrientationSequence[0].ImageOrientationPatient
                    spacing = shared.PixelMeasuresSequence[0].PixelSpacing
                else:
                    position, orientation, spacing = image, image.ImageOrientationPatient, image.PixelSpacing
                places.append(in_patient(frame == MARK, position.ImagePositionPatient, orientation, spacing))
        return as_set(np.concatenate(places))


def in_patient(frame: np.ndarray, position, orientation, spacing) -> np.ndarray:
    """The patient coordinates of a frame's marked pixels, LPS mm ``(pixel, 3)``, after PS3.3 C.7.6.2.1.1."""
    rows, columns = np.nonzero(frame)
    orientation, spacing = np.array(orientation, float), np.array(spacing, float)
    along_row, along_column = orientation[:3] * spacing[1], orientation[3:] * spacing[0]
    return np.array(position, float) + columns[:, None] * along_row + rows[:, None] * along_column


def as_set(places: np.ndarray) -> set[tuple[float, ...]]:
    """Places to a hundredth of a millimeter; voxels are at least 0.75 mm apart."""
    return {tuple(place) for place in (np.round(places, 2) + 0.0).tolist()}


def marks(shape: tuple[int, int, int]) -> np.ndarray:
    """Two lesions that no flip, turn or shift maps onto themselves, ``(slice, row, column)``."""
    marked = np.zeros(shape, bool)
    marked[1:4, 2:5, 1:9] = True
    marked[1, 2:11, 1:3] = True
    marked[3, 2:7, 1] = True
    marked[4:, -3:, -2:] = True
    return marked


def study_of(folder: Path, grid: Grid = SMALL, mark: np.ndarray | None = None, **options) -> Study:
    """Write a series of the phantom with marked voxels, and read it."""
    voxels = voxels_on(grid, "flair") % MARK
    voxels[marks(grid.shape) if mark is None else mark] = MARK
    files = write_series(folder, "flair", grid, voxels=voxels, **options)
    return Study(files, open_scan(folder))
