"""Images and masks in two folders, paired by name: ``images/x.png`` and ``masks/x.png`` or ``masks/x_mask.tif``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tumorscope.core.errors import BadDataset
from tumorscope.core.folder_contents import files_below
from tumorscope.datasets.own_cases import FoundCase, part_name
from tumorscope.datasets.own_data import OwnDataset, own_entry
from tumorscope.datasets.own_options import NOTHING_STATED, OwnDataOptions
from tumorscope.datasets.stratified import is_image_file, require_folder
from tumorscope.io.formats import VOLUME_SUFFIXES, stem

_IMAGES = ("images", "image", "imgs", "img")
_MASKS = ("masks", "mask", "labels", "label", "segmentations", "segmentation", "gt")
_ENDING = re.compile(r"[-_.](mask|seg|segmentation|label)s?$", re.IGNORECASE)


@dataclass(frozen=True)
class MasksDataset(OwnDataset):
    """All images with their masks, in the order of their names."""

    name = "masks"

    @classmethod
    def open(cls, path: Path, options: OwnDataOptions = NOTHING_STATED) -> MasksDataset:
        """Pair the images in ``path/images`` with the masks in ``path/masks``, or those of each part.

        Args:
            path: has ``images`` and ``masks``, or ``train``, ``val`` and ``test`` with these two each.
            options: what the owner states.

        Raises:
            BadDataset: there are no such folders, two files have one name, or no mask has the name of an image.
        """
        pairs = _folder_pairs(require_folder(path))
        if not pairs:
            raise BadDataset(f"{path}: no images/ and masks/ here; put images and masks of the same names into them")
        found: list[FoundCase] = []
        notes: list[str] = []
        for part, images, masks in pairs:
            files, drawn = _by_name(images), _by_name(masks, masks=True)
            if not files.keys() & drawn.keys():
                shown = f"{next(iter(files.values()), 'none')} and {next(iter(drawn.values()), 'none')}"
                raise BadDataset(f"{path}: no mask has the name of an image; give both the same ({shown})")
            alone = sorted(drawn.keys() - files.keys())
            if alone:
                notes.append(f"{len(alone):,} masks without an image, such as {drawn[alone[0]].name}")
            prefix = f"{images.parent.name}/" if images.parent != path else ""
            found += [FoundCase(f"{prefix}{key}", {"": file}, drawn.get(key), part=part) for key, file in files.items()]
        return cls.of_cases(path, found, options, notes)


def _folder_pairs(path: Path) -> list[tuple[str, Path, Path]]:
    """Part, folder of images and folder of masks; one pair without a part, or one for each part."""
    whole = _pair(path)
    if whole is not None:
        return [("", *whole)]
    inner = [(part_name(folder.name), _pair(folder)) for folder in _folders(path)]
    return [(part, *pair) for part, pair in inner if part is not None and pair is not None]


def _pair(path: Path) -> tuple[Path, Path] | None:
    by_name = {folder.name.lower(): folder for folder in _folders(path)}
    images = next((by_name[name] for name in _IMAGES if name in by_name), None)
    masks = next((by_name[name] for name in _MASKS if name in by_name), None)
    return None if images is None or masks is None else (images, masks)


def _folders(path: Path) -> list[Path]:
    return sorted(item for item in path.iterdir() if item.is_dir()) if path.is_dir() else []


def _by_name(folder: Path, masks: bool = False) -> dict[str, Path]:
    """The files below a folder by their path without suffix, and without ``_mask`` for masks.

    Raises:
        BadDataset: two files have one name, so that it is open which is meant.
    """
    files: dict[str, Path] = {}
    for file in _files(folder):
        name = _ENDING.sub("", stem(file)) if masks else stem(file)
        # A Mac stores an umlaut as two characters, so that equal names from two machines differ.
        key = unicodedata.normalize("NFC", (file.parent.relative_to(folder) / name).as_posix())
        other = files.setdefault(key, file)
        if other is not file:
            raise BadDataset(f"{folder}: {other.name} and {file.name} have one name; keep the one that is meant")
    return files


def _files(folder: Path) -> Iterator[Path]:
    for file in files_below(folder):
        if (file.name.lower().endswith(VOLUME_SUFFIXES) and file.is_file()) or is_image_file(file):
            yield file


ENTRY = own_entry(
    MasksDataset.name,
    title="your own images and masks in two folders, paired by name",
    layout="`images/X.png` and `masks/X.png`, or `train/images/X.png` …; any image format, or NIfTI",
    open_layout=MasksDataset.open,
    recognizes=lambda path: bool(_folder_pairs(path)),
)
