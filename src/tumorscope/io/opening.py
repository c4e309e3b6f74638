"""Opening whatever the user names: the reader is chosen by what lies there."""

from __future__ import annotations

import errno
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import Note, without
from tumorscope.core.scan import Scan
from tumorscope.io.channel_merging import read_nifti_folder, read_sequences
from tumorscope.io.checks import checked, label, public_name
from tumorscope.io.dicom import read_dicom
from tumorscope.io.dicom.dicomdir import files_of_dicomdir, is_dicomdir
from tumorscope.io.dicom.grouping import OnFiles
from tumorscope.io.dicom.siblings import with_note_on_siblings
from tumorscope.io.dicom.studies import StudyFiles
from tumorscope.io.discovery import dicom_files_below, files_in
from tumorscope.io.formats import IMAGE_SUFFIXES, SUPPORTED, Format, file_format, header_of_pair
from tumorscope.io.images import read_image, read_image_folder
from tumorscope.io.matlab import read_matlab
from tumorscope.io.nifti import read_nifti
from tumorscope.io.result_folders import is_results
from tumorscope.io.sequences import check_channels


def open_scan(
    path: Path | str | StudyFiles | None,
    sequences: Mapping[str, Path] | None = None,
    channels: Sequence[str] | None = None,
    *,
    register: bool = False,
    on_files: OnFiles | None = None,
) -> Scan:
    """Read a scan from a file or a folder.

    Args:
        path: a image (PNG, JPEG, BMP, TIFF), a NIfTI file (either file of a pair), a DICOM file, a DICOMDIR, a
            ``cjdata`` MATLAB v7.3 file; or a folder of one DICOM study (its series in one folder
            or in folders of their own), of images (the LGG data set's layout among them) or of
            NIfTI files named by sequence; or a study from :func:`find_cases`.
        sequences: one file or DICOM folder for each sequence, where the sequences lie apart;
            ``path`` then only names the case and may be None.
        channels: the sequence of each channel, where a file holds several.
        register: lay a study's series onto each other by their images, rigidly; series in
            different frames of reference are refused without. Needs SimpleITK.
        on_files: told now and then how many DICOM headers are read, and of how many.

    Returns:
        A finite scan of at least 16×16 pixels with some contrast.

    Raises:
        UnreadableScan: one line that says what is wrong and what to do.
    """
    where = path if path is None or isinstance(path, StudyFiles) else Path(path)
    if sequences is not None:
        if channels is not None:
            raise UnreadableScan("channels and sequences are both given; sequences already name the channels")
        anchor = where.path if isinstance(where, StudyFiles) else where
        dicom = _DicomOptions(on_files=on_files)
        return checked(
            read_sequences(anchor, sequences, lambda file: checked(_read(Path(file), None, dicom)), register)
        )
    if where is None:
        raise UnreadableScan("no scan is named; give a file or a folder")
    scan = _read(where, channels, _DicomOptions(register, on_files))
    if channels is not None:
        names = check_channels(channels, len(scan.sequences), public_name(scan))
        scan = replace(scan, sequences=names, notes=without(scan.notes, "sequence_source"))
    return checked(scan)


@dataclass(frozen=True)
class _DicomOptions:
    """What only the DICOM reader asks for."""

    register: bool = False
    on_files: OnFiles | None = None

    def read(self, path: Path | StudyFiles, files: Sequence[Path], skipped: int = 0) -> Scan:
        return read_dicom(path, files, skipped, register=self.register, on_files=self.on_files)

    def read_dicomdir(self, path: Path) -> Scan:
        files, missing = files_of_dicomdir(path)
        scan = self.read(path, files)
        if not missing:
            return scan
        files_are = "files that the DICOMDIR names are" if missing > 1 else "file that the DICOMDIR names is"
        note = Note("files_missing", f"{missing} {files_are} missing")
        return replace(scan, notes=(*scan.notes, note))


def _read(path: Path | StudyFiles, channels: Sequence[str] | None, dicom: _DicomOptions) -> Scan:
    name = path.name if isinstance(path, StudyFiles) else label(path)
    try:
        if isinstance(path, StudyFiles):
            return dicom.read(path, path.files)
        if _is_folder(path):
            return _read_folder(path, channels, dicom)
        path = header_of_pair(path)
        return _read_file(path, file_format(path), channels, dicom)
    except MemoryError as error:
        raise UnreadableScan(f"{name}: does not fit into memory; give a smaller scan") from error
    except OSError as error:  # a file that vanished, a network drive that failed
        raise UnreadableScan(f"{name}: cannot be read ({error.strerror or 'unknown reason'})") from error


def _is_folder(path: Path) -> bool:
    """Whether the path is a folder; an error if it is neither a folder nor a plain file."""
    name = label(path)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        what = "a link that leads nowhere" if path.is_symlink() else "no such file or folder"
        raise UnreadableScan(f"{name}: {what}; check the path") from error
    except OSError as error:
        what = "a link that leads in a circle" if error.errno == errno.ELOOP else f"cannot be opened ({error.strerror})"
        raise UnreadableScan(f"{name}: {what}; check the path") from error
    except ValueError as error:  # a null character
        raise UnreadableScan(f"{name}: not a valid path") from error
    if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise UnreadableScan(f"{name}: neither a file nor a folder; give one of {SUPPORTED}")
    return stat.S_ISDIR(mode)


def _read_file(path: Path, kind: Format, channels: Sequence[str] | None, dicom: _DicomOptions) -> Scan:
    if kind == "image":
        return read_image(path, channels)
    if kind == "nifti":
        return read_nifti(path, channels)
    if kind == "matlab":
        return read_matlab(path)
    if is_dicomdir(path):
        return dicom.read_dicomdir(path)
    return with_note_on_siblings(dicom.read(path, [path]), path)


def _read_folder(folder: Path, channels: Sequence[str] | None, dicom: _DicomOptions) -> Scan:
    name = label(folder)
    if is_results(folder):
        raise UnreadableScan(f"{name}: holds results of an analysis; name the scan that they were made from")
    files = files_in(folder)
    inner = [path for path in folder.iterdir() if not path.name.startswith(".") and path.is_dir()]
    if not files and not inner:
        raise UnreadableScan(f"{name}: the folder is empty; name a folder with a scan")
    found: dict[Format, list[Path]] = {}
    others = []
    for path in files:
        try:
            found.setdefault(file_format(path), []).append(path)
        except UnreadableScan as error:
            others.append((path, error))
    if not found and inner:
        below = dicom_files_below(folder)
        if below:
            return dicom.read(folder, below)
        if not files:
            raise UnreadableScan(f"{name}: holds only folders; name the one with the images")
        raise UnreadableScan(f"{name}: holds no scan of its own; name one of the folders in it")
    if not found:
        if len(others) == 1:
            raise others[0][1]
        raise UnreadableScan(f"{name}: none of its {len(others)} files is a scan; give one of {SUPPORTED}")
    if "dicom" in found:
        return dicom.read(folder, found["dicom"], skipped=len(files) - len(found["dicom"]))
    if "nifti" in found:
        return read_nifti_folder(folder, found["nifti"])
    if "image" in found:
        damaged = [error for path, error in others if path.suffix.lower() in IMAGE_SUFFIXES]
        if damaged:  # left out silently, a slice would be missing
            raise damaged[0]
        return read_image_folder(folder, found["image"], channels)
    if len(found["matlab"]) > 1:
        raise UnreadableScan(f"{name}: holds {len(found['matlab'])} MATLAB files; name one of them")
    return read_matlab(found["matlab"][0])
