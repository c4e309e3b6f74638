"""BraTS training cases: skull-stripped glioma MRI in four sequences with labels (Menze et al. 2015; Bakas et al. 2017).

Layout: one folder per case, ``CASE/CASE_{t1,t1ce,t2,flair,seg}.nii.gz``, or ``CASE/CASE-{t1n,t1c,t2w,t2f,seg}.nii.gz``
from 2023 on. The whole tumor, every label above zero, is the mask. Cases of some years lack sequences.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import ClassVar

import numpy as np

from tumorscope.core.errors import BadDataset, UnreadableScan
from tumorscope.core.folder_contents import files_below
from tumorscope.core.scan import Scan
from tumorscope.datasets.download import ManualDownload
from tumorscope.datasets.labeled import GroundTruth
from tumorscope.datasets.preview import draw_preview
from tumorscope.datasets.registry import DatasetEntry
from tumorscope.datasets.stratified import StratifiedDataset, require_folder
from tumorscope.datasets.summary import summarize_volumes
from tumorscope.io.channel_merging import read_volume_folder
from tumorscope.io.segmentation_reader import find_mask

SEQUENCES = ("t1", "t1c", "t2", "flair")
_VISIT = re.compile(r"[-_]\d{1,3}$")
"""The number of the examination, at the end of a case's name."""


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
        """Year and site, the first two words of the name: scanners of one site resemble each other."""
        return " ".join(self.patient.replace("-", "_").split("_")[:2])

    def scan(self) -> Scan:
        """The case's sequences on their common grid.

        Raises:
            UnreadableScan: damaged.
        """
        files = [file for file in sorted(self.folder.iterdir()) if file.name.endswith((".nii", ".nii.gz"))]
        return read_volume_folder(self.folder, files)

    def scan_and_mask(self) -> tuple[Scan, np.ndarray]:
        """The scan and the whole tumor, boolean ``(slice, row, column)``; the files are read once.

        Raises:
            UnreadableScan: damaged, there is no ``seg`` beside the sequences, or its shape differs.
        """
        scan = self.scan()
        mask = find_mask(scan)
        if mask is None:
            raise UnreadableScan(f"{self.case}: no seg file beside the sequences; use the training cases")
        return scan, mask

    def missing_sequences(self, scan: Scan) -> list[str]:
        """The sequences that are not among the case's files."""
        return [sequence for sequence in SEQUENCES if sequence not in scan.sequences]

    def truth(self) -> GroundTruth:
        """The whole tumor. Every case is a glioma, but a slice without tumor is not.

        Raises:
            UnreadableScan: as :meth:`scan_and_mask`.
        """
        _, mask = self.scan_and_mask()
        return GroundTruth(present=np.asarray(mask.any(axis=(1, 2))), mask=mask)


@dataclass(frozen=True)
class BratsDataset(StratifiedDataset[BratsCase]):
    """All cases, in the order of their names."""

    name = "brats"
    license = "images and labels: BraTS (research use after registration)"
    sequences: ClassVar = SEQUENCES
    optional_sequences: ClassVar = SEQUENCES
    absence: ClassVar = "missing"

    @classmethod
    def open(cls, path: Path) -> BratsDataset:
        """Find the cases at any depth below ``path``.

        Raises:
            BadDataset: there are none.
        """
        masks = [file for file in files_below(require_folder(path)) if fnmatch(file.name, "*seg.nii*")]
        folders = sorted({file.parent for file in masks}, key=lambda item: item.name)
        if not folders:
            raise BadDataset(f"{path}: no CASE/CASE_seg.nii.gz here; unzip BraTS training cases and name their folder")
        return cls(path, tuple(BratsCase(folder) for folder in folders))

    def strata(self) -> dict[str, tuple[str]]:
        """Year and site of each patient."""
        return {case.patient: (case.institution,) for case in self.cases}


ENTRY = DatasetEntry(
    name=BratsDataset.name,
    title="skull-stripped glioma MRI: T1, T1 with contrast, T2, FLAIR and labels; every label above zero is tumor",
    layout="`CASE/CASE_{t1,t1ce,t2,flair,seg}.nii.gz`, or `CASE/CASE-{t1n,t1c,t2w,t2f,seg}.nii.gz` from 2023 on",
    citation="Menze et al. 2015; Bakas et al. 2017",
    license=BratsDataset.license,
    caveats="some years lack sequences; some TCGA patients may be in `lgg` too",
    limits=("BraTS cases are skull-stripped and few; training took one slice per six millimeters",),
    open=BratsDataset.open,
    summarize=summarize_volumes,
    draw_preview=draw_preview,
    download=ManualDownload(
        "brats: is available to registered users only: register on https://www.synapse.org/brats, accept the terms, "
        "unzip the training cases (CASE/CASE_{t1,t1ce,t2,flair,seg}.nii.gz, or CASE/CASE-{t1n,t1c,t2w,t2f,seg}.nii.gz "
        "from 2023 on) and name the folder with the cases in it"
    ),
)
