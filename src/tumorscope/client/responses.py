"""Responses of the service as frozen models; unknown fields are ignored."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tumorscope.io.reading_choices import ReadingChoices

SETTLED = ("done", "failed")
"""Final states."""


def _plain_name(name: str) -> str:
    """Check that a name has no path, since the file will be saved under it."""
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,120}", name):
        raise ValueError("not a plain file name")
    return name


def _study_id(study: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", study):
        raise ValueError("not a study's id")
    return study


StudyId = Annotated[str, AfterValidator(_study_id)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Note(_Model):
    """Something to know about results: a code for programs and a text for people."""

    code: str
    text: str


class Summary(_Model):
    """The findings in short; :meth:`Client.analysis` has all of them.

    Attributes:
        input_rejected: why the input check rejected the scan, which then has no findings; None where it was assessed.
        tumor_probability: the largest of any slice.
        tumor_type: the likeliest type; None if it is uncertain.
        volume_mm3: of the segmentation; None if the voxel size is unknown.
        lesions: their number.
    """

    input_rejected: Note | None = None
    tumor_present: bool | None = None
    tumor_probability: float | None = None
    tumor_type: str | None = None
    volume_mm3: float | None = None
    lesions: int = 0
    slices: int | None = None
    sequences: tuple[str, ...] = ()


class Revision(_Model):
    """One set of results, of the analysis or of a corrected mask."""

    number: int = Field(alias="revision")
    kind: str
    created: datetime


class File(_Model):
    """A result that can be fetched; its title is for people."""

    name: Annotated[str, AfterValidator(_plain_name)]
    title: str = ""
    bytes: int | None = None
    href: str


class Image(_Model):
    """A volume for viewing, as NIfTI on the scan's grid: a sequence, ``mask`` or ``activation``."""

    name: str
    href: str


def _reading(value: Any) -> Any:
    """The choices of a response; what a newer service knows besides is left to it."""
    if not isinstance(value, dict):
        return value
    return {"spacing_mm" if name == "spacing" else name: each for name, each in value.items()}


class Study(_Model):
    """One case at the service.

    Attributes:
        state: fetching, queued, analyzing, done or failed.
        stage, done, total: progress of the analysis.
        ahead: how many studies are worked on or come before it, while it waits.
        failure: the reason of a failure in one line.
        expires: when the service removes the study.
        revision: the newest one with results; 0 if there is none.
        reading: how its files are read, as stated by the user.
        reading, revisions, images, files: only in responses about a single study.
    """

    id: StudyId
    name: str
    state: str
    stage: str | None = None
    done: int | None = None
    total: int | None = None
    ahead: int | None = None
    failure: str | None = None
    bundle: str | None = None
    created: datetime | None = None
    changed: datetime | None = None
    expires: datetime | None = None
    revision: int = 0
    summary: Summary | None = None
    reading: Annotated[ReadingChoices | None, BeforeValidator(_reading)] = None
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
        """Whether the state is final."""
        return self.state in SETTLED


class LeftOut(_Model):
    """A sent file that is not part of a study."""

    name: str
    reason: str


class Submitted(_Model):
    """The result of an upload: one study per case, and the files left out."""

    studies: tuple[Study, ...]
    left_out: tuple[LeftOut, ...] = ()


class Page(_Model):
    """A page of the list of studies."""

    studies: tuple[Study, ...]
    next: str | None = None
    total: int = 0


class About(_Model):
    """The version and the limits of the service."""

    version: str
    notice: str = ""
    keep_days: float | None = None
    upload_bytes: int | None = None
    upload_files: int | None = None
