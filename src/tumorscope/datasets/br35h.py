"""Br35H: single head MRI slices of mixed sequences with and without a tumor (Hamada 2020, Kaggle).

Layout: ``yes/yN.jpg`` shows a tumor, ``no/noN.jpg`` none. Optional beside them: ``masks/yN.png`` and ``groups.json``,
which assigns one number to images that are copies of one another (turned, mirrored, recompressed). Copies stay in one
part of a split; without the file every image is a group of its own.
"""

from __future__ import annotations

import json
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

_FOLDERS = ("yes", "no")
_GROUPS_FILE = "groups.json"


@dataclass(frozen=True)
class Br35hDataset(StratifiedDataset[AnnotatedImage]):
    """All images, in the order of their paths."""

    fractions: ClassVar = {"train": 0.6, "validation": 0.15, "test": 0.25}
    name = "br35h"
    license = "images: Kaggle ahmedhamada0/brain-tumor-detection (no license stated)"

    @classmethod
    def open(cls, path: Path) -> Br35hDataset:
        """Find the images of ``yes`` and ``no`` in ``path``.

        Raises:
            BadDataset: there are none, or ``groups.json`` is damaged.
        """
        cases = tuple(_cases(require_folder(path)))
        if not cases:
            raise BadDataset(f"{path}: no images in yes/ or no/ here; unzip Br35H and name its folder")
        return cls(path, cases)

    def strata(self) -> dict[str, tuple[bool, bool]]:
        """Presence, and whether a mask is known, of each group of copies."""
        strata: dict[str, tuple[bool, bool]] = {}
        for case in self.cases:
            present, masked = strata.get(case.patient, (False, False))
            strata[case.patient] = (present or case.present, masked or case.has_mask)
        return strata


def _cases(root: Path) -> Iterator[AnnotatedImage]:
    groups = _read_groups(root / _GROUPS_FILE)
    for folder in _FOLDERS:
        for file in image_files(root / folder):
            case, mask = f"{folder}/{file.name}", root / "masks" / f"{file.stem}.png"
            yield AnnotatedImage(
                path=file,
                case=case,
                patient=f"group-{groups[file.name]}" if file.name in groups else case,
                present=folder == "yes",
                mask=mask if mask.is_file() else None,
                tumor_class=None if folder == "yes" else NO_TUMOR,
            )


def _read_groups(path: Path) -> dict[str, int]:
    if not path.exists():
        return {}
    try:
        return {str(name): int(group) for name, group in json.loads(path.read_text()).items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise BadDataset(f"{path}: not a JSON object of file names and group numbers") from error


ENTRY = DatasetEntry(
    name=Br35hDataset.name,
    title="single slices of mixed sequences with and without a tumor",
    layout="`yes/*.jpg`, `no/*.jpg`; optional `masks/*.png` and `groups.json`, which gives copies of one image the same "
    "number",
    citation="Hamada 2020",
    license=Br35hDataset.license,
    caveats="many copies, turned or mirrored (`groups.json` keeps them in one part); its images without a tumor are "
    "nearly all in kaggle4's `notumor`; masks are rough polygons",
    limits=("of Br35H's single slices neither patients nor sequences are known, and some masks are rough",),
    split_unit="groups of copies",
    open=Br35hDataset.open,
    summarize=summarize_images,
    draw_preview=draw_class_preview,
    download=KaggleDownload(
        open=Br35hDataset.open,
        handle="ahmedhamada0/brain-tumor-detection",
        advice="the folder with yes and no in it",
        space="500 MB",
        folders=_FOLDERS,
    ),
)
