"""The folder in which an upload's files come to lie while they arrive."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tumorscope.io.checks import label
from tumorscope.service.web.refusal import ApiError
from tumorscope.service.web.uploads.limits import Limits
from tumorscope.service.web.uploads.names import file_stem, is_clutter, parts_of, safe_path

LOOSE, FOLDERS, ARCHIVES, UNPACKED = "loose", "folders", "archives", "unpacked"


@dataclass(frozen=True)
class LeftOut:
    """A file, folder or archive that became no study, and why."""

    name: str
    reason: str


@dataclass
class UploadTree:
    """Gives every file a place of its own, and counts.

    Files that came without a folder lie under ``loose``, others under ``folders``, archives
    under ``archives`` until they are unpacked under ``unpacked``.

    Attributes:
        root: an empty folder of this upload.
        limits: see :class:`Limits`.
        sent_as: by place, the name under which a file was sent, for messages.
        left_out: what is no part of any study.
        damaged: by folder, a image in it that cannot be one of its slices.
    """

    root: Path
    limits: Limits
    sent_as: dict[Path, str] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    damaged: dict[Path, Path] = field(default_factory=dict)
    _told: set[Path] = field(default_factory=set)
    _taken: set[str] = field(default_factory=set)
    _count: int = 0

    @property
    def loose(self) -> Path:
        return self.root / LOOSE

    @property
    def folders(self) -> Path:
        return self.root / FOLDERS

    @property
    def unpacked(self) -> Path:
        return self.root / UNPACKED

    @property
    def archives(self) -> list[Path]:
        """The archives that came, in the order in which they did."""
        return [path for path in self.sent_as if path.parent == self.root / ARCHIVES]

    def place(self, name: str) -> Path | None:
        """A new path for a file sent under this name; its folder is made. None where it is clutter.

        Raises:
            ApiError: an unsafe path, or too many files.
        """
        parts = parts_of(name)
        self.count_file()
        if is_clutter(parts):
            return None
        if parts[-1].lower().endswith(".zip"):
            return self._reserve(self.root / ARCHIVES / safe_path(parts).name, parts[-1])
        below = self.loose if len(parts) == 1 else self.folders
        return self._reserve(below / safe_path(parts), parts[-1])

    def place_member(self, archive: Path, parts: tuple[str, ...]) -> Path:
        """A new path for a file out of an archive, whose name stands for a folder."""
        return self._reserve(self.unpacked / file_stem(archive.name) / safe_path(parts), parts[-1])

    def count_file(self) -> None:
        """Count one more.

        Raises:
            ApiError: there are too many.
        """
        self._count += 1
        if self._count > self.limits.files:
            raise ApiError(413, f"more than {self.limits.files:,} files; upload fewer at a time")

    def leave_out(self, path: Path, reason: str) -> None:
        """Note that a file became no study; the first reason counts."""
        if path in self._told:
            return
        self._told.add(path)
        name = label(self.sent_as.get(path, path.name))
        self.left_out.append(LeftOut(name, reason.removeprefix(f"{label(path)}: ").removeprefix(f"{name}: ")))

    def _reserve(self, path: Path, sent_as: str) -> Path:
        """The path, or one beside it: two names may become one, also where capitals count for nothing."""
        stem, unused, number = file_stem(path.name), path, 2
        while str(unused).lower() in self._taken:
            unused, number = path.with_name(f"{stem}-{number}{path.name[len(stem) :]}"), number + 1
        self._taken.add(str(unused).lower())
        unused.parent.mkdir(parents=True, exist_ok=True)
        self.sent_as[unused] = sent_as
        return unused
