"""The catalog's records: studies, revisions and claims."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from tumorscope.studies.claims import Claim

State = Literal["fetching", "queued", "analyzing", "done", "failed"]
STATES: tuple[State, ...] = ("fetching", "queued", "analyzing", "done", "failed")
Kind = Literal["analysis", "edit"]

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{15}")


def new_id() -> str:
    """A random id for a study: 16 letters, digits, ``_`` and ``-``.

    >>> is_id(new_id())
    True
    """
    while True:
        name = secrets.token_urlsafe(12)
        if is_id(name):  # a leading "-" would look like an option
            return name


def is_id(text: str) -> bool:
    """Whether a text has the form of a study's id; it is then safe in a path.

    >>> is_id("../../etc/passwd"), is_id("-rf-rf-rf-rf-rf-")
    (False, False)
    """
    return _ID.fullmatch(text) is not None


@dataclass(frozen=True)
class NewStudy:
    """A study to create.

    Attributes:
        id: from :func:`new_id`.
        name: shown to users; never in logs.
        bundle: a bundle's name, or ``auto``.
        fetch: the DICOMweb address of a study to fetch first; None if its files are on disk.
    """

    id: str
    name: str
    bundle: str = "auto"
    fetch: str | None = None


@dataclass(frozen=True)
class Study:
    """A study as the catalog records it.

    Attributes:
        id: its identifier in URLs, logs and folders.
        name: shown to users.
        state: ``fetching`` includes the wait for a worker.
        bundle: the bundle for its analysis, or ``auto``.
        stage, done, total: of the work in progress.
        failure: the reason of its failure, in one line.
        created, changed: times of its upload and of the last change of its state; UTC with time zone.
        revision: the newest finished one; 0 if there is none.
        summary: of that revision.
        ahead: how many studies are worked on or come before this one, while it waits for a worker; else None.
    """

    id: str
    name: str
    state: State
    bundle: str
    stage: str | None
    done: int
    total: int
    failure: str | None
    created: datetime
    changed: datetime
    revision: int
    summary: dict[str, Any] | None
    ahead: int | None = None


@dataclass(frozen=True)
class Revision:
    """One set of results, from the analysis or from a corrected segmentation."""

    number: int
    kind: Kind
    state: Literal["queued", "done", "failed"]
    created: datetime


@dataclass(frozen=True)
class StudyClaim(Claim):
    """A worker's claim on a study.

    Attributes:
        revision: to make.
        kind: of the revision.
        base: the newest finished revision; 0 if there is none.
        name, bundle, fetch: of the study.
    """

    revision: int
    kind: Kind
    base: int
    name: str
    bundle: str
    fetch: str | None

    @property
    def study(self) -> str:
        """The study's id."""
        return self.item


@dataclass(frozen=True)
class Page:
    """A page of studies, newest first; ``next`` identifies the following page, ``total`` counts all matches."""

    studies: tuple[Study, ...]
    next: str | None
    total: int
