"""What a user states by the names of files and folders as they were sent, by the names that reach the reader.

Names become safe before they reach the disk: of ``MPRAGE+C`` the plus is lost. Folders are not kept at all, since the
files of a case are in one. What they were called is kept beside a study's files, so that a retry can name them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.files import safe_name
from tumorscope.io.dicom.file_reader import read_series_uid
from tumorscope.io.discovery import is_dicom
from tumorscope.io.formats import IMAGE_SUFFIXES, VOLUME_SUFFIXES, stem
from tumorscope.io.reading_choices import ReadingChoices
from tumorscope.io.sequences import names_it, recognize_sequence, stated_sequence
from tumorscope.io.stated_names import unknown_series


class SentName(NamedTuple):
    """What a file was called when it was sent.

    Attributes:
        name: of the file.
        folder: the safe name of its folder or archive; empty where it was in none.
    """

    name: str
    folder: str = ""


SentNames = Mapping[Path, SentName]
"""By the paths where the files are now."""


def by_sent_names(reading: ReadingChoices, sent: SentNames) -> ReadingChoices:
    """The choices with the sequences that are stated by sent names alone, and by folders."""
    sequences = dict(reading.sequences)
    for path, (name, folder) in sent.items():
        if name != path.name and path.name.lower().endswith((*VOLUME_SUFFIXES, *IMAGE_SUFFIXES)):
            told = stated_sequence(Path(name), reading.sequences) or recognize_sequence(stem(Path(name)))
            if told != recognize_sequence(stem(path)):
                sequences[path.name] = told
        of_folder = next((told for stated, told in reading.sequences.items() if _names_folder(stated, folder)), None)
        if of_folder is not None and (known_as := _name_without_folder(path)) is not None:
            sequences.setdefault(known_as, of_folder)
    return replace(reading, sequences=sequences)


def unknown_sent_names(names: Iterable[str], sent: SentNames) -> list[str]:
    """The names that no file, folder or DICOM series has.

    Args:
        names: as the user states them.
        sent: of readable files; headers are read only for names that no file or folder has.
    """
    files = {each.lower() for path, (name, _folder) in sent.items() for each in (name, path.name)}
    folders = {folder for _name, folder in sent.values()}
    unknown = [
        name for name in names if not names_it(name, files) and not any(_names_folder(name, each) for each in folders)
    ]
    return unknown_series([path for path in sent if is_dicom(path)], unknown) if unknown else []


def _names_folder(name: str, folder: str) -> bool:
    """Whether a stated name is that of a folder, whose name is safe."""
    return folder != "" and safe_name(Path(name).name).lower() == folder.lower()


def _name_without_folder(path: Path) -> str | None:
    """By what a reader recognizes an image's series once its folder is lost; None for volumes, which have names."""
    if is_dicom(path):
        with suppress(UnreadableScan):  # its reader reports that later
            return read_series_uid(path) or path.name
    return path.name if path.suffix.lower() in IMAGE_SUFFIXES else None
