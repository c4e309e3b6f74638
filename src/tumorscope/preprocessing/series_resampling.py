"""Several series of one study as one scan: all on the grid of one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import Note
from tumorscope.core.scan import SEQUENCES, Scan
from tumorscope.preprocessing.resampling import coverage, resample_onto

REFERENCE_ORDER = ("flair", "t1c", "t1", "t2")
"""The first of these that is there is the reference series, whose grid the others get."""

_LEAST_COVERED = 0.5
"""A series that covers less of the grid than this is left out: mostly nothing would be shown."""

_WELL_COVERED = 0.95


def join_series(
    scans: Mapping[str, Scan], grid: str, case: str, source: Path | None, name: str, register: bool = False
) -> Scan:
    """One scan with a channel for each series, in the order of :data:`SEQUENCES`.

    Series on another grid are interpolated linearly at the positions of its voxels in the patient.

    Args:
        scans: sequence to a scan of one channel.
        grid: the sequence whose grid is kept, and whose source images the scan has.
        case, source: for the scan.
        name: the study, for errors.
        register: rigidly co-register each series with the reference.

    Raises:
        UnreadableScan: frames of reference differ and are not to be registered.
    """
    base = scans[grid]
    channels: dict[str, np.ndarray] = {grid: base.voxels[..., 0]}
    notes = list(base.notes)
    for sequence in (other for other in scans if other != grid):
        scan = scans[sequence]
        notes += [note.about(sequence) for note in scan.notes]
        volume, more = _laid_onto(base, grid, scan, sequence, name, register)
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
    notes = _checked_frames(base, grid, scan, sequence, name, register)
    if register:
        from tumorscope.preprocessing.registration import register_rigid

        found = register_rigid(*evened_channel(scan), *evened_channel(base), f"{name}: {sequence}")
        geometry = geometry.moved(np.linalg.inv(found.transform))
        moved = f"moved by {found.shift_mm:.1f} mm, turned by {found.angle_deg:.1f}°"
        notes = [Note("series_registered", f"{sequence} registered onto {grid}: {moved}")]
    elif geometry.same_grid(base.geometry):
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
        UnreadableScan: they do not.
    """
    one, other = frame_of_reference(base), frame_of_reference(scan)
    if register or one == other != "":
        return []
    if one and other:
        raise UnreadableScan(
            f"{name}: {sequence} and {grid} have different frames of reference, so their positions cannot be compared; "
            "give --register to co-register them"
        )
    what = f"the frame of reference of {sequence} or {grid} is not stated; taken as one"
    return [Note("assumed_frame_of_reference", what)]


def frame_of_reference(scan: Scan) -> str:
    """FrameOfReferenceUID, empty where it is not known."""
    header = scan.source_images[0].header if scan.source_images else {}
    return str(header.get("FrameOfReferenceUID") or "").strip()
