"""Folders of classes: ``Training/glioma/x.jpg``, or ``glioma/x.jpg`` without a published test part.

The patients of such images are usually not published, so every image counts as its own patient unless its name or the
user tells the patient; :mod:`tumorscope.datasets.duplicates` finds the copies that this hides.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from tumorscope.core.errors import BadDataset
from tumorscope.core.scan import Scan
from tumorscope.datasets.annotated_images import read_gray
from tumorscope.datasets.class_counts import summarize_images
from tumorscope.datasets.class_preview import draw_class_preview
from tumorscope.datasets.download import ManualDownload
from tumorscope.datasets.labeled import GroundTruth
from tumorscope.datasets.own_options import NOTHING_STATED, OwnDataOptions
from tumorscope.datasets.own_patients import CaseNames, known_patients
from tumorscope.datasets.patients import published_patient
from tumorscope.datasets.registry import DatasetEntry, OwnLayout
from tumorscope.datasets.stratified import StratifiedDataset, image_files, require_folder
from tumorscope.inference.model_card import NO_TUMOR
from tumorscope.io.mask_names import is_mask_name
from tumorscope.io.sequences import recognize_sequence

TRAIN_FOLDER, TEST_FOLDER = "Training", "Testing"
_NO_TUMOR_NAMES = {"notumor", "nontumor", "no", "none", "healthy", "normal"}
_SUFFIX = "tumor"
_REMARK = re.compile(r"\(.*\)")


@dataclass(frozen=True)
class ClassImage:
    """One image whose folder names its class.

    Attributes:
        path: the file.
        case: its path in the data set, ``Training/glioma/x.jpg``.
        tumor_class: see :func:`class_name`.
        group: the patient, where something but the name of a published collection tells it.
    """

    path: Path
    case: str
    tumor_class: str
    group: str | None = None
    plane: ClassVar = ""
    has_mask: ClassVar = False
    person: ClassVar[None] = None

    @property
    def patient(self) -> str:
        """The patient named by a file of a published collection; otherwise the image itself."""
        return self.group or published_patient(self.path.stem) or self.case

    @property
    def label(self) -> str:
        """The class."""
        return self.tumor_class

    @property
    def part(self) -> str:
        """``Training`` or ``Testing``; empty if the classes are not divided."""
        return self.case.split("/")[0] if self.case.count("/") > 1 else ""

    @property
    def caption(self) -> str:
        """The file's name."""
        return self.path.name

    def scan(self) -> Scan:
        """The image in gray; see :func:`tumorscope.datasets.annotated_images.read_gray`."""
        return read_gray(self.path, self.case)

    def truth(self) -> GroundTruth:
        """Class and presence."""
        return GroundTruth(present=np.array([self.tumor_class != NO_TUMOR]), tumor_class=self.tumor_class)


@dataclass(frozen=True)
class FolderDataset(StratifiedDataset[ClassImage]):
    """All images of a folder of classes, in the order of their paths."""

    fractions: ClassVar = {"train": 0.7, "validation": 0.1, "test": 0.2}
    name = "folders"
    license = "images: as their owner states"
    allowed_classes: ClassVar[Collection[str] | None] = None
    """The only classes that the data set has; None allows any."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the folders, sorted."""
        return tuple(sorted({case.tumor_class for case in self.cases}))

    @classmethod
    def open(cls, path: Path) -> Self:
        """Find the classes.

        Args:
            path: has one folder per class, or ``Training`` and ``Testing`` with one folder per class each.

        Raises:
            BadDataset: no classes, a class without images, or one that the data set does not have.
        """
        roots = [root for root in part_folders(require_folder(path)) if root.is_dir()] or [path]
        dataset = cls(path, tuple(case for root in roots for case in cls._cases(path, root)))
        if len(dataset.classes) < 2:
            raise BadDataset(f"{path}: fewer than two classes; give a folder with one folder of images per class")
        return dataset

    @classmethod
    def _cases(cls, path: Path, root: Path) -> Iterator[ClassImage]:
        folders = sorted(item for item in root.iterdir() if _is_class(item))
        if not folders:
            raise BadDataset(f"{root}: no folders of classes here; give one folder of images per class")
        for folder in folders:
            tumor_class = class_name(folder.name)
            if cls.allowed_classes is not None and tumor_class not in cls.allowed_classes:
                raise BadDataset(
                    f"{root.name}/{folder.name}: not a class of this data set ({', '.join(cls.allowed_classes)}); "
                    "remove the folder, or read the images as `folders`"
                )
            files = [file for file in image_files(folder) if not is_mask_name(file.name)]
            if not files:
                raise BadDataset(f"{folder.relative_to(path)}: no images in this class; fill or remove the folder")
            for file in files:
                yield ClassImage(file, file.relative_to(path).as_posix(), tumor_class)

    @classmethod
    def open_own(cls, path: Path, options: OwnDataOptions) -> Self:
        """As :meth:`open`, with the patients that the owner states or the files' names tell.

        Raises:
            BadDataset: as :meth:`open`, or an image is missing in the table of patients.
        """
        dataset = cls.open(path)
        names = [CaseNames(case.case, case.path.stem, case.path.name) for case in dataset.cases]
        patients, grouping = known_patients(path, names, options)
        cases = (dataclasses.replace(case, group=patients[case.case]) for case in dataset.cases)
        return cls(path, tuple(cases), grouping)

    def published_test(self) -> set[str]:
        """The patients of ``Testing``. Copies may be on both sides: see ``tumorscope datasets duplicates``."""
        return {case.patient for case in self.cases if case.part == TEST_FOLDER}

    def strata(self) -> dict[str, tuple[str, ...]]:
        """The classes of each patient."""
        classes: dict[str, set[str]] = {}
        for case in self.cases:
            classes.setdefault(case.patient, set()).add(case.tumor_class)
        return {patient: tuple(sorted(names)) for patient, names in classes.items()}


def part_folders(path: Path) -> tuple[Path, Path]:
    """Where a published training and test part would be."""
    return path / TRAIN_FOLDER, path / TEST_FOLDER


def class_name(folder: str) -> str:
    """The class that a folder's name means; sequences, remarks in parentheses and numbers in front do not belong to it.

    >>> class_name("no_tumor"), class_name("glioma_tumor"), class_name("512Pituitary")
    ('notumor', 'glioma', 'pituitary')
    >>> class_name("_NORMAL T2"), class_name("Glioma (Astrocitoma, Ependimoma) T1C+")
    ('notumor', 'glioma')
    """
    words = [word for word in re.split(r"[\s_]+", _REMARK.sub(" ", folder)) if recognize_sequence(word) == "unknown"]
    plain = "".join(sign for sign in ("".join(words) or folder).lower() if sign.isalnum())
    plain = re.sub(r"^\d+(?=[a-z])", "", plain).replace("tumour", _SUFFIX)  # codespell:ignore
    if plain in _NO_TUMOR_NAMES:
        return NO_TUMOR
    return plain.removesuffix(_SUFFIX) or _SUFFIX


def _has_classes(path: Path) -> bool:
    """Whether there are two folders of images or more, none of them of images and their masks."""
    roots = [root for root in part_folders(path) if root.is_dir()] or ([path] if path.is_dir() else [])
    counts = [
        (sum(not is_mask_name(file.name) for file in files), sum(is_mask_name(file.name) for file in files))
        for root in roots
        for folder in root.iterdir()
        if _is_class(folder) and (files := image_files(folder))
    ]
    return len(counts) > 1 and all(images > masks for images, masks in counts)


def _open(path: Path) -> FolderDataset:
    return FolderDataset.open_own(path, NOTHING_STATED)


def _is_class(item: Path) -> bool:
    """Not one of the folders that macOS adds to archives."""
    return item.is_dir() and not item.name.startswith((".", "__"))


ENTRY = DatasetEntry(
    name=FolderDataset.name,
    title="your own images, one folder per class",
    layout="`CLASS/*.jpg`, or `Training/CLASS/*.jpg` and `Testing/CLASS/*.jpg`; any names, any image format",
    citation="",
    license=FolderDataset.license,
    caveats="see `tumorscope datasets duplicates`",
    split_unit="images",
    published_split="test images, if there is a `Testing` folder",
    open=_open,
    summarize=summarize_images,
    draw_preview=draw_class_preview,
    download=ManualDownload("folders: is any folder of classes, which nobody publishes; name a published data set"),
    own=OwnLayout(_has_classes, FolderDataset.open_own),
)
