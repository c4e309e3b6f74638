"""Names and attempts of cases, agreed on by all workers through a shared folder."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tumorscope.core.files import safe_name
from tumorscope.io.dicom.studies import StudyFiles
from tumorscope.io.formats import SUFFIXES
from tumorscope.studies.case import Case

MOST_ATTEMPTS = 2
"""A case whose process crashed this often is not started again."""


def occurrence_indices(cases: Sequence[Case]) -> list[int]:
    """For each case, the ordinal among the cases of its name, from one.

    >>> occurrence_indices([Case(Path("a/series1")), Case(Path("b/series1")), Case(Path("b/Series1.nii.gz")), Case(Path("c/x"))])
    [1, 2, 3, 1]
    """
    seen: Counter[str] = Counter()
    indices = []
    for case in cases:
        name = _expected_name(case)
        seen[name] += 1
        indices.append(seen[name])
    return indices


class NameRegistry:
    """The names of case folders, each claimed permanently by one case.

    Args:
        folder: with one file per claim.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def claim(self, name: str, source: str, occurrence_index: int) -> str:
        """The name, with a number where another case has it; always the same for one source.

        Args:
            name: a safe name.
            source: identifies the case.
            occurrence_index: the first number to try, so that names do not depend on the order of workers.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        owner, number = _digest(source), occurrence_index
        while True:
            wanted = name if number == 1 else f"{name}-{number}"
            path = self.folder / wanted.lower()
            try:
                with path.open("x") as file:
                    file.write(owner)
            except FileExistsError:
                if path.read_text() != owner:
                    number += 1
                    continue
            return wanted


class Attempts:
    """Counts how often a case was started and not finished, as when its process crashed.

    Args:
        folder: with one file per case in progress.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self, source: str) -> bool:
        """Note that the case is started; false where it crashed too often before."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / _digest(source)
        before = len(path.read_bytes()) if path.exists() else 0
        if before >= MOST_ATTEMPTS:
            return False
        path.write_bytes(b"." * (before + 1))
        return True

    def end(self, source: str) -> None:
        """Note that the case is finished, with results or a failure."""
        (self.folder / _digest(source)).unlink(missing_ok=True)

    def reset(self) -> None:
        """Reset all counts: an interruption by the user is not a crash."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _expected_name(case: Case) -> str:
    """The name that the case will have after reading, unless a code replaces a patient's name."""
    if case.path is None or isinstance(case.path, StudyFiles):
        return case.label.lower()
    name = case.path.resolve().name.removesuffix(".gz")
    stem = Path(name).stem if name.lower().endswith(SUFFIXES) else name
    return safe_name(stem).lower()


def _digest(source: str) -> str:
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
