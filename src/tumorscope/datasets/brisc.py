"""BRISC 2025: T1 slices after contrast with masks drawn by its own radiologists (Fateh et al. 2025, arXiv 2506.14318).

Layout: ``segmentation_task/<part>/images/*.jpg`` and ``masks/*.png`` beside them, ``classification_task/<part>/no_tumor``
(or ``no_tumor`` alone) for slices without a tumor. Names give type and plane: ``brisc2025_train_00001_gl_ax_t1``.
Its slices with a tumor are those of the four-class Kaggle set, half of which are figshare's: never train on one and test
on another without leaving copies out. Patients are not published; each image is its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tumorscope.core.errors import BadDataset
from tumorscope.datasets.annotated_images import AnnotatedImage
from tumorscope.datasets.class_counts import summarize_images
from tumorscope.datasets.class_preview import draw_class_preview
from tumorscope.datasets.download import KaggleDownload
from tumorscope.datasets.registry import DatasetEntry
from tumorscope.datasets.stratified import StratifiedDataset, image_files, require_folder
from tumorscope.inference.model_card import NO_TUMOR

_TYPES = {"gl": "glioma", "me": "meningioma", "pi": "pituitary", "no": NO_TUMOR, "nt": NO_TUMOR}
_PLANES = {"ax": "axial", "co": "coronal", "sa": "sagittal"}
_TASK_FOLDERS = ("segmentation_task", "classification_task")
_ARCHIVE_FOLDER = "brisc2025"
_TEST_PART = "test"


@dataclass(frozen=True)
class BriscDataset(StratifiedDataset[AnnotatedImage]):
    """All images: those with masks, then those without a tumor."""

    fractions: ClassVar = {"train": 0.8, "validation": 0.08, "test": 0.12}
    name = "brisc"
    license = "images and masks: BRISC 2025 (CC BY 4.0)"

    @property
    def classes(self) -> tuple[str, ...]:
        """Three tumor types and none."""
        return ("glioma", "meningioma", NO_TUMOR, "pituitary")

    @classmethod
    def open(cls, path: Path) -> BriscDataset:
        """Find the images in ``path`` or in the folder that the publisher's archive unpacks to.

        Raises:
            BadDataset: there are none, one has no mask, or a name gives no type.
        """
        inner = require_folder(path) / _ARCHIVE_FOLDER
        root = inner if inner.is_dir() else path
        cases = (*_with_masks(root), *_without_tumor(root))
        if not cases:
            raise BadDataset(f"{root}: no segmentation_task/*/images or no_tumor here; unzip BRISC and name its folder")
        return cls(root, cases)

    def strata(self) -> dict[str, tuple[str | None, str]]:
        """Type and plane of each image."""
        return {case.patient: (case.tumor_class, case.plane or "unknown") for case in self.cases}

    def published_test(self) -> set[str]:
        """The images of the publisher's test part."""
        return {case.patient for case in self.cases if case.part == _TEST_PART}


def _with_masks(root: Path) -> Iterator[AnnotatedImage]:
    for folder in sorted(root.glob("segmentation_task/*/images")):
        for file in image_files(folder):
            mask = folder.parent / "masks" / f"{file.stem}.png"
            if not mask.is_file():
                raise BadDataset(f"{file.relative_to(root)}: has no mask in {mask.parent.relative_to(root)}")
            yield _case(file, root, mask)


def _without_tumor(root: Path) -> Iterator[AnnotatedImage]:
    for folder in sorted([*root.glob("classification_task/*/no_tumor"), *root.glob("no_tumor")]):
        for file in image_files(folder):
            yield _case(file, root, None)


def _case(file: Path, root: Path, mask: Path | None) -> AnnotatedImage:
    name, words = file.relative_to(root), file.stem.split("_")
    tumor_class = NO_TUMOR if mask is None else next((_TYPES[word] for word in words if word in _TYPES), None)
    if tumor_class is None:
        raise BadDataset(f"{name}: the name gives no type ({', '.join(_TYPES)}); keep BRISC's names")
    return AnnotatedImage(
        path=file,
        case=name.as_posix(),
        patient=name.as_posix(),
        present=mask is not None,
        mask=mask,
        tumor_class=tumor_class,
        sequence="t1c" if mask is not None else "unknown",
        part=name.parts[1] if len(name.parts) > 3 else "",
        plane=next((_PLANES[word] for word in words if word in _PLANES), ""),
    )


ENTRY = DatasetEntry(
    name=BriscDataset.name,
    title="T1 slices with contrast, type and plane in their names, masks by BRISC's radiologists",
    layout="`segmentation_task/PART/images/*.jpg` and `masks/*.png`; `classification_task/PART/no_tumor` or `no_tumor`",
    citation="Fateh et al. 2025",
    license=BriscDataset.license,
    caveats="its tumors are kaggle4's, its test part is kaggle4's `Testing`, and about half of its slices are "
    "figshare's; no patients",
    limits=(
        "two published masks of one slice, BRISC's and figshare's, agree at Dice 0.87 on average (glioma 0.70); the "
        "mask follows neither alone",
    ),
    split_unit="images",
    published_split="test images",
    open=BriscDataset.open,
    summarize=summarize_images,
    draw_preview=draw_class_preview,
    download=KaggleDownload(
        open=BriscDataset.open,
        handle="briscdataset/brisc2025",
        advice="the folder with segmentation_task in it",
        space="1 GB",
        folders=_TASK_FOLDERS,
    ),
)
