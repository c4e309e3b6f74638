"""Lists of cases to leave out of the training, as publishers of test sets give them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tumorscope.core.errors import TumorscopeError
from tumorscope.datasets.combined import CombinedCase
from tumorscope.datasets.labeled import LabeledDataset
from tumorscope.datasets.registry import DATASET_NAMES
from tumorscope.io.checks import printable


def read_leave_out_lists(files: Sequence[Path], dataset: LabeledDataset) -> dict[str, str]:
    """The cases in the files' lists, each with the file that lists it.

    A file is a JSON object with a list for each data set: ``{"kaggle4": ["Testing/glioma/x.jpg"], "figshare": [17]}``.
    A list names cases, or patients (for Br35H, groups of copies) for all their cases. Empty lists and lists of data
    sets that the training does not use are skipped.

    Args:
        files: to read.
        dataset: the training's data set, one or several combined.

    Returns:
        By the case's name in ``dataset``, a reason for ``left_out.csv``.

    Raises:
        TumorscopeError: a file is not such an object, or names a data set or a case that does not exist.
    """
    return {case: reason for file in files for case, reason in _read(file, dataset).items()}


def _read(file: Path, dataset: LabeledDataset) -> dict[str, str]:
    cases = _cases_by_dataset(dataset)
    left_out: dict[str, str] = {}
    for name, listed in _load(file).items():
        if not listed:
            continue
        if name not in DATASET_NAMES:
            raise TumorscopeError(
                f"--leave-out {file}: no data set {printable(name)}; there are {', '.join(DATASET_NAMES)}"
            )
        if name not in cases:
            continue
        known = cases[name]
        unknown = sorted(set(listed) - known.keys())
        if unknown:
            more = f" and {len(unknown) - 1:,} more" if len(unknown) > 1 else ""
            raise TumorscopeError(f"--leave-out {file}: {name} has no case {printable(unknown[0])}{more}")
        left_out |= {case: f"listed in {file.name}" for item in listed for case in known[item]}
    return left_out


def _load(file: Path) -> dict[str, list[str]]:
    try:
        content = json.loads(file.read_text())
    except OSError as error:
        raise TumorscopeError(f"--leave-out {file}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise TumorscopeError(f"--leave-out {file}: not JSON") from error
    if not isinstance(content, dict) or not all(_is_list_of_names(listed) for listed in content.values()):
        raise TumorscopeError(f"--leave-out {file}: not a JSON object with a list of case names for each data set")
    return {str(name): [str(item) for item in listed] for name, listed in content.items()}


def _is_list_of_names(listed: object) -> bool:
    return isinstance(listed, list) and all(isinstance(item, str) or type(item) is int for item in listed)


def _cases_by_dataset(dataset: LabeledDataset) -> dict[str, dict[str, list[str]]]:
    """For each data set and each of its cases and patients, the names of the cases in the combined data set."""
    names: dict[str, dict[str, list[str]]] = {}
    for case in dataset.cases:
        name, own = (case.dataset, case.inner) if isinstance(case, CombinedCase) else (dataset.name, case)
        for key in {own.case, own.patient}:
            names.setdefault(name, {}).setdefault(key, []).append(case.case)
    return names
