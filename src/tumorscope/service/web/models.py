"""What the interface says, in the words of its OpenAPI description."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from tumorscope.core.note import Note
from tumorscope.core.notice import NOTICE
from tumorscope.service.records import State

BundleName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class Problem(BaseModel):
    """Why a request was not done."""

    detail: str = Field(description="One clear line.")


class Progress(BaseModel):
    """How far the work on a study is."""

    stage: str | None = Field(description="What is being done; null while nothing is.")
    done: int
    total: int = Field(description="0 where it is not known.")


class Summary(BaseModel):
    """What was found, in short. Research use only."""

    model_config = ConfigDict(extra="ignore")

    input_rejected: Note | None = Field(
        None, description="Why the input check rejected the scan; null where it was assessed."
    )
    tumor_present: bool | None = None
    tumor_probability: float | None = None
    tumor_type: str | None = Field(None, description="Null where no type was told, or it is uncertain.")
    volume_mm3: float | None = Field(None, description="Of the segmentation; null where the voxel size is not known.")
    lesions: int
    slices: int
    sequences: list[str]


class StudyState(BaseModel):
    """Where a study stands."""

    id: str
    name: str = Field(description="For people: the file's or folder's name; a code for DICOM.")
    state: State
    progress: Progress
    failure: str | None = Field(description="One line that says why it failed.")
    bundle: str
    created: datetime
    changed: datetime
    expires: datetime | None = Field(description="When the study will be removed.")
    revision: int = Field(description="The newest revision that is done; 0 if none is.")
    summary: Summary | None = Field(description="Of that revision.")
    notice: str = NOTICE


class RevisionEntry(BaseModel):
    """One version of the results."""

    revision: int
    kind: Literal["analysis", "edit"]
    created: datetime


class ImageEntry(BaseModel):
    """A volume for viewing: a sequence, ``mask`` or ``activation``, all on the scan's grid."""

    name: str
    href: str


class FileEntry(BaseModel):
    """A result that can be downloaded."""

    name: str
    title: str = Field(description="For people, such as `Report (PDF)`.")
    bytes: int = Field(description="Approximate for `results.zip`.")
    href: str


class StudyDetail(StudyState):
    """A study and what there is of it."""

    revisions: list[RevisionEntry]
    images: list[ImageEntry]
    files: list[FileEntry]


class LeftOutEntry(BaseModel):
    """A file of an upload that became no study."""

    name: str
    reason: str


class Uploaded(BaseModel):
    """What became of an upload."""

    studies: list[StudyState]
    left_out: list[LeftOutEntry]


class StudyList(BaseModel):
    """Some studies, newest first."""

    studies: list[StudyState]
    next: str | None = Field(description="Give this as `after` to go on; null at the end.")
    total: int = Field(description="How many studies match.")


class DicomwebStudy(BaseModel):
    """A study to be fetched from a DICOMweb service."""

    model_config = ConfigDict(extra="forbid")

    dicomweb: Annotated[
        str,
        Field(
            max_length=2000,
            pattern=r"^https?://[^\s\x00-\x1f]+/studies/[0-9.]{1,64}/?$",
            examples=["https://pacs.example.org/dicom-web/studies/1.2.3"],
        ),
    ]
    bundle: BundleName | None = None


class BundleEntry(BaseModel):
    """A network that can be asked for."""

    name: str
    version: str
    title: str
    sequences: list[str]
    outputs: list[str]
    default: bool = Field(description="Whether uploads that name none get this one.")


class BundleList(BaseModel):
    """The networks that there are; `auto` chooses by a study's sequences."""

    bundles: list[BundleEntry]


class About(BaseModel):
    """What this service is and takes."""

    version: str
    notice: str = NOTICE
    keep_days: float | None
    upload_bytes: int
    upload_files: int


class Health(BaseModel):
    """That the service runs."""

    status: Literal["ok"] = "ok"
