"""BRISC 2025: T1 slices after contrast with masks drawn by its own radiologists (Fateh et al. 2025, arXiv 2506.14318).

Layout: ``segmentation_task/<side>/images/*.jpg`` and ``masks/*.png`` beside them, ``classification_task/<side>/no_tumor``
(or ``no_tumor`` alone) for slices without a tumor. Names give type and plane: ``brisc2025_train_00001_gl_ax_t1``.
Its slices with a tumor are those of the four-class Kaggle set, half of which are figshare's: never train on one and test
on another without leaving copies out. Patients are not published; each image is its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tumorscope.core.errors import BadDataset
from tumorscope.datasets.images import AnnotatedImage
from tumorscope.datasets.split import Split, equal_folds, stratified_parts
from tumorscope.inference.model_card import NO_TUMOR
from tumorscope.io.formats import IMAGE_SUFFIXES

KAGGLE_HANDLE = "briscdataset/brisc2025"
LICENSE = "images and masks: BRISC 2025 (CC BY 4.0)"
TYPES = {"gl": "glioma", "me": "meningioma", "pi": "pituitary", "no": NO_TUMOR, "nt": NO_TUMOR}
PLANES = {"ax": "axial", "co": "coronal", "sa": "sagittal"}
SHARES = {"train": 0.8, "validation": 0.08, "test": 0.12}
TASK_FOLDERS = ("segmentation_task", "classification_task")
_ARCHIVE_FOLDER = "brisc2025"
_TEST_SIDE = "test"


@dataclass(frozen=True)
class BriscDataset:
    """All images under a folder: those with masks, then those without a tumor."""

    root: Path
    cases: tuple[AnnotatedImage, ...]
    name: str = "brisc"
    classes: tuple[str, ...] = ("glioma", "meningioma", NO_TUMOR, "pituitary")
    license: str = LICENSE

    @classmethod
    def open(cls, path: Path) -> BriscDataset:
        """Find the images in ``path`` or in the folder that the publisher's archive unpacks to.

        Raises:
            BadDataset: there are none, one has no mask, or a name gives no type.
        """
        if not path.is_dir():
            raise BadDataset(f"{path}: no such folder")
        path = path / _ARCHIVE_FOLDER if (path / _ARCHIVE_FOLDER).is_dir() else path
        cases: list[AnnotatedImage] = []
        for folder in sorted(path.glob("segmentation_task/*/images")):
            for file in _images(folder):
                mask = folder.parent / "masks" / f"{file.stem}.png"
                if not mask.is_file():
                    raise BadDataset(f"{file.relative_to(path)}: has no mask in {mask.parent.relative_to(path)}")
                cases.append(_case(file, path, mask))
        for folder in sorted([*path.glob("classification_task/*/no_tumor"), *path.glob("no_tumor")]):
            cases += [_case(file, path, None) for file in _images(folder)]
        if not cases:
            raise BadDataset(f"{path}: no segmentation_task/*/images or no_tumor here; unzip BRISC and name its folder")
        return cls(path, tuple(cases))

    def split(self, seed: int = 0) -> Split:
        """The published test side where it is there; else shares of the images, alike in type and plane."""
        strata = self._strata()
        tested = {case.patient for case in self.cases if f"/{_TEST_SIDE}/" in f"/{case.case}"}
        if not tested:
            return Split(self.name, stratified_parts(strata, SHARES, seed))
        others = {patient: stratum for patient, stratum in strata.items() if patient not in tested}
        parts = stratified_parts(others, {"train": 0.9, "validation": 0.1}, seed)
        return Split(self.name, {**parts, "test": tuple(sorted(tested))})

    def fold(self, test: int, seed: int = 0) -> Split:
        """One of five folds to test, the next to validate, the others to train."""
        return self.folds(5, seed).fold(test)

    def folds(self, count: int = 5, seed: int = 0) -> Split:
        """``count`` equal parts ``fold0 …`` of all images, whatever side they were published on."""
        return Split(self.name, equal_folds(self._strata(), count, seed))

    def _strata(self) -> dict[str, tuple[str | None, str]]:
        return {case.patient: (case.tumor_class, plane_of(case)) for case in self.cases}


def plane_of(case: AnnotatedImage) -> str:
    """``axial``, ``coronal`` or ``sagittal``, by the file's name; ``unknown`` where it gives none."""
    return next((PLANES[word] for word in case.path.stem.split("_") if word in PLANES), "unknown")


def _images(folder: Path) -> list[Path]:
    found = (file for file in folder.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
    return sorted(file for file in found if not file.name.startswith("."))


def _case(file: Path, root: Path, mask: Path | None) -> AnnotatedImage:
    kind = NO_TUMOR if mask is None else next((TYPES[word] for word in file.stem.split("_") if word in TYPES), None)
    if kind is None:
        raise BadDataset(f"{file.relative_to(root)}: the name gives no type ({', '.join(TYPES)}); keep BRISC's names")
    return AnnotatedImage(
        path=file,
        case=file.relative_to(root).as_posix(),
        patient=file.relative_to(root).as_posix(),
        present=mask is not None,
        mask=mask,
        tumor_class=kind,
        sequence="t1c" if mask is not None else "unknown",
    )
