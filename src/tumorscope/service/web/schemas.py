"""The requests and responses of the HTTP interface; their descriptions are part of its OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from tumorscope.core.note import Note
from tumorscope.core.notice import NOTICE
from tumorscope.measurement.rulers import Axis, Place
from tumorscope.service.catalog_records import State

BundleName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class Problem(BaseModel):
    """The reason why a request failed."""

    detail: str = Field(description="One line of text.")


class Progress(BaseModel):
    """The progress of the work on a study."""

    stage: str | None = Field(description="The current step; null while no work is in progress.")
    done: int
    total: int = Field(description="0 if unknown.")


class Summary(BaseModel):
    """The findings in short. Research use only."""

    model_config = ConfigDict(extra="ignore")

    input_rejected: Note | None = Field(
        None, description="Why the input check rejected the scan; null where it was assessed."
    )
    tumor_present: bool | None = None
    tumor_probability: float | None = None
    tumor_type: str | None = Field(None, description="Null if the type was not predicted or is uncertain.")
    volume_mm3: float | None = Field(None, description="Volume of the segmentation; null if the voxel size is unknown.")
    lesions: int
    slices: int
    sequences: list[str]
    patient_key: str | None = Field(
        None, description="Distinguishes patients without naming them; null if unknown, and in older results."
    )
    study_date: str | None = Field(None, description="As `YYYY-MM-DD`; null if unknown, and in older results.")


class DrawnRuler(BaseModel):
    """A distance that a user drew: in the plane perpendicular to `axis`, `start` and `end` as slice, row, column."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    axis: Axis
    start: Place
    end: Place


class StudyState(BaseModel):
    """The state of a study."""

    id: str
    name: str = Field(description="Shown to users: the name of the file or folder; a code for DICOM.")
    state: State
    progress: Progress
    ahead: int | None = Field(
        None, description="While it waits: how many studies of the service are worked on or come before it."
    )
    failure: str | None = Field(description="The reason of the failure in one line.")
    bundle: str
    created: datetime
    changed: datetime
    expires: datetime | None = Field(description="Time at which the study will be removed.")
    revision: int = Field(description="The newest finished revision; 0 if there is none.")
    summary: Summary | None = Field(description="Summary of that revision.")
    notice: str = NOTICE


class Reading(BaseModel):
    """What a user states about a study's files that they do not tell themselves; see the fields of an upload."""

    # One schema for the request, where each may be missing, and for the response.
    model_config = ConfigDict(extra="forbid", json_schema_mode_override="validation")

    register_series: Annotated[
        bool, Field(alias="register", description="Rigidly co-register the series or volumes; needs SimpleITK.")
    ] = False
    spacing: Annotated[
        list[Annotated[float, Field(gt=0, le=1000)]] | None,
        Field(
            min_length=3,
            max_length=3,
            description="Column, row and slice spacing in mm, where the files do not state it.",
        ),
    ] = None
    sequences: Annotated[
        dict[str, Literal["t1", "t1c", "t2", "flair", "unknown"]],
        Field(
            description="The sequence by file or folder name, as it was sent, or by description, number or UID of a DICOM "
            "series; unknown leaves one out."
        ),
    ] = {}


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
    """A downloadable result."""

    name: str
    title: str = Field(description="For people, such as `Report (PDF)`.")
    bytes: int = Field(description="Approximate for `results.zip`.")
    href: str


class StudyDetail(StudyState):
    """A study with its revisions, images and files."""

    reading: Reading = Field(description="How its files are read. A retry may state it again.")
    revisions: list[RevisionEntry]
    images: list[ImageEntry]
    files: list[FileEntry]


class LeftOutEntry(BaseModel):
    """A file of an upload that is not part of any study."""

    name: str
    reason: str


class Uploaded(BaseModel):
    """The result of an upload."""

    studies: list[StudyState]
    left_out: list[LeftOutEntry]


class StudyList(BaseModel):
    """A page of studies, newest first."""

    studies: list[StudyState]
    next: str | None = Field(description="The value of `after` for the next page; null on the last page.")
    total: int = Field(description="Number of matching studies.")


class DicomwebStudy(BaseModel):
    """A study to fetch from a DICOMweb service."""

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
    register_series: Annotated[
        bool, Field(alias="register", description="Rigidly co-register the series; needs SimpleITK.")
    ] = False


class Sending(BaseModel):
    """Results to send to an archive."""

    model_config = ConfigDict(extra="forbid")

    destination: Annotated[str, Field(max_length=64, description="One of the service's `destinations`.")]
    revision: Annotated[int | None, Field(ge=1, le=1_000_000)] = Field(None, description="By default the newest.")


class UnsentEntry(BaseModel):
    """A file that the archive did not store."""

    name: str
    reason: str


class SentResults(BaseModel):
    """What became of results that were sent."""

    destination: str
    revision: int
    sent: int = Field(description="Number of objects that the archive has stored.")
    unsent: list[UnsentEntry]


class BundleEntry(BaseModel):
    """A bundle that uploads can request."""

    name: str
    version: str
    title: str
    sequences: list[str]
    outputs: list[str]
    default: bool = Field(description="Whether uploads without a bundle use this one.")


class BundleList(BaseModel):
    """The available bundles; `auto` chooses one by a study's sequences."""

    bundles: list[BundleEntry]


class FormatEntry(BaseModel):
    """An input format."""

    name: str
    title: str = Field(description="For people, such as `FreeSurfer MGH`.")
    suffixes: list[str]


class About(BaseModel):
    """The version, the limits and the abilities of this service."""

    version: str
    notice: str = NOTICE
    keep_days: float | None
    upload_bytes: int
    upload_files: int
    formats: list[FormatEntry] = Field(description="Formats that this installation reads; ZIP archives besides.")
    destinations: list[str] = Field(description="Archives to which `POST /api/studies/{study_id}/send` sends results.")
    demo: bool = Field(description="Whether `POST /api/demo` makes a scan to try.")


class Health(BaseModel):
    """The service is running."""

    status: Literal["ok"] = "ok"
