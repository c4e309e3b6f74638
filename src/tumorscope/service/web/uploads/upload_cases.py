"""Group the files of an upload into cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.files import safe_name
from tumorscope.io.bids_names import parse_bids_name
from tumorscope.io.case_grouping import FileGroup, group_images, group_volumes
from tumorscope.io.dicom.deflated import refuse_deflated_bomb
from tumorscope.io.dicom.file_reader import read_study
from tumorscope.io.dicom.studies import StudyFiles, study_code
from tumorscope.io.discovery import dicom_files_below, find_scan_folders
from tumorscope.io.formats import DICOM, IMAGE, IMAGE_SUFFIXES, InputFormat
from tumorscope.io.library_warnings import quiet_libraries
from tumorscope.io.mask_names import is_mask_folder, is_mask_name
from tumorscope.io.recognition import format_of
from tumorscope.io.volumes import voxels_beside
from tumorscope.service.web.uploads.tree import UploadTree
from tumorscope.service.web.uploads.upload_names import file_stem

_MASK = "is a mask by its name; send the scan"
_BESIDE = "is beside or below another scan; send it separately"


@dataclass(frozen=True)
class UploadedCase:
    """The files of one future study.

    Attributes:
        name: shown to users; a code without patient data for DICOM.
        files: at least one.
        dicom: whether the files are DICOM.
    """

    name: str
    files: tuple[Path, ...]
    dicom: bool


def find_uploaded_cases(tree: UploadTree, stated: Mapping[str, str] | None = None) -> list[UploadedCase]:
    """The cases of an upload; other files are recorded in ``tree.left_out``.

    A folder with a scan's files is one case, as on the command line, and so are loose files. Files of one
    folder that cannot form one scan become several cases: different formats, volumes of several subjects or
    sessions by their names, images whose names do not count up, and MATLAB files.

    Args:
        tree: the files.
        stated: sequence by file name, where the user says so.
    """
    formats, voxels = _formats(tree)
    cases: list[UploadedCase] = []
    for folder in (tree.loose, tree.folders, tree.unpacked):
        if any(path.is_relative_to(folder) for path in formats):
            for found in find_scan_folders(folder):
                cases += _split(found, formats, tree, stated or {})
    cases = [_with_voxels(case, voxels) for case in cases]
    taken = {path for case in cases for path in case.files}
    for path in sorted(set(tree.sent_as) - taken):
        tree.leave_out(path, _MASK if is_mask_name(path.name) or is_mask_folder(path.parent) else _BESIDE)
    return cases


def _formats(tree: UploadTree) -> tuple[dict[Path, InputFormat], dict[Path, Path]]:
    """The files of known formats, and the voxel files of those whose header is a file of its own.

    Other files are left out and removed, so that no reader opens them.
    """
    formats: dict[Path, InputFormat] = {}
    voxels: dict[Path, Path] = {}
    refused: dict[Path, UnreadableScan] = {}
    for path in sorted(tree.sent_as):
        try:
            found = format_of(path)
            if found is DICOM:
                refuse_deflated_bomb(path)
            beside = voxels_beside(path)
            if beside is not None:
                voxels[path] = beside
        except UnreadableScan as error:
            refused[path] = error
        else:
            formats[path] = found
    for path, error in refused.items():
        if path in voxels.values():
            continue
        tree.leave_out(path, str(error))
        if path.suffix.lower() in IMAGE_SUFFIXES:
            tree.damaged.setdefault(path.parent, path)
        path.unlink(missing_ok=True)
    return formats, voxels


def _split(
    found: Path | StudyFiles, formats: Mapping[Path, InputFormat], tree: UploadTree, stated: Mapping[str, str]
) -> list[UploadedCase]:
    """One case, or several if the files cannot form one scan."""
    if isinstance(found, StudyFiles):
        dicom = formats.get(found.files[0]) is DICOM
        return [UploadedCase(found.name if dicom else safe_name(found.name), found.files, dicom)]
    if found.is_file():
        return _single([found], formats, tree)
    own = sorted(path for path in formats if path.parent == found)
    if not own:
        below = [path for path in dicom_files_below(found) if path in formats]
        return [_dicom_case(below)] if below else []
    dicom = [path for path in own if formats[path] is DICOM]
    if dicom:
        return [_dicom_case(dicom)]
    volumes = [path for path in own if formats[path].volumes]
    by_format = {kind: [path for path in own if formats[path] is kind] for kind in dict.fromkeys(formats.values())}
    cases = []
    for kind, files in [(None, volumes), *((kind, files) for kind, files in by_format.items() if not kind.volumes)]:
        scans = [path for path in files if not is_mask_name(path.name)]
        if kind is IMAGE and found in tree.damaged:
            for path in files:  # without the damaged slice the scan would look complete
                tree.leave_out(path, f"a slice beside it is damaged ({tree.damaged[found].name})")
        elif kind is None or kind is IMAGE:
            groups = group_volumes(scans, stated) if kind is None else group_images(scans)
            masks = [path for path in files if path not in scans] if len(groups) == 1 else []
            cases += [_group_case(found, group, masks, len(groups) == 1, tree) for group in groups]
        else:
            cases += _single(files, formats, tree)
    return cases


def _group_case(folder: Path, group: FileGroup, masks: Sequence[Path], alone: bool, tree: UploadTree) -> UploadedCase:
    """The case of a group of a folder's files.

    Args:
        folder: that holds it.
        group: without masks.
        masks: that belong to it.
        alone: whether it is the folder's only group, whose name is the folder's.
        tree: of the upload.
    """
    bids = parse_bids_name(group.name) is not None
    if len(group.files) == 1:
        name = group.name if bids else file_stem(group.files[0].name)
        return UploadedCase(safe_name(name), group.files, dicom=False)
    case = _folder_case(folder, sorted([*group.files, *masks]), tree)
    return case if alone and not bids else replace(case, name=safe_name(group.name))


def _with_voxels(case: UploadedCase, voxels: Mapping[Path, Path]) -> UploadedCase:
    """The case with the voxel files of its headers: then a folder, in which the reader looks for both."""
    beside = tuple(voxels[path] for path in case.files if path in voxels)
    return replace(case, files=(*case.files, *beside)) if beside else case


def _single(files: Iterable[Path], formats: Mapping[Path, InputFormat], tree: UploadTree) -> list[UploadedCase]:
    """One case per file, without masks."""
    return [
        _dicom_case([path])
        if formats[path] is DICOM
        else UploadedCase(safe_name(file_stem(path.name)), (path,), dicom=False)
        for path in files
        if not is_mask_name(path.name)
    ]


@quiet_libraries()
def _dicom_case(files: Sequence[Path]) -> UploadedCase:
    try:
        name = study_code(read_study(files[0]))
    except Exception:  # pydicom raises many types for a damaged header; the reader reports it later
        name = "study"
    return UploadedCase(name, tuple(files), dicom=True)


def _folder_case(folder: Path, files: Sequence[Path], tree: UploadTree) -> UploadedCase:
    name = file_stem(files[0].name) if folder in (tree.loose, tree.folders, tree.unpacked) else folder.name
    return UploadedCase(safe_name(name), tuple(files), dicom=False)
