"""One folder per case with a volume per sequence and a mask, as BraTS has them, under any names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tumorscope.core.errors import BadDataset
from tumorscope.core.folder_contents import files_below
from tumorscope.datasets.own_cases import FoundCase, part_name
from tumorscope.datasets.own_data import OwnDataset, own_entry
from tumorscope.datasets.own_options import NOTHING_STATED, OwnDataOptions
from tumorscope.datasets.stratified import require_folder
from tumorscope.io.file_sequences import file_sequences
from tumorscope.io.formats import VOLUME_SUFFIXES, stem
from tumorscope.io.mask_names import is_lesion_mask_name, is_mask_name
from tumorscope.io.volume_choice import least_processed


@dataclass(frozen=True)
class CasesDataset(OwnDataset):
    """All cases, in the order of their folders."""

    name = "cases"

    @classmethod
    def open(cls, path: Path, options: OwnDataOptions = NOTHING_STATED) -> CasesDataset:
        """Find the folders with volumes at any depth below ``path``.

        Args:
            path: has a folder per case, with files whose names end in a sequence, and one whose name ends in ``seg``.
            options: what the owner states.

        Raises:
            BadDataset: there are none, a case has several masks, or two files of one sequence.
        """
        folders = _case_folders(require_folder(path))
        if not any(map(_has_mask, folders.values())):
            raise BadDataset(f"{path}: no CASE/…_flair.nii.gz and CASE/…_seg.nii.gz here; give one folder per case")
        found, notes = [], []
        for folder, files in folders.items():
            case = folder.relative_to(path)
            images, unnamed = _sequences(case.as_posix(), [file for file in files if not is_mask_name(file.name)])
            if unnamed:
                notes.append(f"{case.as_posix()}: no sequence in the name, left out: {', '.join(unnamed)}")
            if images:
                part = part_name(case.parts[0]) if len(case.parts) > 1 else None
                found.append(FoundCase(case.as_posix(), images, _mask(case.as_posix(), files), part=part or ""))
        return cls.of_cases(path, found, options, notes)


def _case_folders(path: Path) -> Mapping[Path, list[Path]]:
    """The volumes of each folder below a path that has any."""
    folders: dict[Path, list[Path]] = defaultdict(list)
    for file in _volumes(path):
        if file.parent != path:
            folders[file.parent].append(file)
    return folders


def _volumes(path: Path) -> Iterator[Path]:
    for file in files_below(path) if path.is_dir() else ():
        if file.name.lower().endswith(VOLUME_SUFFIXES) and file.is_file():
            yield file


def _has_mask(files: Sequence[Path]) -> bool:
    masks = sum(is_mask_name(file.name) for file in files)
    return 0 < masks < len(files)


def _mask(case: str, files: Sequence[Path]) -> Path | None:
    """The case's mask of the lesion; of several the one whose name ends in ``seg``.

    Raises:
        BadDataset: it is open which is meant.
    """
    masks = [file for file in files if is_lesion_mask_name(file.name)]
    ending = [file for file in masks if stem(file).lower().endswith("seg")]
    chosen = masks if len(masks) < 2 else ending
    if len(masks) > 1 and len(ending) != 1:
        raise BadDataset(f"{case}: the masks {', '.join(file.name for file in masks)}; keep one, or name one …_seg")
    return chosen[0] if chosen else None


def _sequences(case: str, files: Sequence[Path]) -> tuple[dict[str, Path], list[str]]:
    """The file of each sequence, of copies the least processed, and files whose names state none.

    Raises:
        BadDataset: two files are of one sequence by their names, and are not copies of one image.
    """
    if len(files) == 1:
        return {"": files[0]}, []
    named: dict[str, list[Path]] = defaultdict(list)
    for file, sequence in file_sequences(files).items():
        named[sequence].append(file)
    unnamed = [file.name for file in named.pop("unknown", [])]
    images: dict[str, Path] = {}
    for sequence, own in named.items():
        plain = least_processed(own)
        if plain is None:
            raise BadDataset(f"{case}: {own[0].name} and {own[1].name} are both {sequence} by name; keep one")
        images[sequence] = plain
    if not images and files:
        raise BadDataset(
            f"{case}: no name tells its sequence ({', '.join(unnamed)}); let names end in t1, t1c, t2 or flair"
        )
    return images, unnamed


ENTRY = own_entry(
    CasesDataset.name,
    title="your own volumes, a folder per case with a file per sequence and a mask",
    layout="`CASE/ANY_{t1,t1c,t2,flair}.nii.gz` and `CASE/ANY_seg.nii.gz`; NRRD, MetaImage and MGZ, too",
    open_layout=CasesDataset.open,
    recognizes=lambda path: any(map(_has_mask, _case_folders(path).values())),
)
