"""The journal of `submit`: a small file in OUT with which the same command resumes."""

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
        key: the upload's idempotency key, saved before the upload, so that a lost response creates no
            duplicates.
        studies: their ids, once known.
        folders: the folder of a study's results below OUT, by id.
        fetched: the downloaded revision, by id.
    """

    key: str
    studies: list[str] = field(default_factory=list)
    folders: dict[str, str] = field(default_factory=dict)
    fetched: dict[str, int] = field(default_factory=dict)


class Journal:
    """The uploads of a folder of results, saved at every step."""

    def __init__(self, out: Path) -> None:
        self._path = out / NAME
        self.entries: dict[str, Entry] = {}
        if self._path.exists():
            self.entries = self._read()

    def entry(self, stamp: str) -> Entry:
        """The entry with this stamp; a new one is saved at once."""
        if stamp not in self.entries:
            self.entries[stamp] = Entry(secrets.token_urlsafe(18))
            self.save()
        return self.entries[stamp]

    def forget(self, entry: Entry) -> None:
        """Remove an entry that the service no longer has, so that it is sent next time."""
        self.entries = {stamp: each for stamp, each in self.entries.items() if each is not entry}
        self.save()

    def folder(self, entry: Entry, study: str, name: str) -> str:
        """The folder of a study's results: its name, with a number if another study uses it."""
        if study not in entry.folders:
            taken = {folder.lower() for each in self.entries.values() for folder in each.folders.values()}
            unused, number = safe_name(name), 2
            while unused.lower() in taken:
                unused, number = f"{safe_name(name)}-{number}", number + 1
            entry.folders[study] = unused
        return entry.folders[study]

    def save(self) -> None:
        """Write the journal.

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
                f"{self._path}: is not a journal of submit; remove it (everything is then sent again), "
                "or choose another folder with -o"
            ) from error


def stamp_of(address: str, bundle: str | None, files: Sequence[Outgoing]) -> str:
    """A digest that identifies unchanged files, sent to one service with one bundle, and reveals nothing about them.

    Raises:
        TumorscopeError: a file no longer exists.
    """
    digest = hashlib.sha256(f"{address}\n{bundle}\n".encode())
    for file in files:
        try:
            status = file.path.stat()
        except OSError as error:
            raise TumorscopeError(f"{file.path}: cannot be read ({(error.strerror or 'unknown').lower()})") from error
        digest.update(os.fsencode(file.path.resolve()) + f"\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]
