"""Which name a case gets and how often it was begun, agreed on through a folder that all workers see."""

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
"""A case whose process ended this often is not begun again."""


def turns(cases: Sequence[Case]) -> list[int]:
    """For each case, the how-manieth of its name it is, from one.

    >>> turns([Case(Path("a/series1")), Case(Path("b/series1")), Case(Path("b/Series1.nii.gz")), Case(Path("c/x"))])
    [1, 2, 3, 1]
    """
    seen: Counter[str] = Counter()
    found = []
    for case in cases:
        name = _likely_name(case)
        seen[name] += 1
        found.append(seen[name])
    return found


class Names:
    """The folders' names, each claimed by one case for good.

    Args:
        folder: for the claims.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def claim(self, name: str, source: str, turn: int) -> str:
        """The name, with a number where another case has it; the same again for the same source.

        Args:
            name: safe.
            source: whose it is to be.
            turn: the first number to try, so that names do not depend on which worker is faster.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        owner = _digest(source)
        while True:
            wanted = name if turn == 1 else f"{name}-{turn}"
            path = self.folder / wanted.lower()
            try:
                with path.open("x") as file:
                    file.write(owner)
            except FileExistsError:
                if path.read_text() != owner:
                    turn += 1
                    continue
            return wanted


class Attempts:
    """Counts how often a case was begun and never ended, as when its process crashed or was killed.

    Args:
        folder: holds a file for each case in work.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self, source: str) -> bool:
        """Note that the case is begun; false where that ended badly too often."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / _digest(source)
        before = len(path.read_bytes()) if path.exists() else 0
        if before >= MOST_ATTEMPTS:
            return False
        path.write_bytes(b"." * (before + 1))
        return True

    def end(self, source: str) -> None:
        """Note that the case has ended, well or with a reason."""
        (self.folder / _digest(source)).unlink(missing_ok=True)

    def forget(self) -> None:
        """Begin anew: what a person interrupted is no crash."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _likely_name(case: Case) -> str:
    """What the case will be called once it has been read, but for codes in a patient's name's place."""
    if case.path is None or isinstance(case.path, StudyFiles):
        return case.label.lower()
    name = case.path.resolve().name.removesuffix(".gz")
    stem = Path(name).stem if name.lower().endswith(SUFFIXES) else name
    return safe_name(stem).lower()


def _digest(source: str) -> str:
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
