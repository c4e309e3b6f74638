"""The table of a batch: a row for each case as soon as it is done, then totals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import Progress

from tumorscope.core.notice import NOTICE

_WIDEST_NAME = 40
_COLUMNS = (("tumor", 11), ("probability", 11), ("lesions", 7), ("size", 12))


@dataclass(frozen=True)
class Row:
    """The printed values of a case.

    Attributes:
        case: its name.
        state: ``present``, ``none found``, ``not assessed`` or ``failed``.
        cells: probability, number of lesions and size; empty where the case failed.
        more: cells of optional columns: Dice, bundle, type.
        failure: why there are no results, in one line.
        notes: what a reader of the findings should know; printed for a single case.
    """

    case: str
    state: str
    cells: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    failure: str | None = None
    notes: tuple[str, ...] = ()


@contextmanager
def aside(progress: Progress) -> Iterator[None]:
    """Pause a progress bar while rows are printed, as both may go to one terminal."""
    progress.stop()
    try:
        yield
    finally:
        progress.start()


class FindingsTable:
    """Prints rows one by one, in columns of fixed widths.

    Args:
        cases: the cases' provisional names, for the width of the first column.
        more: titles of optional columns.
    """

    def __init__(self, cases: Iterable[str], more: tuple[str, ...] = ()) -> None:
        names = list(cases)
        self._total = len(names)
        self._width = min(max(map(len, names), default=0), _WIDEST_NAME)
        self._more = more
        self._states: Counter[str] = Counter()
        self._console = Console(highlight=False)

    @property
    def failures(self) -> int:
        """How many cases have no results."""
        return self._states["failed"]

    def add(self, row: Row) -> None:
        """Print a case, and in a batch the reason of a failure below it."""
        if not self._states:
            self._print(self._line("case", [title for title, _width in _COLUMNS], self._more), "bold")
        self._states[row.state] += 1
        self._print(self._line(row.case, [row.state, *row.cells], row.more), "red" if row.failure else None)
        if row.failure and self._total > 1:
            self._print(f"failed: {row.failure}", "red")
        for note in row.notes if self._total == 1 else ():
            self._print(f"note: {note}", "dim")

    def close(self, results: str, interrupted: bool = False) -> None:
        """Print totals and the folder of the results.

        Args:
            results: the folder, in words.
            interrupted: whether the user stopped the run.
        """
        done = self._states.total()
        if self._total > 1 or interrupted:
            parts = ", ".join(f"{count} {state}" for state, count in sorted(self._states.items()))
            prefix = "interrupted after " if interrupted else ""
            self._print(f"{prefix}{done} of {self._total} cases{': ' if parts else ''}{parts}")
        if done > self.failures:
            self._print(f"Results are in {results}")
        self._print(NOTICE, "dim")

    def _line(self, case: str, cells: Iterable[str], more: Iterable[str]) -> str:
        shown = [case.ljust(self._width)]
        shown += [cell.ljust(width) for cell, (_title, width) in zip(cells, _COLUMNS, strict=False)]
        return " ".join([*shown, *(cell.ljust(7) for cell in more)]).rstrip()

    def _print(self, line: str, style: str | None = None) -> None:
        self._console.print(line, style=style, markup=False, soft_wrap=True)
