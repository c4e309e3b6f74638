"""BraTS training cases: skull-stripped glioma MRI in four sequences with labels (Menze et al. 2015; Bakas et al. 2017).

Layout: a folder per case, ``CASE/CASE_{t1,t1ce,t2,flair,seg}.nii.gz``, or ``CASE/CASE-{t1n,t1c,t2w,t2f,seg}.nii.gz``
from 2023 on. The whole tumor, every label above zero, is the mask. Cases of some years lack sequences.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorscope.core.errors import BadDataset, UnreadableScan
from tumorscope.core.scan import Scan
from tumorscope.datasets.labeled import GroundTruth
from tumorscope.datasets.split import Split, equal_folds, stratified_parts
from tumorscope.io.channel_merging import read_nifti_folder
from tumorscope.io.segmentation_reader import find_mask

SEQUENCES = ("t1", "t1c", "t2", "flair")
REGISTRATION_PAGE = "https://www.synapse.org/brats"
LICENSE = "images and labels: BraTS (research use; cite Menze et al. 2015 and Bakas et al. 2017)"
SHARES = {"train": 0.7, "validation": 0.15, "test": 0.15}
_VISIT = re.compile(r"[-_]\d{1,3}$")
"""The number of the examination, with which a case's name ends."""


@dataclass(frozen=True)
class BratsCase:
    """One folder of the data set."""

    folder: Path

    @property
    def case(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def patient(self) -> str:
        """The case without its examination: ``BraTS-GLI-00483-000`` and ``-001`` are one patient."""
        return _VISIT.sub("", self.case)

    @property
    def institution(self) -> str:
        """Year and site, the name's first two words: scanners of one site resemble each other."""
        return " ".join(self.patient.replace("-", "_").split("_")[:2])

    def scan(self) -> Scan:
        """The case's sequences on their common grid.

        Raises:
            UnreadableScan: damaged.
        """
        files = [file for file in sorted(self.folder.iterdir()) if file.name.endswith((".nii", ".nii.gz"))]
        return read_nifti_folder(self.folder, files)

    def scan_and_mask(self) -> tuple[Scan, np.ndarray]:
        """The scan and the whole tumor, boolean ``(slice, row, column)``; the files are read once.

        Raises:
            UnreadableScan: damaged, there is no ``seg`` beside the sequences, or it is of another shape.
        """
        scan = self.scan()
        mask = find_mask(scan)
        if mask is None:
            raise UnreadableScan(f"{self.case}: no seg file beside the sequences; use the training cases")
        return scan, mask

    def truth(self) -> GroundTruth:
        """The whole tumor. Every case is a glioma, but a slice without tumor is not.

        Raises:
            UnreadableScan: as :meth:`scan_and_mask`.
        """
        _, mask = self.scan_and_mask()
        return GroundTruth(present=np.asarray(mask.any(axis=(1, 2))), mask=mask)


@dataclass(frozen=True)
class BratsDataset:
    """All cases under a folder, in the order of their names."""

    root: Path
    cases: tuple[BratsCase, ...]
    name: str = "brats"
    classes: tuple[str, ...] = ()
    license: str = LICENSE

    @classmethod
    def open(cls, path: Path) -> BratsDataset:
        """Find the cases at any depth below ``path``.

        Raises:
            BadDataset: there are none.
        """
        if not path.is_dir():
            raise BadDataset(f"{path}: no such folder")
        folders = sorted({file.parent for file in path.rglob("*seg.nii*")}, key=lambda folder: folder.name)
        if not folders:
            raise BadDataset(f"{path}: no CASE/CASE_seg.nii.gz here; unzip BraTS training cases and name their folder")
        return cls(path, tuple(BratsCase(folder) for folder in folders))

    def split(self, seed: int = 0) -> Split:
        """Patients by shares."""
        return Split(self.name, stratified_parts(self._strata(), SHARES, seed))

    def fold(self, test: int, seed: int = 0) -> Split:
        """One of five folds to test, the next to validate, the others to train."""
        return self.folds(5, seed).fold(test)

    def folds(self, count: int = 5, seed: int = 0) -> Split:
        """``count`` equal parts ``fold0 …`` of the patients, alike in year and site."""
        return Split(self.name, equal_folds(self._strata(), count, seed))

    def _strata(self) -> dict[str, tuple[str, ...]]:
        return {case.patient: (case.institution,) for case in self.cases}
