"""The LGG segmentation data set: TCGA lower-grade glioma, 110 patients (Buda et al. 2019).

Masks show the FLAIR abnormality. Layout: ``kaggle_3m/TCGA_<institution>_<patient>_<date>/``
with one TIFF a slice and one a mask, and ``data.csv`` beside the folders.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from tumorscope.core.errors import BadDataset
from tumorscope.core.scan import Scan
from tumorscope.datasets.labeled import GroundTruth
from tumorscope.datasets.patients import patient_key
from tumorscope.datasets.split import Split, stratified_parts
from tumorscope.io.lgg import CHANNELS, is_lgg_folder, read_lgg_folder, read_lgg_mask

KAGGLE_HANDLE = "mateuszbuda/lgg-mri-segmentation"
LICENSE = "images: TCGA-LGG, The Cancer Imaging Archive (CC BY 3.0); masks: Buda et al. 2019 (CC BY-NC-SA 4.0)"


@dataclass(frozen=True)
class LggPatient:
    """One folder of the data set: one examination of a patient. Images are read only when asked for."""

    folder: Path

    @property
    def case(self) -> str:
        """The folder's name, ``TCGA_CS_4941_19960909``."""
        return self.folder.name

    @property
    def patient(self) -> str:
        """The folder's name without the date: a patient may have been examined several times."""
        return patient_key(self.case)

    @property
    def institution(self) -> str:
        """The tissue source site in the TCGA barcode: CS, DU, EZ, FG or HT."""
        fields = self.case.split("_")
        return fields[1] if len(fields) > 2 else "unknown"

    def scan(self) -> Scan:
        """The patient's slices."""
        return read_lgg_folder(self.folder)

    def scan_and_mask(self) -> tuple[Scan, np.ndarray]:
        """The slices and the mask.

        Raises:
            UnreadableScan: damaged.
            BadDataset: not slices of three sequences with masks of their size.
        """
        scan = self.scan()
        if scan.sequences != CHANNELS or self.mask.shape != scan.shape:
            raise BadDataset(f"{self.case}: not slices of T1, FLAIR and T1c with masks of their size")
        return scan, self.mask

    @cached_property
    def mask(self) -> np.ndarray:
        """Boolean ``(slice, row, column)``."""
        return read_lgg_mask(self.folder)

    def truth(self) -> GroundTruth:
        """Mask and presence. All are gliomas, but no slice says so: most show no tumor."""
        return GroundTruth(present=np.asarray(self.mask.any(axis=(1, 2))), mask=self.mask)


@dataclass(frozen=True)
class LggDataset:
    """All patients under a folder, in the order of their names."""

    root: Path
    patients: tuple[LggPatient, ...]
    name: str = "lgg"
    classes: tuple[str, ...] = ()
    license: str = LICENSE

    @property
    def cases(self) -> tuple[LggPatient, ...]:
        """The patients."""
        return self.patients

    @classmethod
    def open(cls, path: Path) -> LggDataset:
        """Find the patients under ``path``, which may be ``kaggle_3m`` or any folder above it.

        Raises:
            BadDataset: nothing there looks like this data set.
        """
        if not path.is_dir():
            raise BadDataset(f"{path}: no such folder")
        for root in (path, path / "kaggle_3m", path / "lgg-mri-segmentation" / "kaggle_3m"):
            folders = [item for item in sorted(root.glob("TCGA_*")) if item.is_dir() and is_lgg_folder(item)]
            if folders:
                return cls(root, tuple(LggPatient(folder) for folder in folders))
        raise BadDataset(f"{path}: no TCGA_*/TCGA_*_N.tif here; unzip the LGG data set and name its kaggle_3m folder")

    def __getitem__(self, case: str) -> LggPatient:
        for patient in self.patients:
            if patient.case == case:
                return patient
        raise BadDataset(f"{self.root}: no patient {case}, which the split names")

    def split(self, seed: int = 0, shares: Mapping[str, float] | None = None) -> Split:
        """Deal the patients out by institution and tumor burden (terciles of tumor pixels)."""
        burden: Counter[str] = Counter()
        for case in self.patients:
            burden[case.patient] += int(case.mask.sum())
        limits = np.quantile(list(burden.values()), [1 / 3, 2 / 3])
        strata = {
            case.patient: (case.institution, int(np.searchsorted(limits, burden[case.patient])))
            for case in self.patients
        }
        shares = shares or {"train": 0.72, "validation": 0.10, "test": 0.18}
        return Split(self.name, stratified_parts(strata, shares, seed))

    def folds(self, count: int = 5, seed: int = 0) -> Split:
        """``count`` equal parts ``fold0 …``, stratified alike."""
        return self.split(seed, {f"fold{k}": 1 / count for k in range(count)})

    def fold(self, test: int, seed: int = 0) -> Split:
        """Of five folds one to test, the next to validate, the others to train."""
        return self.folds(5, seed).fold(test)
