"""The journal's records: studies, runs, arrivals and results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tumorscope.studies.claims import Claim

State = Literal["receiving", "ready", "analyzing", "sending", "done", "failed"]


@dataclass(frozen=True)
class Study:
    """A study as the journal records it.

    Attributes:
        code: its name in logs and folders.
        state: the current one.
        interrupted: whether an association with its images was aborted or is still open.
        run: number of analyses so far.
        images: number of images to analyze.
        reason: of its failure.
    """

    code: str
    state: State
    interrupted: bool
    run: int
    images: int
    reason: str | None


@dataclass(frozen=True)
class Run(Claim):
    """An analysis of a study; its number, ``attempt``, names the folder of its results.

    Attributes:
        files: of its images, relative to the node's folder.
        incomplete: whether images may be missing, since the sender did not finish.
        earlier: numbers of the runs that this one replaces: they had fewer or possibly missing images.
    """

    files: tuple[str, ...]
    incomplete: bool
    earlier: tuple[int, ...]


@dataclass(frozen=True)
class Arrival:
    """What a received object changed.

    Attributes:
        new: whether it is new.
        reopened: whether it reopened an analyzed study.
        corrected: whether it took the place of one that stated another patient.
    """

    new: bool
    reopened: bool
    corrected: bool = False


@dataclass(frozen=True)
class Result(Claim):
    """An object to send to a destination, which is the ``worker``; ``file`` is relative to the node's folder."""

    study: str
    run: int
    file: str
