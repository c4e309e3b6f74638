"""What the service says, as frozen values; what it says beyond that is let pass."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

SETTLED = ("done", "failed")
"""States in which nothing more happens by itself."""


def _plain_name(name: str) -> str:
    """A file's name is a name and no path: it is where the file will be saved."""
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,120}", name):
        raise ValueError("no plain file name")
    return name


def _study_id(study: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", study):
        raise ValueError("no study's id")
    return study


StudyId = Annotated[str, AfterValidator(_study_id)]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Note(_Value):
    """Something to know about results: a code for programs and a text for people."""

    code: str
    text: str


class Summary(_Value):
    """The findings in short; :meth:`Client.analysis` has all of them.

    Attributes:
        input_rejected: why the input check rejected the scan, which then has no findings; None where it was assessed.
        tumor_probability: the largest of any slice.
        tumor_type: the likeliest type; None where it is left open.
        volume_mm3: of the whole segmentation; None where the size of a voxel is not known.
        lesions: how many.
    """

    input_rejected: Note | None = None
    tumor_present: bool | None = None
    tumor_probability: float | None = None
    tumor_type: str | None = None
    volume_mm3: float | None = None
    lesions: int = 0
    slices: int | None = None
    sequences: tuple[str, ...] = ()


class Revision(_Value):
    """One set of results: of the analysis itself, or of a mask corrected by hand."""

    number: int = Field(alias="revision")
    kind: str
    created: datetime


class File(_Value):
    """A result that can be fetched; its title is for people."""

    name: Annotated[str, AfterValidator(_plain_name)]
    title: str = ""
    bytes: int | None = None
    href: str


class Image(_Value):
    """A volume for viewing, as NIfTI on the scan's grid: a sequence, ``mask`` or ``activation``."""

    name: str
    href: str


class Study(_Value):
    """One case at the service.

    Attributes:
        state: fetching, queued, analyzing, done or failed.
        stage, done, total: how far the analysis is.
        failure: one line that says why there are no results.
        expires: when the service removes it.
        revision: the newest results; 0 before there are any.
        revisions, images, files: only where one study was asked for.
    """

    id: StudyId
    name: str
    state: str
    stage: str | None = None
    done: int | None = None
    total: int | None = None
    failure: str | None = None
    bundle: str | None = None
    created: datetime | None = None
    changed: datetime | None = None
    expires: datetime | None = None
    revision: int = 0
    summary: Summary | None = None
    revisions: tuple[Revision, ...] = ()
    images: tuple[Image, ...] = ()
    files: tuple[File, ...] = ()
    notice: str = ""

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, content: Any) -> Any:
        if isinstance(content, dict) and isinstance(content.get("progress"), dict):
            return {**content["progress"], **content}
        return content

    @property
    def settled(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.state in SETTLED


class Left(_Value):
    """Something that was sent and not taken."""

    name: str
    reason: str


class Submitted(_Value):
    """What became of an upload: a study a case, and what was left out."""

    studies: tuple[Study, ...]
    left_out: tuple[Left, ...] = ()


class Page(_Value):
    """A part of the list of studies."""

    studies: tuple[Study, ...]
    next: str | None = None
    total: int = 0


class About(_Value):
    """What the service is, and what it takes at once."""

    version: str
    notice: str = ""
    keep_days: float | None = None
    upload_bytes: int | None = None
    upload_files: int | None = None
