"""Names and attempts of cases, agreed on by all workers."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tumorscope.core.files import safe_name
from tumorscope.io.dicom.studies import StudyFiles
from tumorscope.io.formats import SUFFIXES
from tumorscope.studies.case import Case
from tumorscope.studies.claims import Claim, Claims, ClaimTable
from tumorscope.studies.sqlite import CLAIM_COLUMNS, SqliteDatabase

_CASES = ClaimTable("cases", "source", ("waiting", "analyzing"), "'waiting'", "'analyzing'")
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
    """Claims on cases, so that one whose process crashes is not started for ever.

    They are kept in memory by one process: after an interruption by the user, which is not a crash, all counts are zero.
    """

    def __init__(self) -> None:
        self._base = SqliteDatabase(":memory:")
        self._base.execute(
            f"CREATE TABLE cases (source TEXT PRIMARY KEY, state TEXT DEFAULT 'waiting', {CLAIM_COLUMNS})"
        )
        # Without a lease: a case is begun again only after its process has ended.
        self._claims = Claims(_CASES, self._base.transaction, MOST_ATTEMPTS)

    def begin(self, source: str) -> Claim | None:
        """Claim a case; None if it crashed too often before."""
        with self._base.transaction() as base:
            base.execute("INSERT OR IGNORE INTO cases (source) VALUES (:source)", source=source)
            return self._claims.claim_within(base, source, "actor")

    def end(self, claim: Claim) -> None:
        """Note that the case is finished, with results or a failure."""
        self._claims.seal(claim, "done")


class RemoteAttempts:
    """The attempts of all machines of a Ray cluster, in an actor that does not count as one of the workers."""

    def __init__(self) -> None:
        import ray

        self._actor: Any = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Attempts).remote()

    def begin(self, source: str) -> Claim | None:
        """As :meth:`Attempts.begin`."""
        import ray

        return ray.get(self._actor.begin.remote(source))

    def end(self, claim: Claim) -> None:
        """As :meth:`Attempts.end`."""
        import ray

        ray.get(self._actor.end.remote(claim))


def _expected_name(case: Case) -> str:
    """The name that the case will have after reading, unless a code replaces a patient's name."""
    if case.path is None or isinstance(case.path, StudyFiles):
        return case.named(case.label).lower()
    name = case.path.resolve().name.removesuffix(".gz")
    stem = Path(name).stem if name.lower().endswith(SUFFIXES) else name
    return safe_name(case.named(stem)).lower()


def _digest(source: str) -> str:
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
