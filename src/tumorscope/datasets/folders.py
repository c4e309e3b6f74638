"""Folders of classes: ``Training/glioma/x.jpg``, or ``glioma/x.jpg`` without a published test side.

The four-class Kaggle set (masoudnickparvar) has this layout. Nobody says which patients its
images come from, so that a image stands for its patient; what that hides is what
:mod:`tumorscope.datasets.duplicates` is for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorscope.core.errors import BadDataset, UnreadableScan
from tumorscope.core.scan import Scan
from tumorscope.datasets.labeled import GroundTruth
from tumorscope.datasets.patients import published_patient
from tumorscope.datasets.split import Split, equal_folds, stratified_parts
from tumorscope.inference.model_card import NO_TUMOR
from tumorscope.io.checks import checked
from tumorscope.io.color import to_gray
from tumorscope.io.formats import IMAGE_SUFFIXES
from tumorscope.io.lgg import is_mask_name
from tumorscope.io.raster import read_raster

KAGGLE_HANDLE = "masoudnickparvar/brain-tumor-mri-dataset"
KAGGLE4_CLASSES = ("glioma", "meningioma", "notumor", "pituitary")
TRAIN_SIDE, TEST_SIDE = "Training", "Testing"
VALIDATION_SHARE = 0.1
_NO_TUMOR_NAMES = {"notumor", "nontumor", "no", "none", "healthy", "normal"}
_SUFFIX = "tumor"


@dataclass(frozen=True)
class ClassImage:
    """One image, with the class that its folder names.

    Attributes:
        path: the file.
        case: its place in the data set, ``Training/glioma/x.jpg``.
        tumor_class: see :func:`class_name`.
    """

    path: Path
    case: str
    tumor_class: str

    @property
    def patient(self) -> str:
        """Whom the file's name names, as published collections do; else the image itself: nobody says who it shows."""
        return published_patient(self.path.stem) or self.case

    def scan(self) -> Scan:
        """The image in gray, whatever colors it is stored in, so that storage cannot tell the class."""
        pixels = read_raster(self.path)
        if pixels.ndim != 3:
            raise UnreadableScan(f"{self.case}: a image of several pages; save each as its own file")
        gray = pixels if pixels.shape[-1] == 1 else to_gray(pixels)
        return checked(
            Scan(
                voxels=gray[None],
                sequences=("unknown",),
                case=self.path.stem,
                kind="image",
                slice_names=(self.path.name,),
                source=self.path,
            )
        )

    def truth(self) -> GroundTruth:
        """Class and presence."""
        return GroundTruth(present=np.array([self.tumor_class != NO_TUMOR]), tumor_class=self.tumor_class)


@dataclass(frozen=True)
class FolderDataset:
    """All images of a folder of classes, in the order of their paths."""

    root: Path
    name: str
    classes: tuple[str, ...]
    cases: tuple[ClassImage, ...]
    license: str

    @classmethod
    def open(cls, path: Path, name: str = "folders") -> FolderDataset:
        """Find the classes.

        Args:
            path: holds a folder a class, or ``Training`` and ``Testing`` with those in them.
            name: ``kaggle4`` allows that set's four classes only; ``folders`` any.

        Raises:
            BadDataset: no classes, one without images, or one of an unknown name.
        """
        if not path.is_dir():
            raise BadDataset(f"{path}: no such folder")
        sides = [path / side for side in (TRAIN_SIDE, TEST_SIDE) if (path / side).is_dir()] or [path]
        if name == "kaggle4" and len(sides) < 2:
            raise BadDataset(f"{path}: no {TRAIN_SIDE} and {TEST_SIDE} here; unzip the data set and name its folder")
        cases: list[ClassImage] = []
        for side in sides:
            folders = sorted(item for item in side.iterdir() if _is_class(item))
            if not folders:
                raise BadDataset(f"{side}: no folders of classes here; give one folder of images a class")
            for folder in folders:
                kind = class_name(folder.name)
                if name == "kaggle4" and kind not in KAGGLE4_CLASSES:
                    raise BadDataset(
                        f"{side.name}/{folder.name}: not a class of this data set ({', '.join(KAGGLE4_CLASSES)}); "
                        "remove the folder, or read the images as `folders`"
                    )
                files = sorted(file for file in folder.iterdir() if _is_image(file))
                if not files:
                    raise BadDataset(f"{folder.relative_to(path)}: no images in this class; fill or remove the folder")
                cases += [ClassImage(file, file.relative_to(path).as_posix(), kind) for file in files]
        classes = tuple(sorted({case.tumor_class for case in cases}))
        if len(classes) < 2:
            raise BadDataset(f"{path}: fewer than two classes; give a folder with one folder of images a class")
        license = "images: Kaggle masoudnickparvar/brain-tumor-mri-dataset (CC0 by its publisher; of mixed origin)"
        return cls(path, name, classes, tuple(cases), license if name == "kaggle4" else "images: as their owner says")

    @property
    def has_test_side(self) -> bool:
        """Whether the publisher keeps images aside for testing."""
        return (self.root / TEST_SIDE).is_dir()

    def split(self, seed: int = 0) -> Split:
        """The published test side, if there is one; a tenth of the others validates, alike in class.

        Copies of one image may stand on both sides: see ``tumorscope datasets duplicates``.
        """
        tested = {case.patient for case in self.cases if case.case.startswith(f"{TEST_SIDE}/")}
        strata = {patient: kinds for patient, kinds in self._classes_of_patients().items() if patient not in tested}
        shares = {"train": 1 - VALIDATION_SHARE, "validation": VALIDATION_SHARE}
        if tested:
            return Split(self.name, {**stratified_parts(strata, shares, seed), "test": tuple(sorted(tested))})
        shares = {"train": 0.7, "validation": 0.1, "test": 0.2}
        return Split(self.name, stratified_parts(strata, shares, seed))

    def fold(self, test: int, seed: int = 0) -> Split:
        """Of five folds one to test, the next to validate, the others to train."""
        return self.folds(5, seed).fold(test)

    def folds(self, count: int = 5, seed: int = 0) -> Split:
        """``count`` equal parts ``fold0 …`` of all images, whatever side they were published on."""
        return Split(self.name, equal_folds(self._classes_of_patients(), count, seed))

    def _classes_of_patients(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, set[str]] = {}
        for case in self.cases:
            found.setdefault(case.patient, set()).add(case.tumor_class)
        return {patient: tuple(sorted(kinds)) for patient, kinds in found.items()}


def class_name(folder: str) -> str:
    """The class that a folder's name stands for.

    >>> class_name("no_tumor"), class_name("glioma_tumor"), class_name("Pituitary")
    ('notumor', 'glioma', 'pituitary')
    """
    plain = "".join(sign for sign in folder.lower() if sign.isalnum()).replace("tumor", _SUFFIX)
    if plain in _NO_TUMOR_NAMES:
        return NO_TUMOR
    return plain.removesuffix(_SUFFIX) or _SUFFIX


def _is_class(item: Path) -> bool:
    """Not what a Mac adds to archives."""
    return item.is_dir() and not item.name.startswith((".", "__"))


def _is_image(file: Path) -> bool:
    hidden = file.name.startswith(".")  # ``._x.jpg`` is no image, although its name says so
    return not hidden and file.is_file() and file.suffix.lower() in IMAGE_SUFFIXES and not is_mask_name(file.name)
