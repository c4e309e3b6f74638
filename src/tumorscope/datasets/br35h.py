"""Br35H: single head MRI slices of mixed sequences with and without a tumor (Hamada 2020, Kaggle).

Layout: ``yes/yN.jpg`` shows a tumor, ``no/noN.jpg`` none. Optional beside them: ``masks/yN.png`` and ``groups.json``,
which gives images that are copies of one another (turned, mirrored, recompressed) one number. Copies stay in one part
of a split; without the file every image is a group of its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from tumorscope.core.errors import BadDataset
from tumorscope.datasets.images import AnnotatedImage
from tumorscope.datasets.split import Split, equal_folds, stratified_parts
from tumorscope.inference.model_card import NO_TUMOR
from tumorscope.io.formats import IMAGE_SUFFIXES

KAGGLE_HANDLE = "ahmedhamada0/brain-tumor-detection"
LICENSE = "images: Kaggle ahmedhamada0/brain-tumor-detection (no license stated)"
SHARES = {"train": 0.6, "validation": 0.15, "test": 0.25}
FOLDERS = ("yes", "no")
_GROUPS_FILE = "groups.json"


@dataclass(frozen=True)
class Br35hDataset:
    """All images under a folder, in the order of their paths."""

    root: Path
    cases: tuple[AnnotatedImage, ...]
    name: str = "br35h"
    classes: tuple[str, ...] = ()
    license: str = LICENSE

    @classmethod
    def open(cls, path: Path) -> Br35hDataset:
        """Find the images of ``yes`` and ``no`` in ``path``.

        Raises:
            BadDataset: there are none, or ``groups.json`` is damaged.
        """
        if not path.is_dir():
            raise BadDataset(f"{path}: no such folder")
        groups = _read_groups(path / _GROUPS_FILE)
        cases = []
        for folder in FOLDERS:
            for file in sorted((path / folder).glob("*")):
                if file.suffix.lower() not in IMAGE_SUFFIXES or file.name.startswith("."):
                    continue
                mask = path / "masks" / f"{file.stem}.png"
                cases.append(
                    AnnotatedImage(
                        path=file,
                        case=f"{folder}/{file.name}",
                        patient=f"group-{groups[file.name]}" if file.name in groups else f"{folder}/{file.name}",
                        present=folder == "yes",
                        mask=mask if mask.is_file() else None,
                        tumor_class=None if folder == "yes" else NO_TUMOR,
                    )
                )
        if not cases:
            raise BadDataset(f"{path}: no images in yes/ or no/ here; unzip Br35H and name its folder")
        return cls(path, tuple(cases))

    def split(self, seed: int = 0) -> Split:
        """Groups of copies, split alike in presence and in whether masks are known."""
        return Split(self.name, stratified_parts(self._strata(), SHARES, seed))

    def fold(self, test: int, seed: int = 0) -> Split:
        """One of five folds to test, the next to validate, the others to train."""
        return self.folds(5, seed).fold(test)

    def folds(self, count: int = 5, seed: int = 0) -> Split:
        """``count`` equal parts ``fold0 …`` of the groups, alike in presence and in whether masks are known."""
        return Split(self.name, equal_folds(self._strata(), count, seed))

    def _strata(self) -> dict[str, tuple[bool, bool]]:
        strata: dict[str, tuple[bool, bool]] = {}
        for case in self.cases:
            present, masked = strata.get(case.patient, (False, False))
            strata[case.patient] = (present or case.present, masked or case.mask is not None)
        return strata


def _read_groups(path: Path) -> dict[str, int]:
    if not path.exists():
        return {}
    try:
        return {str(name): int(group) for name, group in json.loads(path.read_text()).items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise BadDataset(f"{path}: not a JSON object of file names and group numbers") from error
