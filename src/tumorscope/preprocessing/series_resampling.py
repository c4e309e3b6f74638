"""Several series of one study as one scan: all on the grid of one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import Note
from tumorscope.core.scan import SEQUENCES, SIDES_ASSUMED, Scan
from tumorscope.preprocessing.axial import acquired_plane
from tumorscope.preprocessing.resampling import coverage, resample_onto

REFERENCE_ORDER = ("flair", "t1c", "t1", "t2")
"""The first of these that is there is the reference series, whose grid the others get."""

_PART_SHARE, _PART_MM = 0.5, 60.0
"""A sequence that reaches neither this share of the furthest one nor so far does not set the slices of the others."""

_LEAST_COVERED = 0.5
"""A series that covers less of the grid than this is left out: mostly nothing would be shown."""

_WELL_COVERED = 0.95

_TEMPLATE_CODE = 3
"""NIfTI's codes 1 and 2 are positions in the scanner or aligned to another scan; 3 and 4 are Talairach's and MNI's."""

SCANNER, TEMPLATE = "scanner", "template"
"""Frames of reference of volumes: millimeters of the scanner, or of a template such as MNI's."""


def reference_sequence(scans: Mapping[str, Scan]) -> tuple[str, list[Note]]:
    """The sequence whose grid the others get: FLAIR, else T1c, else the finest axial one; and notes on the choice.

    Args:
        scans: sequence to scan, not empty.
    """
    grids = {name: scan.geometry for name, scan in scans.items()}
    reach_mm = {
        name: 0.0 if grid is None else grid.extent_mm(0, len(grid.positions) - 1) for name, grid in grids.items()
    }
    broken_off = broken_off_sequences(reach_mm)

    def rank(sequence: str) -> tuple:
        scan = scans[sequence]
        named = REFERENCE_ORDER.index(sequence) if sequence in REFERENCE_ORDER[:2] else len(REFERENCE_ORDER)
        return named, acquired_plane(scan.affine) != "axial", scan.voxel_volume_mm3 or 0.0

    sequences = sorted(scans, key=REFERENCE_ORDER.index)
    usual = min(sequences, key=lambda name: (grids[name] is None, *rank(name)))
    grid = min(sequences, key=lambda name: (grids[name] is None, name in broken_off, *rank(name)))
    return grid, reach_notes(usual, grid, reach_mm)


def broken_off_sequences(reach_mm: Mapping[str, float]) -> frozenset[str]:
    """The sequences that show so little of the head that, on their slices, the rest would not be looked at.

    Args:
        reach_mm: from the first to the last slice of each, across the slices; 0 where that is not known.
    """
    enough_mm = min(_PART_SHARE * max(reach_mm.values()), _PART_MM)
    return frozenset(name for name, reach in reach_mm.items() if 0 < reach < enough_mm)


def reach_notes(usual: str, grid: str, reach_mm: Mapping[str, float]) -> list[Note]:
    """Why the slices are those of ``grid`` instead of the usual sequence's; empty where they are the usual one's."""
    if grid == usual:
        return []
    what = f"{usual} shows {reach_mm[usual]:.0f} mm of the head, {grid} {reach_mm[grid]:.0f} mm"
    return [Note("series_choice", f"{what}: the slices are those of {grid}")]


def join_series(
    scans: Mapping[str, Scan],
    grid: str,
    case: str,
    source: Path | None,
    name: str,
    register: bool = False,
    requires: Callable[[str], bool] = lambda sequence: True,
) -> Scan:
    """One scan with a channel for each series or volume, in the order of :data:`SEQUENCES`.

    Those on another grid are interpolated linearly at the positions of its voxels in the patient.

    Args:
        scans: sequence to a scan of one channel.
        grid: the sequence whose grid is kept, and whose source images the scan has.
        case, source: for the scan.
        name: the study, for errors.
        register: rigidly co-register each series with the reference.
        requires: whether a sequence that does not fit is an error; otherwise it is left out with a note.

    Raises:
        UnreadableScan: frames of reference differ and are not to be registered, or the registration failed.
    """
    base = scans[grid]
    channels: dict[str, np.ndarray] = {grid: base.voxels[..., 0]}
    notes = list(base.notes)
    for sequence in (other for other in scans if other != grid):
        scan = scans[sequence]
        notes += [note.about(sequence) for note in scan.notes]
        try:
            volume, more = _laid_onto(base, grid, scan, sequence, name, register)
        except UnreadableScan as error:
            if requires(sequence):
                raise
            volume, more = None, [Note("series_left_out", f"{sequence} left out: {error}")]
        notes += more
        if volume is not None:
            channels[sequence] = volume
    sequences = tuple(sorted(channels, key=SEQUENCES.index))
    # Each channel is contiguous in memory, as it was read.
    voxels = np.stack([channels[sequence] for sequence in sequences])
    return replace(
        base,
        voxels=np.moveaxis(voxels, 0, -1),
        sequences=sequences,
        case=case,
        source=source,
        notes=tuple(dict.fromkeys(notes)),
        rejection_reason=next((scan.rejection_reason for scan in scans.values() if scan.rejection_reason), None),
    )


def _laid_onto(
    base: Scan, grid: str, scan: Scan, sequence: str, name: str, register: bool
) -> tuple[np.ndarray | None, list[Note]]:
    """The series on the grid, or None where that is not possible, and notes."""
    volume, geometry = scan.voxels[..., 0], scan.geometry
    if base.geometry is None or geometry is None:
        if base.geometry is None and geometry is None and scan.shape == base.shape:
            what = f"{sequence} and {grid} do not state their position; taken slice by slice"
            return volume, [Note("assumed_frame_of_reference", what)]
        silent = sequence if geometry is None else grid
        what = f"{sequence} left out: {silent} does not state the position of its images"
        return None, [Note("series_left_out", what)]
    same = geometry.same_grid(base.geometry)
    notes = [] if same and not scan.source_images else _checked_frames(base, grid, scan, sequence, name, register)
    if register:
        from tumorscope.preprocessing.registration import register_rigid

        found = register_rigid(*evened_channel(scan), *evened_channel(base), f"{name}: {sequence}")
        geometry = geometry.moved(np.linalg.inv(found.transform))
        moved = f"moved by {found.shift_mm:.1f} mm, turned by {found.angle_deg:.1f}°"
        notes = [Note("series_registered", f"{sequence} registered onto {grid}: {moved}")]
    elif same:
        return volume, notes
    covered = coverage(geometry, base.geometry)
    if covered < _LEAST_COVERED:
        what = f"{sequence} left out: it shows only {covered:.0%} of what {grid} shows"
        return None, [*notes, Note("series_left_out", what)]
    if covered < _WELL_COVERED:
        what = f"{sequence} shows {covered:.0%} of what {grid} shows, the rest of it is dark"
        notes.append(Note("partial_coverage", what))
    notes.append(Note("series_resampled", f"{sequence} resampled onto the slices of {grid}"))
    return resample_onto(volume, geometry, base.geometry), notes


def evened_channel(scan: Scan, channel: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A channel as evenly spaced slices, and their affine: registration supports no other."""
    assert scan.geometry is not None  # the caller has looked
    volume = scan.voxels[..., channel]
    if scan.geometry.is_even:
        return volume, scan.geometry.affine
    slices, affine = scan.geometry.even_planes()
    return volume[slices], affine


def _checked_frames(base: Scan, grid: str, scan: Scan, sequence: str, name: str, register: bool) -> list[Note]:
    """Notes on the frames of reference; none where both have the same.

    Raises:
        UnreadableScan: they do not, or a volume does not state any.
    """
    if register:
        return []
    silent = next((who for who, each in ((grid, base), (sequence, scan)) if SIDES_ASSUMED in each.notes), None)
    if silent is not None:
        raise UnreadableScan(
            f"{name}: {sequence} and {grid} have different grids, and {silent} does not state its position in the patient; "
            "give --register to co-register them"
        )
    one, other = frame_of_reference(base), frame_of_reference(scan)
    if one == other != "":
        return []
    if one and other and (SCANNER not in (one, other) or TEMPLATE in (one, other)):
        raise UnreadableScan(
            f"{name}: {sequence} and {grid} have different frames of reference, so their positions cannot be compared; "
            "give --register to co-register them"
        )
    what = f"the frame of reference of {sequence} or {grid} is not stated; taken as one"
    return [Note("assumed_frame_of_reference", what)]


def frame_of_reference(scan: Scan) -> str:
    """FrameOfReferenceUID; of volumes :data:`SCANNER` or :data:`TEMPLATE`; empty where it is not known."""
    if scan.source_images:
        return str(scan.source_images[0].header.get("FrameOfReferenceUID") or "").strip()
    if scan.stored is None:
        return ""
    placement = scan.stored.placement
    if placement is None:
        return SCANNER
    codes = (int(placement.fields["sform_code"]), int(placement.fields["qform_code"]))
    return TEMPLATE if next((code for code in codes if code > 0), 0) >= _TEMPLATE_CODE else SCANNER
