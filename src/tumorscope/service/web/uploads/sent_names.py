"""What an upload states by the names of its files and folders, by the names that reach the reader.

Names become safe before they reach the disk: of ``MPRAGE+C`` the plus is lost. Folders are not kept at all, since the
files of a case are in one.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.files import safe_name
from tumorscope.io.checks import printable
from tumorscope.io.dicom.file_reader import read_series_uid
from tumorscope.io.discovery import is_dicom
from tumorscope.io.formats import IMAGE_SUFFIXES, VOLUME_SUFFIXES, stem
from tumorscope.io.reading_choices import ReadingChoices
from tumorscope.io.sequences import names_it, recognize_sequence, stated_sequence
from tumorscope.io.stated_names import unknown_series
from tumorscope.service.web.api_error import ApiError
from tumorscope.service.web.uploads.tree import UploadTree


def by_sent_names(reading: ReadingChoices, tree: UploadTree) -> ReadingChoices:
    """The choices with the sequences that are stated by sent names alone, and by folders."""
    sequences = dict(reading.sequences)
    for path, sent in tree.sent_as.items():
        if path.name.lower().endswith((*VOLUME_SUFFIXES, *IMAGE_SUFFIXES)):
            told = stated_sequence(Path(sent), reading.sequences) or recognize_sequence(stem(Path(sent)))
            if told != recognize_sequence(stem(path)):
                sequences[path.name] = told
        of_folder = next((told for name, told in reading.sequences.items() if _names_folder(name, path)), None)
        if of_folder is not None and (name := _name_without_folder(path)) is not None:
            sequences.setdefault(name, of_folder)
    return replace(reading, sequences=sequences)


def check_sent_names(stated: Mapping[str, str], tree: UploadTree) -> None:
    """Check that each name is that of a file, a folder or a DICOM series of the upload.

    Args:
        stated: sequence by name, as the client states it.
        tree: with the files where they were received; readable ones only.

    Raises:
        ApiError: nothing is called so: a misspelled name would have no effect.
    """
    files = {name.lower() for path, sent in tree.sent_as.items() for name in (sent, path.name)}
    missing = [
        name
        for name in stated
        if not names_it(name, files) and not any(_names_folder(name, path) for path in tree.sent_as)
    ]
    if missing:
        missing = unknown_series([path for path in tree.sent_as if is_dicom(path)], missing)
    if missing:
        shown = printable(missing[0][:60])
        raise ApiError(422, f"sequences: no file, folder or DICOM series of the upload is named {shown!r}; check it")


def _names_folder(name: str, path: Path) -> bool:
    """Whether a stated name is that of a file's folder, which has a safe name."""
    return safe_name(Path(name).name).lower() == path.parent.name.lower()


def _name_without_folder(path: Path) -> str | None:
    """By what a reader recognizes an image's series once its folder is lost; None for volumes, which have names."""
    if is_dicom(path):
        with suppress(UnreadableScan):  # its reader reports that later
            return read_series_uid(path) or path.name
    return path.name if path.suffix.lower() in IMAGE_SUFFIXES else None
