"""The table of features, one row per slice."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorscope.core.errors import BadDataset, TumorscopeError
from tumorscope.core.files import save_whole
from tumorscope.core.scan import Scan
from tumorscope.datasets.figshare import FOLDS, FigshareDataset, FigshareSlice
from tumorscope.measurement.radiomics_classifier import model_input, type_features

MaskOf = Callable[[Scan], np.ndarray]
"""Of a scan with one slice, the boolean mask ``(1, row, column)`` or ``(row, column)``."""

_FIXED = ("case", "patient", "type", "fold")
_SAVE_EVERY = 100
_DIGITS = ".9g"


@dataclass(frozen=True)
class Row:
    """One slice.

    Attributes:
        case: the slice's name within its data set.
        patient: what folds keep together.
        tumor_type: the truth.
        fold: the publisher's, from 1.
        features: by name; empty where no tumor was segmented, so that there is nothing to measure.
    """

    case: str
    patient: str
    tumor_type: str
    fold: int
    features: dict[str, float]


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """All slices, in the data set's order."""

    rows: tuple[Row, ...]
    types: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the features, in order."""
        return next((tuple(row.features) for row in self.rows if row.features), ())

    @property
    def measured(self) -> np.ndarray:
        """Boolean ``(row,)``: whether there was a mask to measure."""
        return np.array([bool(row.features) for row in self.rows])

    @property
    def truth(self) -> np.ndarray:
        """Index into ``types``, ``(row,)``."""
        return np.array([self.types.index(row.tumor_type) for row in self.rows])

    @property
    def patients(self) -> np.ndarray:
        """Patient codes, ``(row,)``."""
        return np.array([row.patient for row in self.rows])

    @property
    def folds(self) -> np.ndarray:
        """Folds from 1, ``(row,)``."""
        return np.array([row.fold for row in self.rows])

    def only(self, rows: np.ndarray) -> FeatureTable:
        """Some of the slices, boolean ``(row,)``."""
        return FeatureTable(tuple(row for row, wanted in zip(self.rows, rows, strict=True) if wanted), self.types)

    def values(self) -> np.ndarray:
        """The features of every row, float32 ``(row, feature)``; zeros if nothing was measured."""
        seen = np.zeros((len(self.rows), len(self.names)), np.float32)
        seen[self.measured] = model_input([row.features for row in self.rows if row.features], self.names)
        return seen


def build_table(
    dataset: FigshareDataset,
    cache: Path,
    *,
    bins: int = 32,
    mask_of: MaskOf | None = None,
    progress: Callable[[str], object] = lambda case: None,
) -> FeatureTable:
    """Measure every slice, continuing an interrupted table.

    Args:
        dataset: figshare, with its published folds.
        cache: the CSV file; rewritten after every hundred slices.
        bins: gray levels of the texture.
        mask_of: returns a predicted mask; None for the publisher's masks.
        progress: called with the case's name after measuring it.

    Raises:
        BadDataset: no folds, or a patient in two of them.
        TumorscopeError: the cache is not a table of this data set.
    """
    _check_folds(dataset.cases)
    rows = {row.case: row for row in read_rows(cache)} if cache.exists() else {}
    fresh = 0
    try:
        for case in dataset.cases:
            if case.case not in rows:
                rows[case.case] = _measure(case, bins, mask_of)
                fresh += 1
                if fresh % _SAVE_EVERY == 0:
                    _save(rows.values(), cache)
            progress(case.case)
    finally:
        if fresh:  # also when the user interrupts
            _save(rows.values(), cache)
    known = {case.case: case for case in dataset.cases}
    for row in rows.values():
        case = known.get(row.case)
        if case is None or (case.patient, case.tumor_type, case.fold) != (row.patient, row.tumor_type, row.fold):
            raise TumorscopeError(f"{cache}: row {row.case} is not of this data set; remove the file")
    table = FeatureTable(tuple(rows[case.case] for case in dataset.cases), dataset.classes)
    if not table.measured.any():
        raise TumorscopeError("not one slice has a segmentation to measure; check the masks")
    return table


def read_rows(path: Path) -> list[Row]:
    """The rows of a table's CSV file.

    Raises:
        TumorscopeError: it is not such a file.
    """
    try:
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            columns = list(reader.fieldnames or ())
            names = columns[len(_FIXED) :]
            if tuple(columns[: len(_FIXED)]) != _FIXED:
                raise ValueError("other columns")
            return [
                Row(
                    line["case"],
                    line["patient"],
                    line["type"],
                    int(line["fold"]),
                    {name: float(line[name]) for name in names} if line[names[0]] else {},
                )
                for line in reader
            ]
    except (OSError, KeyError, ValueError, IndexError, TypeError, csv.Error) as error:
        raise TumorscopeError(f"{path}: not a table of features; remove it, and it is made again") from error


def _measure(case: FigshareSlice, bins: int, mask_of: MaskOf | None) -> Row:
    scan = case.scan()
    mask = case.truth().mask if mask_of is None else np.asarray(mask_of(scan)) != 0
    if mask is None or mask.size != scan.voxels[..., 0].size:
        raise TumorscopeError(f"{case.case}: the segmentation does not fit the slice; make it again")
    flat = mask.reshape(scan.shape[1:])
    measured = type_features(scan.voxels[0, ..., 0], flat, bins) if flat.any() else {}
    # To the digits that the file keeps, so that a table that was interrupted is the same to the last bit.
    features = {name: float(f"{value:{_DIGITS}}") for name, value in measured.items()}
    return Row(case.case, case.patient, case.tumor_type, case.fold or 0, features)


def _save(rows: Iterable[Row], path: Path) -> None:
    rows = list(rows)
    names: Sequence[str] = next((tuple(row.features) for row in rows if row.features), ("none",))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*_FIXED, *names))
    for row in rows:
        values = (f"{row.features[name]:{_DIGITS}}" if row.features else "" for name in names)
        writer.writerow((row.case, row.patient, row.tumor_type, row.fold, *values))
    save_whole(path, text.getvalue().encode())


def _check_folds(cases: Sequence[FigshareSlice]) -> None:
    fold_of: dict[str, int] = {}
    for case in cases:
        if case.fold is None:
            raise BadDataset(f"{case.case}: no published fold; download cvind.mat again")
        if fold_of.setdefault(case.patient, case.fold) != case.fold:
            raise BadDataset(f"patient {case.patient} is in two folds; download cvind.mat again")
    if len(set(fold_of.values())) < 2:
        raise BadDataset(f"slices of one fold only; the comparison needs at least two of the {FOLDS}")
