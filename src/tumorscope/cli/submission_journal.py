"""What `submit` sent where: a small file in OUT, so that the same command goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tumorscope.client.uploads import Outgoing
from tumorscope.core.errors import TumorscopeError
from tumorscope.core.files import safe_name, save_whole

NAME = "submitted.json"
_SCHEMA = "tumorscope.submitted/1"


@dataclass
class Entry:
    """One upload.

    Attributes:
        key: the upload's name at the service, kept before a byte is sent: where the response was lost, the
            service knows by it what it has taken.
        studies: ids, once they are known.
        folders: of a study's results below OUT, by id.
        fetched: which revision lies there, by id.
    """

    key: str
    studies: list[str] = field(default_factory=list)
    folders: dict[str, str] = field(default_factory=dict)
    fetched: dict[str, int] = field(default_factory=dict)


class Journal:
    """The uploads of a folder of results, saved whole at every step."""

    def __init__(self, out: Path) -> None:
        self._path = out / NAME
        self.entries: dict[str, Entry] = {}
        if self._path.exists():
            self.entries = self._read()

    def entry(self, stamp: str) -> Entry:
        """The upload with this stamp; a new one is saved at once."""
        if stamp not in self.entries:
            self.entries[stamp] = Entry(secrets.token_urlsafe(18))
            self.save()
        return self.entries[stamp]

    def forget(self, entry: Entry) -> None:
        """What the service has no more is sent anew next time."""
        self.entries = {stamp: each for stamp, each in self.entries.items() if each is not entry}
        self.save()

    def folder(self, entry: Entry, study: str, name: str) -> str:
        """The folder for a study's results: its name, numbered where another study has it."""
        if study not in entry.folders:
            taken = {folder.lower() for each in self.entries.values() for folder in each.folders.values()}
            unused, number = safe_name(name), 2
            while unused.lower() in taken:
                unused, number = f"{safe_name(name)}-{number}", number + 1
            entry.folders[study] = unused
        return entry.folders[study]

    def save(self) -> None:
        """Write it whole.

        Raises:
            TumorscopeError: the disk is full, there is no permission and the like.
        """
        content = {"schema": _SCHEMA, "uploads": {stamp: vars(each) for stamp, each in self.entries.items()}}
        save_whole(self._path, json.dumps(content, indent=1).encode())

    def _read(self) -> dict[str, Entry]:
        try:
            content: Any = json.loads(self._path.read_bytes())
            if content["schema"] != _SCHEMA:
                raise ValueError(content["schema"])
            return {stamp: Entry(**fields) for stamp, fields in content["uploads"].items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise TumorscopeError(
                f"{self._path}: is not what submit writes there; remove it (everything is then sent anew), "
                "or choose another folder with -o"
            ) from error


def stamp_of(address: str, bundle: str, files: Sequence[Outgoing]) -> str:
    """The same for the same files, unchanged, sent to the same service; tells nothing about them.

    Raises:
        TumorscopeError: a file is not there any more.
    """
    digest = hashlib.sha256(f"{address}\n{bundle}\n".encode())
    for file in files:
        try:
            status = file.path.stat()
        except OSError as error:
            raise TumorscopeError(f"{file.path}: cannot be read ({(error.strerror or 'unknown').lower()})") from error
        digest.update(os.fsencode(file.path.resolve()) + f"\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]
