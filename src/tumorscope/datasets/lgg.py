"""The LGG segmentation data set: TCGA lower-grade glioma, 110 patients (Buda et al. 2019).

Masks show the FLAIR abnormality. Layout: ``kaggle_3m/TCGA_<institution>_<patient>_<date>/``
with one TIFF per slice and one per mask, and ``data.csv`` beside the folders.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np

from tumorscope.core.errors import BadDataset
from tumorscope.core.scan import Scan
from tumorscope.datasets.download import KaggleDownload
from tumorscope.datasets.labeled import GroundTruth
from tumorscope.datasets.patients import patient_key
from tumorscope.datasets.preview import draw_preview
from tumorscope.datasets.registry import DatasetEntry
from tumorscope.datasets.stratified import StratifiedDataset, require_folder
from tumorscope.datasets.summary import summarize_volumes
from tumorscope.io.lgg_patient import CHANNELS, is_lgg_folder, missing_sequences, read_lgg_folder, read_lgg_mask

_FOLDER = "kaggle_3m"


@dataclass(frozen=True)
class LggPatient:
    """One folder of the data set: one examination of a patient. Files are read on access only."""

    folder: Path

    @property
    def case(self) -> str:
        """The folder's name, ``TCGA_CS_4941_19960909``."""
        return self.folder.name

    @property
    def patient(self) -> str:
        """The folder's name without the date: a patient may have several examinations."""
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

    def missing_sequences(self, scan: Scan) -> list[str]:
        """The T1 channels that are only copies of FLAIR."""
        return missing_sequences(scan.voxels)

    def truth(self) -> GroundTruth:
        """Mask and presence. Every patient has a glioma, but most slices show no tumor and thus have no class."""
        return GroundTruth(present=np.asarray(self.mask.any(axis=(1, 2))), mask=self.mask)


@dataclass(frozen=True)
class LggDataset(StratifiedDataset[LggPatient]):
    """All examinations, in the order of their names."""

    fractions: ClassVar = {"train": 0.72, "validation": 0.10, "test": 0.18}
    name = "lgg"
    license = "images: TCGA-LGG, The Cancer Imaging Archive (CC BY 3.0); masks: Buda et al. 2019 (CC BY-NC-SA 4.0)"
    sequences: ClassVar = CHANNELS
    optional_sequences: ClassVar = ("t1", "t1c")
    absence: ClassVar = "only a copy of FLAIR"

    @property
    def patients(self) -> tuple[LggPatient, ...]:
        """The cases."""
        return self.cases

    @classmethod
    def open(cls, path: Path) -> LggDataset:
        """Find the examinations under ``path``, which may be ``kaggle_3m`` or any folder above it.

        Raises:
            BadDataset: nothing there looks like this data set.
        """
        require_folder(path)
        for root in (path, path / _FOLDER, path / "lgg-mri-segmentation" / _FOLDER):
            folders = [item for item in sorted(root.glob("TCGA_*")) if item.is_dir() and is_lgg_folder(item)]
            if folders:
                return cls(root, tuple(LggPatient(folder) for folder in folders))
        raise BadDataset(f"{path}: no TCGA_*/TCGA_*_N.tif here; unzip the LGG data set and name its kaggle_3m folder")

    def __getitem__(self, case: str) -> LggPatient:
        for patient in self.cases:
            if patient.case == case:
                return patient
        raise BadDataset(f"{self.root}: no patient {case}, which the split names")

    def strata(self) -> dict[str, tuple[str, int]]:
        """Institution and tumor burden (tercile of the tumor pixels) of each patient."""
        burden: Counter[str] = Counter()
        for case in self.cases:
            burden[case.patient] += int(case.mask.sum())
        terciles = np.quantile(list(burden.values()), [1 / 3, 2 / 3])
        return {
            case.patient: (case.institution, int(np.searchsorted(terciles, burden[case.patient])))
            for case in self.cases
        }


ENTRY = DatasetEntry(
    name=LggDataset.name,
    title="TCGA lower-grade glioma: T1, FLAIR and T1 with contrast as channels, masks of the FLAIR abnormality; "
    "110 patients",
    layout="`TCGA_…/TCGA_…_N.tif` and `_N_mask.tif`",
    citation="Buda et al. 2019",
    license=LggDataset.license,
    caveats="FLAIR instead of missing sequences; no voxel sizes; neighboring slices are nearly the same image",
    limits=(
        "trained on adults with glioma only; other ages and tumors are not represented",
        "the mask is the FLAIR abnormality of glioma, not the enhancing part",
        "every training patient had a tumor: how often a healthy scan raises a false alarm is not known",
    ),
    open=LggDataset.open,
    summarize=summarize_volumes,
    draw_preview=draw_preview,
    download=KaggleDownload(
        open=LggDataset.open,
        handle="mateuszbuda/lgg-mri-segmentation",
        advice="its kaggle_3m folder",
        space="2 GB",
        folders=(_FOLDER,),
    ),
)
