"""A segmentation: labels on a grid, each with a name. Whatever file a mask came from, it becomes this value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.geometry import Geometry
from tumorscope.core.note import Note
from tumorscope.core.scan import Kind, Scan


@dataclass(frozen=True)
class Segment:
    """One named part of a segmentation.

    Attributes:
        name: unique within its segmentation.
        label: the value of its voxels.
        layer: the array of labels that holds it.
    """

    name: str
    label: int
    layer: int = 0


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Labels on a grid.

    Attributes:
        layers: whole numbers or booleans, ``(layer, slice, row, column)``, 0 outside. There is one layer unless
            segments overlap, as they may in DICOM SEG and NRRD.
        segments: what the labels mean. A label without a segment counts as outside. Segments may be empty.
        case: a short name; never a patient's name.
        kind: a single image, a folder of slices, or a volume.
        geometry: where the voxels are in the patient, or None where the voxel size is not known.
        notes: what was assumed on reading.
        slice_numbers: as in :class:`tumorscope.core.scan.Scan`.

    >>> labels = np.zeros((1, 4, 4), np.uint8)
    >>> labels[0, 1, 1:3] = 1, 4
    >>> found = Segmentation(labels[None], (Segment("core", 1), Segment("enhancing", 4)), "case", "image")
    >>> [(name, int(mask.sum())) for name, mask in found.masks()], int(found.whole.sum())
    ([('core', 1), ('enhancing', 1)], 2)
    """

    layers: np.ndarray
    segments: tuple[Segment, ...]
    case: str
    kind: Kind
    geometry: Geometry | None = None
    notes: tuple[Note, ...] = ()
    slice_numbers: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.layers.ndim != 4:
            raise ValueError(f"layers must be (layer, slice, row, column), not {self.layers.shape}")
        if len(set(self.names)) != len(self.segments):
            raise ValueError(f"the names {', '.join(self.names)} repeat")

    @classmethod
    def of_masks(
        cls,
        masks: Sequence[tuple[str, np.ndarray]],
        shape: tuple[int, int, int],
        case: str,
        kind: Kind,
        geometry: Geometry | None = None,
        notes: tuple[Note, ...] = (),
        labels: Sequence[int] | None = None,
    ) -> Segmentation:
        """A segmentation of boolean masks, which may overlap; labels are 1, 2 and so on unless they are given."""
        numbers = range(1, len(masks) + 1) if labels is None else labels
        layers: list[np.ndarray] = [np.zeros(shape, np.min_scalar_type(max(numbers, default=1)))]
        segments = []
        for number, (name, mask) in zip(numbers, masks, strict=True):
            layer = next((index for index, own in enumerate(layers) if not own[mask].any()), len(layers))
            if layer == len(layers):
                layers.append(np.zeros_like(layers[0]))
            layers[layer][mask] = number
            segments.append(Segment(name, number, layer))
        return cls(np.stack(layers), tuple(segments), case, kind, geometry, notes)

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(slices, rows, columns)``."""
        _, slices, rows, columns = self.layers.shape
        return slices, rows, columns

    @property
    def names(self) -> tuple[str, ...]:
        """Of the segments."""
        return tuple(segment.name for segment in self.segments)

    @property
    def affine(self) -> np.ndarray | None:
        """``(column, row, slice, 1)`` to millimeters in RAS+, or None."""
        return None if self.geometry is None else self.geometry.affine

    @property
    def slice_positions(self) -> np.ndarray | None:
        """Where each slice is, in steps of the affine's third axis; None where slices are evenly spaced."""
        return None if self.geometry is None else self.geometry.slice_positions

    @property
    def whole(self) -> np.ndarray:
        """All segments as one mask, boolean ``(slice, row, column)``."""
        mask = np.zeros(self.shape, bool)
        for _name, part in self.masks():
            mask |= part
        return mask

    @property
    def is_empty(self) -> bool:
        """Whether nothing is marked."""
        return not self.whole.any()

    def mask(self, name: str) -> np.ndarray:
        """One segment, boolean ``(slice, row, column)``; capitals in its name do not matter.

        Raises:
            TumorscopeError: there is no segment of this name.
        """
        alike = [segment for segment in self.segments if segment.name.casefold() == name.casefold()]
        segment = next((segment for segment in alike if segment.name == name), alike[0] if alike else None)
        if segment is None:
            names = ", ".join(map(repr, self.names)) or "no label"
            raise TumorscopeError(f"{self.case}: has no label {name!r}; it has {names}")
        return self.layers[segment.layer] == segment.label

    def masks(self) -> Iterator[tuple[str, np.ndarray]]:
        """Name and boolean ``(slice, row, column)`` of each segment that is not empty."""
        for segment in self.segments:
            mask = self.layers[segment.layer] == segment.label
            if mask.any():
                yield segment.name, mask

    def on_grid(self, layers: np.ndarray, geometry: Geometry | None, notes: tuple[Note, ...] = ()) -> Segmentation:
        """The same segments with their labels on another grid."""
        return replace(self, layers=layers, geometry=geometry, notes=(*self.notes, *notes), slice_numbers=())

    def regrouped(self, groups: Mapping[str, Sequence[str]]) -> Segmentation:
        """Segments joined under new names.

        Args:
            groups: for each new name the labels (as numbers) or names of the segments that it joins. A number that
                marks no voxel is allowed; a note tells it. Segments that no group names are left out with a note.

        Raises:
            TumorscopeError: no group names a segment that is there.
        """
        masks, taken = [], set()
        notes: list[Note] = []
        for name, members in groups.items():
            own = [segment for segment in self.segments if {segment.name, str(segment.label)} & set(members)]
            known = {key for segment in own for key in (segment.name, str(segment.label))}
            notes += [
                Note("label_missing", f"label {member} is not in the mask") for member in members if member not in known
            ]
            taken |= set(own)
            joined = np.zeros(self.shape, bool)
            for segment in own:
                joined |= self.layers[segment.layer] == segment.label
            masks.append((name, joined))
        if self.segments and not taken:
            have = ", ".join(f"{segment.label} ({segment.name})" for segment in self.segments)
            raise TumorscopeError(f"{self.case}: none of the labels named is in the mask; it has {have}")
        for segment in self.segments:
            if segment not in taken:
                count = int((self.layers[segment.layer] == segment.label).sum())
                what = f"{segment.name} ({count:,} voxels) left out: it is not among the labels named"
                notes.append(Note("labels_left_out", what))
        found = Segmentation.of_masks(masks, self.shape, self.case, self.kind, self.geometry)
        return replace(found, notes=(*self.notes, *notes), slice_numbers=self.slice_numbers)

    def blank_scan(self) -> Scan:
        """A scan of the same grid that shows nothing."""
        empty = np.broadcast_to(np.uint8(0), (*self.shape, 1))
        return Scan(
            empty,
            ("unknown",),
            self.case,
            self.kind,
            affine=self.affine,
            slice_numbers=self.slice_numbers,
            slice_positions=self.slice_positions,
            notes=self.notes,
        )
