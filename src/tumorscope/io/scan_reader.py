"""Opening a scan: a file, a folder or a study, by the reader of its format."""

from __future__ import annotations

import errno
import stat
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import without
from tumorscope.core.scan import Scan
from tumorscope.io.channel_merging import read_sequences, read_volume_folder
from tumorscope.io.checks import checked, label, public_name
from tumorscope.io.dicom.studies import StudyFiles
from tumorscope.io.discovery import dicom_files_below, files_in, find_scan_folders
from tumorscope.io.file_heads import header_of_pair
from tumorscope.io.formats import DICOM, FORMATS, SUPPORTED, VOLUME_SUFFIXES, InputFormat
from tumorscope.io.options import FolderContents, OnFiles, ReadOptions
from tumorscope.io.recognition import apparent_format, format_of
from tumorscope.io.result_folders import is_results
from tumorscope.io.sequences import as_stated, check_channels, check_stated, stated_sequence
from tumorscope.io.spacing import GIVEN, Spacing, with_spacing
from tumorscope.io.volume_choice import uneven_slices
from tumorscope.io.volumes import read_volume


def open_scan(
    path: Path | str | StudyFiles | None,
    sequences: Mapping[str, Path] | None = None,
    channels: Sequence[str] | None = None,
    *,
    register: bool = False,
    spacing_mm: Spacing | None = None,
    stated: Mapping[str, str] | None = None,
    needed: Collection[str] | None = None,
    on_files: OnFiles | None = None,
) -> Scan:
    """Read a scan from a file or a folder.

    Args:
        path: a file of any format in :data:`tumorscope.io.formats.FORMATS` (of a NIfTI pair, either file), or a
            DICOMDIR; a folder of one DICOM study (its series in one folder or in folders of their own), of images
            (the LGG data set's layout among them) or of volumes named by sequence; or a study from
            :func:`find_cases`.
        sequences: one file or DICOM folder for each sequence, where they are not in one folder;
            ``path`` then only names the case and may be None.
        channels: the sequence of each channel, where a file holds several.
        register: rigidly co-register a study's series, or the volumes of a case; without it, those in different
            frames of reference are refused. Needs SimpleITK.
        spacing_mm: distance of columns, rows and slices, where the files do not state it.
        stated: the sequence of files by name, or of DICOM series by description, number or UID, where names and
            headers do not tell or are wrong; ``unknown`` leaves a file out.
        needed: sequences whose failure is an error; others are left out with a note. None for all.
        on_files: called now and then with how many DICOM headers are read, and of how many.

    Returns:
        A finite scan of at least 16×16 pixels with some contrast.

    Raises:
        UnreadableScan: one line that says what is wrong and what to do.
    """
    where = path if path is None or isinstance(path, StudyFiles) else Path(path)
    options = ReadOptions(channels, register, spacing_mm, check_stated(stated or {}), needed, on_files)
    if sequences is not None:
        if channels is not None:
            raise UnreadableScan("channels and sequences are both given; sequences already name the channels")
        anchor = where.path if isinstance(where, StudyFiles) else where
        named = replace(options, channels=None, stated={})
        return checked(read_sequences(anchor, sequences, lambda file: checked(_read(Path(file), named)), options))
    if where is None:
        raise UnreadableScan("no scan is named; give a file or a folder")
    scan = _read(where, options)
    if channels is not None:
        names = check_channels(channels, len(scan.sequences), public_name(scan))
        scan = replace(scan, sequences=names, notes=without(scan.notes, "sequence_source"))
    return checked(scan)


def _read(path: Path | StudyFiles, options: ReadOptions) -> Scan:
    name = path.name if isinstance(path, StudyFiles) else label(path)
    try:
        if isinstance(path, StudyFiles):
            scan = _read_study(path, options)
        elif _is_folder(path):
            scan = _read_folder(path, options)
        else:
            scan = _read_file(header_of_pair(path), options)
    except MemoryError as error:
        raise UnreadableScan(f"{name}: does not fit into memory; give a smaller scan") from error
    except OSError as error:  # a file that vanished, a network drive that failed
        raise UnreadableScan(f"{name}: cannot be read ({error.strerror or 'unknown reason'})") from error
    given = any(note.code == GIVEN for note in scan.notes)  # volumes get it before they are resampled
    return scan if options.spacing_mm is None or given else with_spacing(scan, options.spacing_mm, name)


def _read_study(study: StudyFiles, options: ReadOptions) -> Scan:
    """The scan in some files of a folder, which are of one study, one subject or one stack."""
    if apparent_format(study.files[0]) in (DICOM, None):
        return DICOM.reader().read_study(study, study.files, options)
    scan = _read_files(study.path, study.files, *_by_format(study.files), options)
    return replace(scan, case=study.name)


def _is_folder(path: Path) -> bool:
    """Whether the path is a folder; an error if it is neither a folder nor a plain file."""
    name = label(path)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        what = "broken symbolic link" if path.is_symlink() else "no such file or folder"
        raise UnreadableScan(f"{name}: {what}; check the path") from error
    except OSError as error:
        what = "symbolic link loop" if error.errno == errno.ELOOP else f"cannot be opened ({error.strerror})"
        raise UnreadableScan(f"{name}: {what}; check the path") from error
    except ValueError as error:  # a null character
        raise UnreadableScan(f"{name}: not a valid path") from error
    if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise UnreadableScan(f"{name}: neither a file nor a folder; give one of {SUPPORTED}")
    return stat.S_ISDIR(mode)


def _read_file(path: Path, options: ReadOptions) -> Scan:
    found = format_of(path)
    if found.volumes:
        scan = read_volume(path, options.channels, options.spacing_mm)
        scan = replace(scan, notes=(*uneven_slices(path), *scan.notes))
    else:
        scan = found.reader().read_scan(path, options)
    return scan if found is DICOM else as_stated(scan, stated_sequence(path, options.stated))


def _read_folder(folder: Path, options: ReadOptions) -> Scan:
    name = label(folder)
    if is_results(folder):
        raise UnreadableScan(f"{name}: holds results of an analysis; name the scan that they were made from")
    files = files_in(folder)
    inner = [path for path in folder.iterdir() if not path.name.startswith(".") and path.is_dir()]
    if not files and not inner:
        raise UnreadableScan(f"{name}: the folder is empty; name a folder with a scan")
    by_format, refused = _by_format(files)
    if by_format:
        return _read_files(folder, files, by_format, refused, options)
    if inner:
        below = dicom_files_below(folder)
        if below:
            return DICOM.reader().read_study(folder, below, options)
        joined = find_scan_folders(folder)
        if len(joined) == 1 and isinstance(joined[0], StudyFiles):
            return _read_study(joined[0], options)
        what = (
            "no scan of its own; name one of the folders in it"
            if files
            else "only folders; name the one with the images"
        )
        raise UnreadableScan(f"{name}: holds {what}")
    if len(refused) == 1:
        raise refused[0][1]
    raise UnreadableScan(f"{name}: none of its {len(refused)} files is a scan; give one of {SUPPORTED}")


def _by_format(
    files: Sequence[Path],
) -> tuple[dict[InputFormat, list[Path]], list[tuple[Path, UnreadableScan]]]:
    """Files by their format, and those of no known format with the reason."""
    by_format: dict[InputFormat, list[Path]] = {}
    refused = []
    for path in files:
        try:
            by_format.setdefault(format_of(path), []).append(path)
        except UnreadableScan as error:
            refused.append((path, error))
    return by_format, refused


def _read_files(
    folder: Path,
    files: Sequence[Path],
    by_format: Mapping[InputFormat, list[Path]],
    refused: list[tuple[Path, UnreadableScan]],
    options: ReadOptions,
) -> Scan:
    """The scan in a folder: of the first format of the registry that it holds, all volumes together."""
    first = next((entry for entry in FORMATS if entry in by_format), None)
    if first is None:
        raise refused[0][1]
    if first.volumes:
        volumes = [path for entry, own in by_format.items() if entry.volumes for path in own]
        damaged = [path for path, _error in refused if path.name.lower().endswith(VOLUME_SUFFIXES)]
        return read_volume_folder(folder, sorted([*volumes, *damaged]), options)
    own = by_format[first]
    return first.reader().read_folder(folder, FolderContents(own, len(files) - len(own), refused), options)
