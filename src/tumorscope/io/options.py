"""Options and folder contents that :func:`tumorscope.io.open_scan` passes to readers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tumorscope.core.errors import UnreadableScan

OnFiles = Callable[[int, int], None]
"""Called now and then while DICOM headers are read: how many files are done, and how many there are."""


@dataclass(frozen=True)
class ReadOptions:
    """How a scan is read.

    Attributes:
        channels: the sequence of each channel, where a file holds several.
        register: rigidly co-register a study's series.
        on_files: reports progress.
    """

    channels: Sequence[str] | None = None
    register: bool = False
    on_files: OnFiles | None = None


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
