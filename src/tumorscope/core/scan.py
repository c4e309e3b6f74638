"""A scan: voxels, the sequences they show, and their position in the patient.

Axes. Voxels are held as ``(slice, row, column, channel)``. Every slice is an image as a
radiologist expects it: for axial slices rows run from anterior to posterior, columns from
the patient's right to the patient's left, and slices from inferior to superior.

Coordinates. ``affine`` maps ``(column, row, slice, 1)`` to millimeters in RAS+ (x grows to
the patient's right, y to anterior, z to superior), which is NIfTI's convention; DICOM's
LPS+ is converted by the reader. Where slices are missing it maps positions along the slice axis
instead of slice indices; :attr:`Scan.geometry` knows both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from tumorscope.core.geometry import EvenGrid, Geometry
from tumorscope.core.note import Note

if TYPE_CHECKING:
    from pydicom import Dataset

SEQUENCES = ("t1", "t1c", "t2", "flair")
"""The sequences that have a name here. A channel may also be ``"unknown"``."""

Kind = Literal["image", "slices", "volume"]

SIDES_ASSUMED = Note(
    "assumed_orientation", "the header does not say how the head lies; right and left, front and back are assumed"
)
"""The note of a scan or a mask whose file leaves open which side is which."""


@dataclass(frozen=True, eq=False)
class NiftiPlacement:
    """Every field by which a NIfTI header places its voxels in the patient, as stored.

    A header may state it up to three times (sform, qform, voxel sizes alone), and programs choose
    differently among them; a mask that repeats all of them is shown on its scan by every program.

    Attributes:
        version: of the NIfTI standard, 1 or 2.
        fields: values by the standard's names; of ``pixdim`` the first four.
    """

    version: int
    fields: Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class StoredGrid:
    """The storage order of the file that was read, so that a mask can be stored alike.

    Attributes:
        shape: the stored array's spatial shape, two or three axes.
        affine: the stored array's own 4×4 affine, millimeters in RAS+.
        axes: for each stored axis, the scan axis it became (0 slice, 1 row, 2 column).
        flips: for each stored axis, whether the scan axis runs the other way.
        placement: of a NIfTI file, the fields of its header that place it.
    """

    shape: tuple[int, ...]
    affine: np.ndarray
    axes: tuple[int, int, int]
    flips: tuple[bool, bool, bool]
    placement: NiftiPlacement | None = None

    def to_scan(self, stored: np.ndarray) -> np.ndarray:
        """A stored array (three spatial axes, then any others) on the scan's axes."""
        for axis, flip in enumerate(self.flips):
            if flip:
                stored = np.flip(stored, axis)
        order = tuple(self.axes.index(axis) for axis in range(3))
        return stored.transpose(*order, *range(3, stored.ndim))

    def to_stored(self, array: np.ndarray) -> np.ndarray:
        """The inverse of :meth:`to_scan` for an array of shape ``(slice, row, column)``."""
        stored = array.transpose(self.axes)
        for axis, flip in enumerate(self.flips):
            if flip:
                stored = np.flip(stored, axis)
        return np.ascontiguousarray(stored).reshape(self.shape)


@dataclass(frozen=True, eq=False)
class SourceImage:
    """The DICOM image that a slice was read from.

    Attributes:
        header: every attribute before the pixels, file meta information included. It names the
            patient: only DICOM objects that go back to the same patient's study may copy from it.
        frame: the image within the file, from zero.
    """

    header: Dataset
    frame: int = 0


@dataclass(frozen=True)
class SeriesIdentity:
    """A series that a scan was read from: its sequence here, and number and description in its header.

    The number is None where not stated; the description is empty where not stated, or where it names the patient.
    """

    sequence: str
    number: int | None
    description: str


@dataclass(frozen=True)
class StudyIdentity:
    """What tells a study apart without identifying the patient.

    Attributes:
        patient_key: a key for the patient, or None.
        date: the study's, ISO 8601, or None where not stated.
        description: the study's; empty where not stated, or where it names the patient.
        series: those that the scan shows.
    """

    patient_key: str | None
    date: str | None
    description: str = ""
    series: tuple[SeriesIdentity, ...] = ()


@dataclass(frozen=True, eq=False)
class Scan:
    """One patient's images on one grid.

    Attributes:
        voxels: shape ``(slice, row, column, channel)``, any real type, finite.
        sequences: the name of each channel, from :data:`SEQUENCES` or ``"unknown"``.
        case: a short name for files and tables; never a patient's name.
        kind: a single image, a folder of slices, or a volume.
        affine: ``(column, row, slice, 1)`` to millimeters in RAS+, or None where the
            file does not say how large a voxel is. Sizes are then in pixels.
        stored: the grid of the file that was read, for volumes.
        slice_names: the file each slice came from, where slices are files.
        slice_numbers: the number of each slice's image in its DICOM series, all different; empty where the source
            does not number its slices. See :mod:`tumorscope.reporting.slice_names`.
        source_images: the DICOM image each slice was read from; empty for other formats. Where a
            scan joins several series, those of the reference series, whose grid it has.
        study: the patient's key, the study and its series, where the scan came as DICOM.
        notes: what was noticed on reading and a reader of the results should know.
        rejection_reason: the attribute by which the header excludes a structural MRI of a head; None where none
            does. The input check refuses such a scan.
        slice_positions: where each slice is, in steps of the affine's third axis; None where slices are
            evenly spaced. See :class:`tumorscope.core.geometry.Geometry`.
    """

    voxels: np.ndarray
    sequences: tuple[str, ...]
    case: str
    kind: Kind
    affine: np.ndarray | None = None
    stored: StoredGrid | None = None
    slice_names: tuple[str, ...] = ()
    slice_numbers: tuple[int, ...] = ()
    source_images: tuple[SourceImage, ...] = ()
    source: Path | None = None
    study: StudyIdentity | None = None
    notes: tuple[Note, ...] = field(default=())
    rejection_reason: str | None = None
    slice_positions: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.voxels.ndim != 4:
            raise ValueError(f"voxels must be (slice, row, column, channel), not {self.voxels.shape}")
        if len(self.sequences) != self.voxels.shape[3]:
            raise ValueError(f"{self.voxels.shape[3]} channels but {len(self.sequences)} sequence names")
        if self.slice_positions is not None and len(self.slice_positions) != len(self.voxels):
            raise ValueError(f"{len(self.voxels)} slices but {len(self.slice_positions)} positions")
        if self.slice_numbers and len(set(self.slice_numbers)) != len(self.voxels):
            raise ValueError(f"{len(self.voxels)} slices but {len(set(self.slice_numbers))} different numbers")

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(slices, rows, columns)``."""
        slices, rows, columns = self.voxels.shape[:3]
        return slices, rows, columns

    @property
    def geometry(self) -> Geometry | None:
        """Where the voxels are in the patient, or None without an affine."""
        return None if self.affine is None else Geometry(self.shape, self.affine, self.slice_positions)

    @property
    def spacing_mm(self) -> tuple[float, float, float] | None:
        """Distance of planes, then of rows and of columns, in mm, or None; see :class:`Geometry`."""
        return None if self.geometry is None else self.geometry.spacing_mm

    @property
    def pixel_aspect(self) -> float:
        """Height of a pixel divided by its width; one where that is not known."""
        spacing = self.spacing_mm
        return 1.0 if spacing is None else spacing[1] / spacing[2]

    @property
    def voxel_volume_mm3(self) -> float | None:
        """Volume of a voxel of evenly spaced slices, slice gaps counted in, or None without an affine."""
        return None if self.geometry is None else self.geometry.voxel_volume_mm3

    @property
    def pixel_area_mm2(self) -> float | None:
        """Area of one pixel within its slice, or None without an affine."""
        spacing = self.spacing_mm
        return None if spacing is None else spacing[1] * spacing[2]

    def evened(self, array: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """An array ``(slice, row, column)`` of this scan as evenly spaced slices above each other, and its affine."""
        if self.geometry is None:
            return array, None
        grid = EvenGrid.of(self.geometry)
        return grid.place(array), grid.geometry.affine

    def channel(self, sequence: str) -> np.ndarray:
        """The voxels of one sequence, shape ``(slice, row, column)``."""
        return self.voxels[..., self.sequences.index(sequence)]
