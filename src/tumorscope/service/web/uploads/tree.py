"""The temporary folder of an upload's files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tumorscope.io.checks import label
from tumorscope.service.sent_names import SentName, SentNames
from tumorscope.service.web.api_error import ApiError
from tumorscope.service.web.uploads.limits import Limits
from tumorscope.service.web.uploads.upload_names import file_stem, is_clutter, parts_of, safe_path

LOOSE, FOLDERS, ARCHIVES, UNPACKED = "loose", "folders", "archives", "unpacked"


@dataclass(frozen=True)
class LeftOut:
    """A file, folder or archive that is not part of a study, and the reason."""

    name: str
    reason: str


@dataclass
class UploadTree:
    """Assigns a unique path to every file of an upload and counts the files.

    Files without a folder are in ``loose``, others in ``folders``, archives in ``archives`` and their
    unpacked files in ``unpacked``.

    Attributes:
        root: an empty folder of this upload.
        limits: see :class:`Limits`.
        sent_as: the name under which a file was sent, by path, for messages.
        left_out: files that are not part of any study.
        damaged: an unreadable image by folder.
    """

    root: Path
    limits: Limits
    sent_as: dict[Path, str] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    damaged: dict[Path, Path] = field(default_factory=dict)
    _reported: set[Path] = field(default_factory=set)
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
    def sent_names(self) -> SentNames:
        """What each file was called, and the folder or archive in which it was."""
        return {
            path: SentName(name, "" if path.parent == self.loose else path.parent.name)
            for path, name in self.sent_as.items()
        }

    @property
    def archives(self) -> list[Path]:
        """The archives in their order of arrival."""
        return [path for path in self.sent_as if path.parent == self.root / ARCHIVES]

    def new_path(self, name: str) -> Path | None:
        """Reserve a path for a file with this name and create its folder; None if the file is clutter.

        Raises:
            ApiError: the path is unsafe, or there are too many files.
        """
        parts = parts_of(name)
        self.count_file()
        if is_clutter(parts):
            return None
        if parts[-1].lower().endswith(".zip"):
            return self._reserve(self.root / ARCHIVES / safe_path(parts).name, parts[-1])
        below = self.loose if len(parts) == 1 else self.folders
        return self._reserve(below / safe_path(parts), parts[-1])

    def new_member_path(self, archive: Path, parts: tuple[str, ...]) -> Path:
        """Reserve a path for a member of an archive, below a folder with the archive's name."""
        return self._reserve(self.unpacked / file_stem(archive.name) / safe_path(parts), parts[-1])

    def count_file(self) -> None:
        """Count one more file.

        Raises:
            ApiError: there are too many.
        """
        self._count += 1
        if self._count > self.limits.files:
            raise ApiError(413, f"the upload has more than {self.limits.files:,} files; send fewer at a time")

    def leave_out(self, path: Path, reason: str) -> None:
        """Record that a file is not part of a study; the first reason counts."""
        if path in self._reported:
            return
        self._reported.add(path)
        name = label(self.sent_as.get(path, path.name))
        self.left_out.append(LeftOut(name, reason.removeprefix(f"{label(path)}: ").removeprefix(f"{name}: ")))

    def _reserve(self, path: Path, sent_as: str) -> Path:
        """The path, or a numbered one if it is taken; names are compared without case."""
        stem, unused, number = file_stem(path.name), path, 2
        while str(unused).lower() in self._taken:
            unused, number = path.with_name(f"{stem}-{number}{path.name[len(stem) :]}"), number + 1
        self._taken.add(str(unused).lower())
        unused.parent.mkdir(parents=True, exist_ok=True)
        self.sent_as[unused] = sent_as
        return unused
