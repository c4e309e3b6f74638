"""The table of a batch: a row for each case as soon as it is done, and what all of them come to."""

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
    """What is printed of a case.

    Attributes:
        case: its name.
        state: ``present``, ``none found``, ``not assessed`` or ``failed``.
        cells: probability, number of lesions and size; empty where the case failed.
        more: what only some bundles or data give: Dice, type.
        failure: the line that says why there are no results.
        notes: what a reader of the findings should know; printed where there is only this case.
    """

    case: str
    state: str
    cells: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    failure: str | None = None
    notes: tuple[str, ...] = ()


@contextmanager
def aside(progress: Progress) -> Iterator[None]:
    """While rows are printed, on what may be the same terminal as the progress."""
    progress.stop()
    try:
        yield
    finally:
        progress.start()


class FindingsTable:
    """Prints rows as they come, in columns whose widths are known before the first one.

    Args:
        cases: how the cases may be called, for the width of the first column.
        more: the titles of further columns.
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
        """Print a case; a failure's line follows it, where there are others that it could be taken for."""
        if not self._states:
            self._say(self._line("case", [title for title, _width in _COLUMNS], self._more), "bold")
        self._states[row.state] += 1
        self._say(self._line(row.case, [row.state, *row.cells], row.more), "red" if row.failure else None)
        if row.failure and self._total > 1:
            self._say(f"failed: {row.failure}", "red")
        for note in row.notes if self._total == 1 else ():
            self._say(f"note: {note}", "dim")

    def close(self, results: str, interrupted: bool = False) -> None:
        """Print what the cases come to, and where their results are.

        Args:
            results: the folder, in words.
            interrupted: whether some were not begun or not ended.
        """
        done = self._states.total()
        if self._total > 1 or interrupted:
            parts = ", ".join(f"{count} {state}" for state, count in sorted(self._states.items()))
            how = "interrupted after " if interrupted else ""
            self._say(f"{how}{done} of {self._total} cases{': ' if parts else ''}{parts}")
        if done > self.failures:
            self._say(f"Results are in {results}")
        self._say(NOTICE, "dim")

    def _line(self, case: str, cells: Iterable[str], more: Iterable[str]) -> str:
        shown = [case.ljust(self._width)]
        shown += [cell.ljust(width) for cell, (_title, width) in zip(cells, _COLUMNS, strict=False)]
        return " ".join([*shown, *(cell.ljust(7) for cell in more)]).rstrip()

    def _say(self, line: str, style: str | None = None) -> None:
        self._console.print(line, style=style, markup=False, soft_wrap=True)
