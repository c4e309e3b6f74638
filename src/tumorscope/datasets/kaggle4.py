"""The four-class Kaggle set (masoudnickparvar): folders of classes with a published test part."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from tumorscope.core.errors import BadDataset
from tumorscope.datasets.class_counts import summarize_images
from tumorscope.datasets.class_preview import draw_class_preview
from tumorscope.datasets.download import KaggleDownload
from tumorscope.datasets.folders import TEST_FOLDER, TRAIN_FOLDER, FolderDataset, part_folders
from tumorscope.datasets.registry import DatasetEntry
from tumorscope.datasets.stratified import require_folder

_HANDLE = "masoudnickparvar/brain-tumor-mri-dataset"


@dataclass(frozen=True)
class Kaggle4Dataset(FolderDataset):
    """All images of the four classes, in the order of their paths."""

    name = "kaggle4"
    license = f"images: Kaggle {_HANDLE} (CC0 by its publisher; of mixed origin)"
    allowed_classes: ClassVar = ("glioma", "meningioma", "notumor", "pituitary")

    @classmethod
    def open(cls, path: Path) -> Self:
        """Find the classes in ``Training`` and ``Testing``.

        Raises:
            BadDataset: one of them is missing, a class has no images, or there is a fifth class.
        """
        if not all(folder.is_dir() for folder in part_folders(require_folder(path))):
            raise BadDataset(
                f"{path}: no {TRAIN_FOLDER} and {TEST_FOLDER} here; unzip the data set and name its folder"
            )
        return super().open(path)


ENTRY = DatasetEntry(
    name=Kaggle4Dataset.name,
    title="glioma, meningioma, pituitary tumor and no tumor; no masks, no patients",
    layout=f"`{TRAIN_FOLDER}/CLASS/*.jpg`, `{TEST_FOLDER}/CLASS/*.jpg`",
    citation="Kaggle masoudnickparvar",
    license=Kaggle4Dataset.license,
    caveats="copies across training and test; most tumors are figshare's slices; color mode and style give the class "
    "away; some slices are CT",
    limits=(
        "slices without tumor come from other sources than slices with one; what tells them apart may be the source",
        "the patients of the four-class images are not known",
    ),
    split_unit="images",
    published_split="test images",
    open=Kaggle4Dataset.open,
    summarize=summarize_images,
    draw_preview=draw_class_preview,
    download=KaggleDownload(
        open=Kaggle4Dataset.open,
        handle=_HANDLE,
        advice="the folder with Training and Testing in it",
        space="500 MB",
        folders=(TRAIN_FOLDER, TEST_FOLDER),
    ),
)
