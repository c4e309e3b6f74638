"""Options and folder contents that :func:`tumorscope.io.open_scan` passes to readers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tumorscope.core.errors import UnreadableScan
from tumorscope.io.spacing import Spacing

OnFiles = Callable[[int, int], None]
"""Called now and then while DICOM headers are read: how many files are done, and how many there are."""


@dataclass(frozen=True)
class ReadOptions:
    """How a scan is read.

    Attributes:
        channels: the sequence of each channel, where a file holds several.
        register: rigidly co-register a study's series.
        spacing_mm: column, row and slice spacing, for files that do not state it.
        stated: sequence by file name, or by description, number or UID of a DICOM series, where the user says so;
            ``unknown`` leaves a file out.
        needed: the sequences that must not be left out; None for all.
        on_files: reports progress.
    """

    channels: Sequence[str] | None = None
    register: bool = False
    spacing_mm: Spacing | None = None
    stated: Mapping[str, str] = field(default_factory=dict)
    needed: Collection[str] | None = None
    on_files: OnFiles | None = None

    def requires(self, sequence: str) -> bool:
        """Whether a case without this sequence must fail rather than go on."""
        return self.needed is None or sequence in self.needed


@dataclass(frozen=True)
class FolderContents:
    """The files in a folder.

    Attributes:
        files: those of the format that is read, sorted by name.
        others: how many files are of other formats, or of none.
        refused: files of no known format, and why.
    """

    files: list[Path]
    others: int
    refused: list[tuple[Path, UnreadableScan]]
