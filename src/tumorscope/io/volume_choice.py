"""Choice of the best of several volumes of one sequence, as among the series of a DICOM study."""

from __future__ import annotations

from collections.abc import Sequence
from glob import escape
from pathlib import Path

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import Note
from tumorscope.core.scan import Scan
from tumorscope.io.bids_names import parse_bids_name
from tumorscope.io.checks import label
from tumorscope.io.dicom.series_choice import FULL_MM, FULL_SHARE, THIN_SLICE_MM
from tumorscope.io.formats import stem
from tumorscope.io.options import ReadOptions
from tumorscope.io.sequence_words import PROCESSED, words_of
from tumorscope.io.volumes import read_volume
from tumorscope.preprocessing.axial import acquired_plane

_REASONS = ("the others show a part of the head", "axial or thin slices", "more slices", "smaller pixels")


def best_volume(
    sequence: str, files: Sequence[Path], name: str, several_patients: bool, options: ReadOptions
) -> tuple[Path | None, list[Note]]:
    """The best of the files of one sequence, and a note where there were several.

    A volume with an evenly spaced copy is never taken. Of copies of one image the least processed by its name is
    taken. Of others the whole head wins, then axial or thin slices, then more slices, then smaller pixels, then the
    first of BIDS's runs.

    Args:
        sequence, files: what is to choose from, one or more.
        name: the case, for errors.
        several_patients: whether the names of all files speak of several patients; nothing is chosen then.
        options: how to read, and which sequences must not be left out.

    Returns:
        None for the file where none is better and the sequence is not needed.

    Raises:
        UnreadableScan: none is better, or they are of several patients.
    """
    uneven = [path for path in files if evenly_spaced_copy(path) in files]
    notes = [note for path in uneven for note in uneven_slices(path)]
    files = [path for path in files if path not in uneven]
    if len(files) == 1:
        return files[0], notes
    plain = None if several_patients else least_processed(files)
    if plain is not None:
        taken = f"{label(plain)} is taken of {len(files)} {sequence} files: the least processed by name"
        return plain, [*notes, Note("series_choice", taken)]
    ranked = [] if several_patients else _ranked(files, options)
    runs = all(parse_bids_name(stem(path)) for path in files)  # of one subject and session, stated by BIDS
    if several_patients or (len(ranked) > 1 and ranked[0][0] == ranked[1][0] and not runs):
        if options.requires(sequence):
            raise UnreadableScan(
                f"{name}: {label(files[0])} and {label(files[1])} are both {sequence} by name; name one file per sequence"
            )
        what = f"{sequence} left out: {', '.join(map(label, files))} are all {sequence} by name"
        return None, [*notes, Note("series_left_out", what)]
    if not ranked:
        return files[0], notes  # its reader reports what is wrong
    best, path = ranked[0]
    if len(ranked) == 1:
        return path, notes
    differing = (why for why, one, other in zip(_REASONS, best, ranked[1][0], strict=True) if one != other)
    reason = next(differing, "the first by name")
    taken = f"{label(path)} is taken of {len(files)} {sequence} files: {reason}"
    return path, [*notes, Note("series_choice", taken)]


def least_processed(files: Sequence[Path]) -> Path | None:
    """Of copies of one image the one whose name speaks least of processing; None where they may be different images.

    ``T1`` is plainer than ``T1_bias`` and ``T1_unstripped``. Names that differ in anything else may be of several
    patients or points in time.

    Args:
        files: one or more.
    """
    words = {path: words_of(stem(path)) for path in files}
    others = {tuple(word for word in own if word not in PROCESSED) for own in words.values()}
    ranked = sorted(files, key=lambda path: len(words[path]))
    if len(others) > 1 or (len(ranked) > 1 and len(words[ranked[0]]) == len(words[ranked[1]])):
        return None
    return next(iter(ranked), None)


def evenly_spaced_copy(path: Path) -> Path | None:
    """The copy with slices at equal distances that dcm2niix writes beside a volume.

    Where the distances of a series' slices differ, for example because one is missing, dcm2niix (1.0.20260724) writes
    ``NAME.nii.gz``, whose header nevertheless states one distance, and ``NAME_Eq_1.nii.gz``, interpolated.
    """
    copies = path.parent.glob(f"{escape(stem(path))}_Eq_*")
    return next((copy for copy in sorted(copies) if copy.name.endswith((".nii", ".nii.gz"))), None)


def uneven_slices(path: Path) -> list[Note]:
    """A note on a volume that has an evenly spaced copy."""
    copy = evenly_spaced_copy(path)
    if copy is None:
        return []
    what = f"{label(path)}: its slices are not where its header says; {label(copy)} has them at equal distances"
    return [Note("uneven_slices", what)]


def _ranked(files: Sequence[Path], options: ReadOptions) -> list[tuple[tuple, Path]]:
    """The readable files with their ranks, the best first."""
    scans: list[tuple[Scan, Path]] = []
    for path in files:
        try:
            scan = read_volume(path, spacing_mm=options.spacing_mm)
        except UnreadableScan:
            continue
        if len(scan.sequences) == 1:
            scans.append((scan, path))
    extents = [_extent_mm(scan) for scan, _path in scans]
    furthest = max(extents, default=0.0)
    ranks = [(_rank(scan, extent, furthest), path) for (scan, path), extent in zip(scans, extents, strict=True)]
    return sorted(ranks, key=lambda ranked: ranked[0])


def _rank(scan: Scan, extent_mm: float, furthest_mm: float) -> tuple[bool, bool, int, float]:
    spacing = scan.spacing_mm or (0.0, 0.0, 0.0)
    suits = acquired_plane(scan.affine) == "axial" or spacing[0] <= THIN_SLICE_MM
    return extent_mm < min(FULL_SHARE * furthest_mm, FULL_MM), not suits, -scan.shape[0], round(max(spacing[1:]), 2)


def _extent_mm(scan: Scan) -> float:
    return 0.0 if scan.spacing_mm is None else scan.shape[0] * scan.spacing_mm[0]
