"""What the journal tells of studies, arrivals and results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["receiving", "ready", "analyzing", "sending", "done", "failed"]


@dataclass(frozen=True)
class Study:
    """A study as the journal knows it.

    Attributes:
        code: its name in logs and folders.
        state: where it stands.
        interrupted: whether an association that brought images of it has not ended well (yet).
        run: how many analyses have begun.
        images: how many images there are to analyze.
        reason: why it failed.
    """

    code: str
    state: State
    interrupted: bool
    run: int
    images: int
    reason: str | None


@dataclass(frozen=True)
class Run:
    """An analysis that begins.

    Attributes:
        number: counts the analyses of a study, from one.
        files: of its images, relative to the node's folder.
        incomplete: whether the sender did not finish, so that images may be missing.
        earlier: numbers of the runs whose results this one's replace: they had fewer images, or
            might have lacked some.
    """

    number: int
    files: tuple[str, ...]
    incomplete: bool
    earlier: tuple[int, ...]


@dataclass(frozen=True)
class Arrival:
    """What an object was to the journal: new or known, and whether its study had been analyzed already."""

    new: bool
    reopened: bool


@dataclass(frozen=True)
class Result:
    """An object that a destination is still to have; ``file`` is relative to the node's folder."""

    study: str
    run: int
    file: str
    destination: str
    refusals: int
