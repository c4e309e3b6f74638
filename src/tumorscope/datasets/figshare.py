"""The brain tumor data set of Jun Cheng on figshare: 3,064 contrast-enhanced T1 slices of 233 patients.

Cheng et al. 2015 and 2016. One ``N.mat`` per slice with its type and mask, and ``cvind.mat``
with the publisher's five folds; no patient code is in two folds. Every slice shows a tumor.

A person may have several codes: 18 numbers occur with different closing letters (``MR040240``,
``MR040240B`` …), and 16 of the 18 are in more than one fold. The slices of two of these numbers, compared by eye,
show the same head and tumor in another examination. The test folds here are the published ones, so that metrics are
comparable with the literature, but a person in the test fold is not trained on under another code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy as np

from tumorscope.core.errors import BadDataset, UnreadableScan
from tumorscope.core.folder_contents import files_below
from tumorscope.core.scan import Scan
from tumorscope.datasets.class_preview import draw_class_preview
from tumorscope.datasets.labeled import GroundTruth
from tumorscope.datasets.registry import DatasetEntry, DatasetReport, Progress
from tumorscope.datasets.split import Split, stratified_parts
from tumorscope.datasets.stratified import require_folder
from tumorscope.io.checks import checked
from tumorscope.io.matlab import TUMOR_TYPES, read_cjdata, read_label, read_matlab

ARTICLE = "https://figshare.com/articles/dataset/brain_tumor_dataset/1512427"
FOLDS_FILE = "cvind.mat"
FOLDS = 5
TYPES = ("glioma", "meningioma", "pituitary")
_LATER = re.compile(r"^(MR\d+)[A-Z]$")
VALIDATION_SHARE = 0.12
"""Of the patients outside the test fold: enough to select an epoch and a threshold."""


def person_of(patient: str) -> str:
    """The person behind a patient code.

    >>> person_of("MR040240B"), person_of("MR040240"), person_of("100360")
    ('MR040240', 'MR040240', '100360')
    """
    return _LATER.sub(r"\1", patient)


@dataclass(frozen=True)
class FigshareSlice:
    """One ``N.mat``.

    Attributes:
        path: the file.
        patient: the publisher's patient code.
        tumor_type: one of :data:`TYPES`.
        fold: the publisher's fold, 1 to 5; None without ``cvind.mat``.
    """

    path: Path
    patient: str
    tumor_type: str
    fold: int | None
    plane: ClassVar = ""
    has_mask: ClassVar = True

    @property
    def case(self) -> str:
        """The file's number."""
        return self.path.stem

    @property
    def person(self) -> str:
        """See :func:`person_of`."""
        return person_of(self.patient)

    @property
    def label(self) -> str:
        """The tumor type."""
        return self.tumor_type

    @property
    def part(self) -> str:
        """``fold 0`` to ``fold 4``; empty without ``cvind.mat``."""
        return "" if self.fold is None else f"fold {self.fold - 1}"

    @property
    def caption(self) -> str:
        """``100360 · slice 17``."""
        return f"{self.patient} · slice {self.case}"

    def scan(self) -> Scan:
        """The slice.

        Raises:
            UnreadableScan: damaged, or without contrast.
        """
        return checked(read_matlab(self.path))

    def truth(self) -> GroundTruth:
        """Type and mask."""
        return GroundTruth(
            present=np.ones(1, bool), mask=read_cjdata(self.path).mask[None], tumor_class=self.tumor_type
        )


@dataclass(frozen=True)
class FigshareDataset:
    """All slices under a folder, in the order of their numbers."""

    root: Path
    cases: tuple[FigshareSlice, ...]
    unreadable: dict[str, str]
    name: str = "figshare"
    classes: tuple[str, ...] = TYPES
    license: str = "images and masks: Jun Cheng, figshare 1512427 (CC BY 4.0)"

    @classmethod
    def open(cls, path: Path) -> FigshareDataset:
        """Find the slices in ``path`` or in the folders that the publisher's archives unpack to.

        Labels and patients are read here, images on access. Damaged files are left out
        and named in ``unreadable``.

        Raises:
            BadDataset: there are none, one is there twice, or ``cvind.mat`` is damaged.
        """
        present = files_below(require_folder(path))
        files = (file for file in present if file.suffix == ".mat" and file.stem.isdecimal())
        files = sorted(files, key=lambda file: int(file.stem))
        if not files:
            raise BadDataset(f"{path}: no N.mat here; unzip the figshare data set and name its folder")
        for first, second in pairwise(files):
            if first.stem == second.stem:
                names = " and ".join(file.relative_to(path).as_posix() for file in (first, second))
                raise BadDataset(f"{path}: one slice is there twice, {names}; remove one of them")
        folds = _published_folds(present) or {}
        cases, unreadable = [], {}
        for file in files:
            try:
                number, patient = read_label(file)
            except UnreadableScan as error:
                unreadable[file.name] = str(error)
                continue
            cases.append(FigshareSlice(file, patient, TUMOR_TYPES[number], folds.get(int(file.stem))))
        if not cases:
            raise BadDataset(f"{path}: not one slice can be read; the first: {next(iter(unreadable.values()))}")
        return cls(path, tuple(cases), unreadable)

    @cached_property
    def _type_of(self) -> dict[str, str]:
        """The type of each patient, which is the same for all slices of a patient."""
        return {case.patient: case.tumor_type for case in self.cases}

    def split(self, seed: int = 0) -> Split:
        """The publisher's last fold to test, the others to train and validate."""
        return self.fold(FOLDS - 1, seed)

    def fold(self, test: int, seed: int = 0) -> Split:
        """Test on the publisher's fold ``test + 1``; validate on some patients of the others, stratified by type.

        A person in the test fold is neither trained on nor validated on under another code.

        Raises:
            BadDataset: ``cvind.mat`` is missing or does not fit, or there is no such fold.
        """
        published = self.folds()
        if f"fold{test}" not in published.parts:
            raise BadDataset(f"{self.root}: no fold {test}; the published folds are 0 to {FOLDS - 1}")
        tested = published[f"fold{test}"]
        known = {person_of(patient) for patient in tested}
        codes: dict[str, list[str]] = {}
        for patient in self._type_of:
            if person_of(patient) not in known:
                codes.setdefault(person_of(patient), []).append(patient)
        strata = {person: (self._type_of[patients[0]],) for person, patients in codes.items()}
        parts = stratified_parts(strata, {"train": 1 - VALIDATION_SHARE, "validation": VALIDATION_SHARE}, seed)
        others = {part: tuple(code for person in persons for code in codes[person]) for part, persons in parts.items()}
        return Split(self.name, {**others, "test": tested})

    def folds(self, count: int = FOLDS, seed: int = 0) -> Split:
        """The published folds as ``fold0 …``; no patient code is in two, and ``seed`` has no effect.

        Raises:
            BadDataset: ``cvind.mat`` is missing or does not fit, or ``count`` is not five.
        """
        if count != FOLDS:
            raise BadDataset(f"{self.root}: {count} folds are not published, only {FOLDS}")
        fold_of: dict[str, int] = {}
        for case in self.cases:
            if case.fold is None and all(other.fold is None for other in self.cases):
                raise BadDataset(f"{self.root}: no {FOLDS_FILE}, which holds the published folds; download it again")
            if case.fold is None:
                raise BadDataset(f"{self.root}: {FOLDS_FILE} ends before slice {case.case}; download it again")
            if fold_of.setdefault(case.patient, case.fold) != case.fold:
                raise BadDataset(
                    f"{self.root}: {FOLDS_FILE} puts patient {case.patient} in two folds, so that it belongs to "
                    "other slices; download it again"
                )
        folds: dict[int, list[str]] = {fold: [] for fold in range(1, FOLDS + 1)}
        for patient, fold in fold_of.items():
            folds[fold].append(patient)
        return Split(self.name, {f"fold{fold - 1}": tuple(sorted(names)) for fold, names in folds.items()})


def _published_folds(present: Sequence[Path]) -> dict[int, int] | None:
    """The fold of each file number, or None without ``cvind.mat``."""
    import h5py

    files = [file for file in present if file.name == FOLDS_FILE]
    if not files:
        return None
    try:
        with h5py.File(files[0], "r") as file:
            numbers = np.asarray(file["cvind"], float).ravel()
    except Exception as error:  # HDF5 raises OSError, KeyError, RuntimeError, TypeError, ValueError on damaged files
        raise BadDataset(f"{FOLDS_FILE}: damaged, or holds no cvind; download it again") from error
    if not numbers.size or not np.isin(numbers, range(1, FOLDS + 1)).all():
        raise BadDataset(f"{FOLDS_FILE}: folds other than 1 to {FOLDS}; download it again")
    return dict(enumerate(numbers.astype(int).tolist(), start=1))


def _summarize(dataset: FigshareDataset, on_case: Callable[[str], object]) -> DatasetReport:
    from tumorscope.datasets.figshare_summary import summarize_figshare

    return summarize_figshare(dataset, on_case)


def _download(destination: Path | None, progress: Progress) -> Path:
    from tumorscope.datasets.figshare_download import download_figshare

    return download_figshare(destination or Path(FigshareDataset.name), progress)


ENTRY = DatasetEntry(
    name=FigshareDataset.name,
    title="3,064 T1 slices with contrast of 233 patients, axial, coronal, sagittal; type and mask",
    layout="`N.mat`, `cvind.mat`",
    citation="Cheng et al. 2015",
    license=FigshareDataset.license,
    caveats="every slice shows a tumor; one person may have several patient codes",
    limits=(
        "types are told apart among glioma, meningioma and pituitary tumor only: a metastasis, an abscess or a "
        "lymphoma is given one of these names",
        "trained on T1-weighted contrast-enhanced slices of one collection, chosen by their publisher to show a tumor",
    ),
    published_split="five folds of patients",
    open=FigshareDataset.open,
    summarize=_summarize,
    draw_preview=draw_class_preview,
    download=_download,
)
