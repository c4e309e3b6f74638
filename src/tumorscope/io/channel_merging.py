"""Several files of one sequence each, merged into one scan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.geometry import Geometry
from tumorscope.core.note import Note, without
from tumorscope.core.scan import SEQUENCES, Scan
from tumorscope.io.checks import label, public_name, size_text
from tumorscope.io.dicom.files import study_of
from tumorscope.io.dicom.privacy import contains_patient_name, name_tokens
from tumorscope.io.dicom.studies import study_code
from tumorscope.io.lgg import is_mask_name
from tumorscope.io.sequences import check_name, recognize_sequence
from tumorscope.io.volumes import read_volume
from tumorscope.preprocessing.series_resampling import REFERENCE_ORDER, join_series


def combine(case: str, source: Path | None, scans: Mapping[str, Scan]) -> Scan:
    """One scan with a channel for each of ``scans``, in the order of :data:`SEQUENCES`.

    Raises:
        UnreadableScan: grids differ; the line names the file that does.
    """
    ordered = sorted(scans, key=lambda sequence: (SEQUENCES.index(sequence), sequence))
    first_name, first = ordered[0], scans[ordered[0]]
    for sequence in ordered:
        scan, name = scans[sequence], public_name(scans[sequence])
        if len(scan.sequences) != 1:
            raise UnreadableScan(f"{name}: has {len(scan.sequences)} channels; give one sequence per file")
        if scan.shape != first.shape:
            raise UnreadableScan(
                f"{name}: {sequence} has {size_text(scan.shape)} voxels, {first_name} {size_text(first.shape)}; "
                "resample them to one grid"
            )
        if not _same_grid(scan.geometry, first.geometry):
            raise UnreadableScan(
                f"{name}: {sequence} is elsewhere in the patient than {first_name} (affines differ); "
                "resample them to one grid"
            )
    voxels = np.concatenate([scans[sequence].voxels for sequence in ordered], axis=-1)
    notes = without((note for sequence in ordered for note in scans[sequence].notes), "sequence_source")
    return replace(
        first, voxels=voxels, sequences=tuple(ordered), case=case, source=source, notes=tuple(dict.fromkeys(notes))
    )


def read_sequences(
    path: Path | None, sequences: Mapping[str, Path], read: Callable[[Path], Scan], register: bool = False
) -> Scan:
    """The files that the user named, one per sequence.

    DICOM series are resampled onto the grid of one of them; files of other formats must share a grid.

    Args:
        path: names the case; None takes the folder of the files.
        sequences: sequence name to file.
        read: opens one file.
        register: rigidly co-register DICOM series.

    Raises:
        UnreadableScan: a name that is not a sequence, or files that do not fit together.
    """
    if not sequences:
        raise UnreadableScan("no sequence is given; name at least one file")
    files = {}
    for name, file in sequences.items():
        sequence = check_name(name)
        if sequence in files:
            raise UnreadableScan(f"{label(Path(file))}: {sequence} is given twice; give each sequence once")
        files[sequence] = Path(file)
    scans = {}
    for sequence, file in files.items():
        scan = read(file)
        scans[sequence] = scan
    anchor = path if path is not None else next(iter(files.values())).resolve().parent
    case = anchor.resolve().name if anchor.is_dir() else _case_of_file(anchor, scans)
    if all(scan.source_images and len(scan.sequences) == 1 for scan in scans.values()) and len(scans) > 1:
        return _join_named(case, anchor, scans, register)
    return combine(case, anchor, scans)


def _join_named(case: str, source: Path, scans: Mapping[str, Scan], register: bool) -> Scan:
    """DICOM series whose sequences the user names, which overrides their headers."""
    named = {sequence: replace(scan, notes=without(scan.notes, "sequence_source")) for sequence, scan in scans.items()}
    grid = next(sequence for sequence in REFERENCE_ORDER if sequence in named)
    header = named[grid].source_images[0].header
    if contains_patient_name(case, name_tokens(header)):
        case = study_code(study_of(header))
    name = label(source) if source.name == case else case
    return join_series(named, grid, case, source, name, register)


def read_volume_folder(folder: Path, files: list[Path]) -> Scan:
    """A folder of volumes, one per sequence by their names, as BraTS has them.

    Masks are left out, and files whose names state no sequence are left out with a note.

    Raises:
        UnreadableScan: no name tells a sequence, two tell the same, or grids differ.
    """
    name = label(folder)
    files = [path for path in files if not is_mask_name(path.name)]
    if not files:
        raise UnreadableScan(f"{name}: holds only masks; name the folder with the scan")
    if len(files) == 1:
        return read_volume(files[0])
    chosen: dict[str, Path] = {}
    skipped = []
    for path in sorted(files):
        sequence = recognize_sequence(path.name)
        if sequence == "unknown":
            skipped.append(path)
        elif sequence in chosen:
            raise UnreadableScan(
                f"{name}: {label(chosen[sequence])} and {label(path)} are both {sequence} by name; name one file per sequence"
            )
        else:
            chosen[sequence] = path
    if not chosen:
        raise UnreadableScan(
            f"{name}: {len(files)} volumes and no name tells its sequence ({', '.join(SEQUENCES)}); name one file"
        )
    scan = combine(folder.resolve().name, folder, {sequence: read_volume(path) for sequence, path in chosen.items()})
    if skipped:
        note = Note("series_left_out", f"left out, no sequence in the name: {', '.join(map(label, skipped))}")
        scan = replace(scan, notes=(*scan.notes, note))
    return scan


def _case_of_file(path: Path, scans: Mapping[str, Scan]) -> str:
    """The case of the scan that ``path`` is one file of, or else the path's own name."""
    for scan in scans.values():
        if scan.source == path:
            return scan.case
    return path.name.split(".")[0] or path.name


def _same_grid(one: Geometry | None, other: Geometry | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.same_grid(other)
