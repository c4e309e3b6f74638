"""What the catalog tells of studies, their revisions, and who works on them."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

State = Literal["fetching", "queued", "analyzing", "done", "failed"]
STATES: tuple[State, ...] = ("fetching", "queued", "analyzing", "done", "failed")
Kind = Literal["analysis", "edit"]

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{15}")


def new_id() -> str:
    """A name for a study that says nothing about it: 16 letters, digits, ``_`` and ``-``.

    >>> is_id(new_id())
    True
    """
    while True:
        name = secrets.token_urlsafe(12)
        if is_id(name):  # a leading "-" would look like an option
            return name


def is_id(text: str) -> bool:
    """Whether a text could be a study's name; it is then safe in a path.

    >>> is_id("../../etc/passwd"), is_id("-rf-rf-rf-rf-rf-")
    (False, False)
    """
    return _ID.fullmatch(text) is not None


@dataclass(frozen=True)
class NewStudy:
    """A study to be entered.

    Attributes:
        id: from :func:`new_id`.
        name: what people call it; never in logs.
        bundle: a bundle's name, or ``auto``.
        fetch: address of a study by DICOMweb that is to be fetched first; else its files are in place.
    """

    id: str
    name: str
    bundle: str = "auto"
    fetch: str | None = None


@dataclass(frozen=True)
class Study:
    """A study as the catalog knows it.

    Attributes:
        id: its name in addresses, logs and folders.
        name: what people call it.
        state: where it stands; ``fetching`` also while it waits for that.
        bundle: that it is to be analyzed with, or ``auto``.
        stage, done, total: of the work that is going on.
        failure: one line that says why it failed.
        created, changed: when it came in, and when its state last changed; aware, UTC.
        revision: the newest that is done; 0 if none is.
        summary: of that revision.
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


@dataclass(frozen=True)
class Revision:
    """One set of results: the analysis, or what followed from a corrected segmentation."""

    number: int
    kind: Kind
    state: Literal["queued", "done", "failed"]
    created: datetime


@dataclass(frozen=True)
class Claim:
    """The right to work on a study, for as long as the lease is renewed.

    Attributes:
        study: its id.
        revision: to be made.
        attempt: grows with every claim of the study; who holds an older one holds nothing.
        worker: who holds it.
        kind: of the revision.
        base: the newest revision that is done; 0 if none is.
        name, bundle, fetch: of the study.
    """

    study: str
    revision: int
    attempt: int
    worker: str
    kind: Kind
    base: int
    name: str
    bundle: str
    fetch: str | None


@dataclass(frozen=True)
class Page:
    """Some studies, newest first; ``next`` asks for those after them, ``total`` counts all that match."""

    studies: tuple[Study, ...]
    next: str | None
    total: int
