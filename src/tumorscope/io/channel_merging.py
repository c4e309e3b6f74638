"""Several files of one sequence each, merged into one scan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import Note, without
from tumorscope.core.scan import SEQUENCES, Scan
from tumorscope.io.bids_names import parse_bids_name
from tumorscope.io.case_grouping import group_volumes
from tumorscope.io.checks import label, public_name, size_text
from tumorscope.io.dicom.file_reader import study_of
from tumorscope.io.dicom.privacy import contains_patient_name, name_tokens
from tumorscope.io.dicom.studies import study_code
from tumorscope.io.file_sequences import file_sequence, file_sequences
from tumorscope.io.formats import stem
from tumorscope.io.mask_names import is_mask_name
from tumorscope.io.options import ReadOptions
from tumorscope.io.sequences import as_stated, check_name, stated_sequence
from tumorscope.io.volume_choice import best_volume
from tumorscope.io.volumes import read_volume
from tumorscope.preprocessing.series_resampling import join_series, reference_sequence


def merge(case: str, source: Path | None, scans: Mapping[str, Scan], name: str, options: ReadOptions) -> Scan:
    """One scan with a channel for each of ``scans``, in the order of :data:`SEQUENCES`, on the grid of one of them.

    Args:
        case, source: for the scan.
        scans: sequence to scan.
        name: the case, for errors.
        options: whether to register, and which sequences must not be left out.

    Raises:
        UnreadableScan: a needed sequence has several channels, or does not fit onto the grid.
    """
    notes: list[Note] = []
    single: dict[str, Scan] = {}
    for sequence, scan in scans.items():
        if len(scan.sequences) == 1:
            single[sequence] = replace(scan, notes=without(scan.notes, "sequence_source"))
            continue
        what = f"{public_name(scan)}: has {len(scan.sequences)} channels; give one sequence per file"
        if options.requires(sequence) or len(scans) == 1:
            raise UnreadableScan(what)
        notes.append(_left_out(sequence, what))
    _check_images(single)
    grid, why = reference_sequence(single)
    scan = join_series(single, grid, case, source, name, options.register, options.requires)
    return replace(scan, notes=(*scan.notes, *why, *notes))


def read_sequences(
    path: Path | None, sequences: Mapping[str, Path], read: Callable[[Path], Scan], options: ReadOptions
) -> Scan:
    """The files that the user named, one per sequence, on the grid of one of them.

    Args:
        path: names the case; None takes the folder of the files.
        sequences: sequence name to file.
        read: opens one file.
        options: see :func:`merge`.

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
    scans, notes = _read_each(files, read, options)
    anchor = path if path is not None else next(iter(files.values())).resolve().parent
    case = anchor.resolve().name if anchor.is_dir() else _case_of_file(anchor, scans)
    case = _without_patient(case, scans)
    name = label(anchor) if anchor.name == case else case
    scan = merge(case, anchor, scans, name, options)
    return replace(scan, notes=(*scan.notes, *notes))


def read_volume_folder(folder: Path, files: Sequence[Path], options: ReadOptions | None = None) -> Scan:
    """The volumes of one subject and session in a folder, one per sequence by their names, as BraTS has them.

    Masks are left out, and files whose names state no sequence are left out with a note. Of several
    files of one sequence the best is taken; see :func:`best_volume`.

    Raises:
        UnreadableScan: no name tells a sequence, two tell the same and neither is better, several patients, or a
            file that does not fit onto the grid.
    """
    options = options or ReadOptions()
    name = label(folder)
    files = sorted(path for path in files if not is_mask_name(path.name))
    if not files:
        raise UnreadableScan(f"{name}: holds only masks; name the folder with the scan")
    if len(files) == 1:
        return _alone(files[0], options)
    named, skipped = _by_sequence(files, options)
    if not named:
        raise UnreadableScan(
            f"{name}: {len(files)} volumes and no name tells its sequence ({', '.join(SEQUENCES)}); name one file"
        )
    groups = group_volumes(files, options.stated)
    chosen: dict[str, Path] = {}
    notes: list[Note] = []
    for sequence, candidates in named.items():
        found, more = best_volume(sequence, candidates, name, len(groups) > 1, options)
        notes += more
        if found is not None:
            chosen[sequence] = found
    if len(groups) > 1:
        shown = ", ".join(label(Path(group.name)) for group in groups[:3])
        raise UnreadableScan(f"{name}: holds {len(groups)} cases by the files' names ({shown}); name the files of one")
    notes += _named_by_place(chosen, options)
    scans, more = _read_each(chosen, lambda path: read_volume(path, spacing_mm=options.spacing_mm), options)
    scan = merge(_case_name(folder, files), folder, scans, name, options)
    left_out = f"left out, no sequence in the name: {', '.join(map(label, skipped))}"
    return replace(scan, notes=(*scan.notes, *notes, *more, *([Note("series_left_out", left_out)] if skipped else [])))


def _named_by_place(chosen: Mapping[str, Path], options: ReadOptions) -> list[Note]:
    """A note on files whose sequences the names of the others told."""
    placed = [
        f"{label(path)} as {sequence}"
        for sequence, path in chosen.items()
        if file_sequence(path) != sequence and stated_sequence(path, options.stated) is None
    ]
    what = f"taken by what the names of the other files say: {', '.join(placed)}"
    return [Note("sequence_source", what)] if placed else []


def _alone(path: Path, options: ReadOptions) -> Scan:
    """A volume without others; its name is that of its subject and session where it is BIDS's."""
    scan = as_stated(read_volume(path, spacing_mm=options.spacing_mm), stated_sequence(path, options.stated))
    bids = parse_bids_name(stem(path))
    return scan if bids is None or bids.case is None else replace(scan, case=bids.case)


def _by_sequence(files: Sequence[Path], options: ReadOptions) -> tuple[dict[str, list[Path]], list[Path]]:
    """The files by sequence, as the user or their names say, and those of none."""
    named: dict[str, list[Path]] = {}
    skipped = []
    for path, sequence in file_sequences(files, options.stated).items():
        if sequence == "unknown":
            skipped.append(path)
        else:
            named.setdefault(sequence, []).append(path)
    return named, skipped


def _read_each(
    files: Mapping[str, Path], read: Callable[[Path], Scan], options: ReadOptions
) -> tuple[dict[str, Scan], list[Note]]:
    """The scans, without those that cannot be read and are not needed, and notes on these."""
    scans: dict[str, Scan] = {}
    notes: list[Note] = []
    for sequence, file in files.items():
        try:
            scans[sequence] = read(file)
        except UnreadableScan as error:
            if options.requires(sequence) or len(files) == 1:
                raise
            notes.append(_left_out(sequence, str(error)))
    if not scans:
        raise UnreadableScan(notes[0].text)
    return scans, notes


def _left_out(sequence: str, reason: str) -> Note:
    return Note("series_left_out", f"{sequence} left out: {reason}")


def _check_images(scans: Mapping[str, Scan]) -> None:
    """Check that images without positions have one size: nothing else says how they belong together.

    Raises:
        UnreadableScan: they differ.
    """
    if any(scan.geometry is not None or scan.source_images for scan in scans.values()):
        return
    (first_name, first), *others = scans.items()
    for sequence, scan in others:
        if scan.shape != first.shape:
            raise UnreadableScan(
                f"{public_name(scan)}: {sequence} has {size_text(scan.shape)} voxels, {first_name} "
                f"{size_text(first.shape)}, and neither states its position; resample them to one grid"
            )


def _case_name(folder: Path, files: Sequence[Path]) -> str:
    """Subject and session of BIDS names, the folder's name otherwise."""
    name = parse_bids_name(stem(files[0]))
    return folder.resolve().name if name is None or name.case is None else name.case


def _without_patient(case: str, scans: Mapping[str, Scan]) -> str:
    """The case's name, or a code where it contains the patient's."""
    for scan in scans.values():
        if scan.source_images and contains_patient_name(case, name_tokens(scan.source_images[0].header)):
            return study_code(study_of(scan.source_images[0].header))
    return case


def _case_of_file(path: Path, scans: Mapping[str, Scan]) -> str:
    """The case of the scan that ``path`` is one file of, or else the path's own name."""
    for scan in scans.values():
        if scan.source == path:
            return scan.case
    return path.name.split(".")[0] or path.name
