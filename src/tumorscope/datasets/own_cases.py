"""One case of a user's own data: a single image or a volume, with its mask or class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np

from tumorscope.core.compartments import Compartment
from tumorscope.core.errors import BadDataset, UnreadableScan
from tumorscope.core.scan import Scan
from tumorscope.core.segmentation import Segmentation
from tumorscope.datasets.annotated_images import read_gray
from tumorscope.datasets.folders import class_name
from tumorscope.datasets.labeled import GroundTruth
from tumorscope.inference.model_card import NO_TUMOR
from tumorscope.io import open_scan
from tumorscope.io.channel_merging import merge
from tumorscope.io.formats import IMAGE_SUFFIXES, stem
from tumorscope.io.matlab import TUMOR_TYPES
from tumorscope.io.options import ReadOptions
from tumorscope.io.segmentation_reader import read_labels
from tumorscope.io.sequences import recognize_sequence

PART_NAMES = {
    "train": ("train", "training", "tr"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "ts"),
}
"""How folders and tables name the parts of a split."""

_CLASSES = (NO_TUMOR, "tumor", "yes", *TUMOR_TYPES.values())
"""What folders of images are called that state a class."""

_INSIDE = {1, 255, 65535}
"""The values by which a mask of one label says inside."""


def part_name(text: str) -> str | None:
    """The part of a split that a word means; None if it means none.

    >>> part_name("Val"), part_name("imagesTr")
    ('validation', None)
    """
    return next((part for part, words in PART_NAMES.items() if text.strip().lower() in words), None)


class SeveralLabels(BadDataset):
    """A mask has labels, and which of them are the tumor is not stated. It ends a training: skipping such cases would hide it."""


@dataclass(frozen=True)
class FoundCase:
    """A case as a layout has it.

    Attributes:
        case: its name.
        images: the file of each sequence; of a single file whose sequence is not stated, under ``""``.
        mask: the mask's file; None if there is none, which is not the same as an empty mask.
        tumor_class: the class, or None.
        patient: as stated by a table; empty if it is not.
        part: ``train``, ``validation`` or ``test``; empty if the data states no split.
        channels: the sequences of a file of several.
        values: those that the mask may have, zero aside; empty if that is not stated.
    """

    case: str
    images: Mapping[str, Path]
    mask: Path | None = None
    tumor_class: str | None = None
    patient: str = ""
    part: str = ""
    channels: tuple[str, ...] = ()
    values: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """The first image."""
        return next(iter(self.images.values()))

    @property
    def is_volume(self) -> bool:
        """Whether it is not a single image, by its file's name."""
        return self.path.suffix.lower() not in IMAGE_SUFFIXES

    @property
    def is_known(self) -> bool:
        """Whether something can be learned from it. A class does not tell which slices of a volume show it."""
        return self.mask is not None or (self.tumor_class is not None and not self.is_volume)

    @property
    def name(self) -> str:
        """What may tell the patient: its name without a file's suffix and without the folders of a part and a class.

        A patient may have images in the folders of several classes, and has to stay one patient.
        """
        whole = Path(self.case)
        known = whole.with_name(stem(whole)) if whole.name == self.path.name else whole
        inner = known.parts[1:] if len(known.parts) > 1 and part_name(known.parts[0]) else known.parts
        return "/".join((*(folder for folder in inner[:-1] if not self._names_class(folder)), known.name))

    def _names_class(self, folder: str) -> bool:
        return class_name(folder) in (self.tumor_class, *_CLASSES)

    @property
    def sequences(self) -> tuple[str, ...]:
        """Its sequences as far as names tell."""
        return self.channels or tuple(name or recognize_sequence(file.name) for name, file in self.images.items())


@dataclass(frozen=True)
class _OwnCase:
    """What images and volumes have in common.

    Attributes:
        found: its files.
        patient: see :class:`tumorscope.datasets.labeled.LabeledCase`.
        compartments: the whole tumor with its labels, and the compartments inside it; empty where masks have one label.
    """

    found: FoundCase
    patient: str
    compartments: tuple[Compartment, ...] = ()

    @property
    def case(self) -> str:
        """The name within its data set."""
        return self.found.case

    @property
    def tumor_class(self) -> str | None:
        """The class that the owner states."""
        return self.found.tumor_class

    @property
    def part(self) -> str:
        """The part of the split that the data states; empty if it states none."""
        return self.found.part

    @property
    def path(self) -> Path:
        """The first image."""
        return self.found.path


@dataclass(frozen=True)
class OwnImage(_OwnCase):
    """A single image, of one sequence or several."""

    plane: ClassVar[str] = ""
    person: ClassVar[None] = None

    @cached_property
    def label(self) -> str:
        """The class; without one, whether the mask marks a tumor."""
        if self.tumor_class is not None:
            return self.tumor_class
        try:
            mask = self.truth().mask
        except UnreadableScan:
            return "unreadable"
        return "tumor" if mask is None or mask.any() else NO_TUMOR

    @property
    def has_mask(self) -> bool:
        """Whether there is a mask file."""
        return self.found.mask is not None

    @property
    def caption(self) -> str:
        """The file's name."""
        return self.path.name

    def scan(self) -> Scan:
        """The image in gray, each sequence a channel.

        Raises:
            UnreadableScan: damaged, with several pages, without contrast, or sequences differ in size.
        """
        names = self.found.sequences
        files = self.found.images.values()
        scans = {name: read_gray(file, self.case, name) for name, file in zip(names, files, strict=True)}
        return (
            next(iter(scans.values()))
            if len(scans) == 1
            else merge(self.case, self.path, scans, self.case, ReadOptions())
        )

    def truth(self) -> GroundTruth:
        """Mask, presence and class. A class other than ``notumor`` means a tumor, wherever it is.

        Raises:
            UnreadableScan: the mask is damaged, has another size, or marks a tumor where the class is ``notumor``.
            SeveralLabels: the mask has labels, and which are the tumor is not stated.
        """
        scan, none = self.scan(), self.tumor_class == NO_TUMOR
        if self.found.mask is None:
            empty = np.zeros(scan.shape, bool) if none else None
            return GroundTruth(present=np.array([not none]), mask=empty, tumor_class=self.tumor_class)
        mask, inside = read_own_masks(self.found.mask, scan, self.compartments, self.found.values)
        if none and mask.any():
            raise UnreadableScan(f"{self.case}: its class is {NO_TUMOR}, but its mask marks {int(mask.sum()):,} pixels")
        shown = none or bool(mask.any())
        return GroundTruth(np.asarray(mask.any(axis=(1, 2))), mask, self.tumor_class if shown else None, inside)


@dataclass(frozen=True)
class OwnVolume(_OwnCase):
    """A volume of one sequence or several, with a mask.

    Attributes:
        expected: the sequences of the whole data set.
    """

    expected: tuple[str, ...] = field(default=())
    institution: ClassVar[str] = "unknown"

    def scan(self) -> Scan:
        """All sequences on their common grid.

        Raises:
            UnreadableScan: damaged, or on grids that differ.
        """
        images = self.found.images
        if len(images) > 1:
            return open_scan(None, sequences=images)
        named = self.found.channels or tuple(name for name in images if name)
        return open_scan(self.path, channels=named or None)

    def scan_and_mask(self) -> tuple[Scan, np.ndarray]:
        """The scan and its mask, boolean ``(slice, row, column)``; the files are read once.

        Raises:
            UnreadableScan: damaged, or the mask does not fit.
            SeveralLabels: the mask has labels, and which are the tumor is not stated.
        """
        scan = self.scan()
        return scan, self._masks(scan)[0]

    def _masks(self, scan: Scan) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        assert self.found.mask is not None  # a volume without one is not known
        return read_own_masks(self.found.mask, scan, self.compartments, self.found.values)

    def missing_sequences(self, scan: Scan) -> list[str]:
        """Those that other volumes of the data set have."""
        return [name for name in self.expected if name not in scan.sequences]

    def truth(self) -> GroundTruth:
        """Masks and presence; the class of a volume says nothing about its single slices."""
        mask, inside = self._masks(self.scan())
        return GroundTruth(np.asarray(mask.any(axis=(1, 2))), mask, compartments=inside)


def read_own_masks(
    path: Path, scan: Scan, compartments: tuple[Compartment, ...] = (), values: tuple[str, ...] = ()
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The tumor's mask and those of the compartments inside it, whether stored as 0/1, 0/255 or a palette.

    Args:
        path: of any format of masks.
        scan: its shape and position are checked against it.
        compartments: the whole tumor and what is inside it; empty where there is one label.
        values: those that it may have, zero aside; empty if that is not stated.

    Returns:
        Boolean ``(slice, row, column)`` each; the compartments after the whole by name.

    Raises:
        UnreadableScan: damaged, of another size or position than the scan, or with a value that it may not have.
        SeveralLabels: several labels, or one that is none of 1, 255 and 65,535, without ``compartments``.
    """
    found = read_labels(path, scan)
    strange = [str(segment.label) for segment in found.segments if values and str(segment.label) not in values]
    if strange:
        raise UnreadableScan(f"{path.name}: the mask has the value {strange[0]}; stated are 0, {', '.join(values)}")
    if compartments:
        whole, *inside = (_labeled(found, each.labels) for each in compartments)
        return whole, {each.name: mask for each, mask in zip(compartments[1:], inside, strict=True)}
    names = [segment.name if segment.name.startswith("color") else str(segment.label) for segment in found.segments]
    if len(names) > 1:
        raise SeveralLabels(
            f"{path.name}: the mask has the labels {', '.join(names)}: --labels '{'+'.join(names)}=tumor' takes all of "
            f"them, --labels '{names[-1]}=tumor' one, and --labels '{names[0]}=core,{names[-1]}=edema' trains "
            "compartments of these names"
        )
    if any(not name.isdigit() or int(name) not in _INSIDE for name in names):
        raise SeveralLabels(
            f"{path.name}: the mask has the label {names[0]} alone; --labels '{names[0]}=tumor' if it is the tumor"
        )
    return found.whole, {}


def _labeled(found: Segmentation, labels: tuple[str, ...]) -> np.ndarray:
    """The voxels with one of the labels, given by number or name."""
    inside = np.zeros(found.shape, bool)
    for segment in found.segments:
        if {segment.name, str(segment.label)} & set(labels):
            inside |= found.layers[segment.layer] == segment.label
    return inside
