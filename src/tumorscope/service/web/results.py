"""The files of a revision: names, media types, and policies for browsers."""

from __future__ import annotations

from dataclasses import dataclass

from tumorscope.service.web.security.headers import REPORT_POLICY

ARCHIVE = "results.zip"
VIEW_FOLDER, VIEW_SUFFIX = "view", ".nii.gz"

_STANDALONE_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""Without a sandbox, in which a browser's PDF viewer does not start."""


@dataclass(frozen=True)
class Result:
    """One file of a revision.

    Attributes:
        file: its name in the folder.
        media_type: of the response.
        what: a description for the OpenAPI document and for messages.
        at: the last part of its URL if that is not the file's name.
        policy: Content-Security-Policy if a browser may show the file; None if it is always downloaded.
    """

    file: str
    media_type: str
    what: str
    at: str | None = None
    policy: str | None = None

    @property
    def address(self) -> str:
        return self.at or self.file


RESULTS = (
    Result("analysis.json", "application/json", "the findings as JSON", at="analysis"),
    Result("report.pdf", "application/pdf", "the report as PDF", policy=_STANDALONE_POLICY),
    Result("report.html", "text/html", "the report as HTML", policy=REPORT_POLICY),
    Result("panel.png", "image/png", "the image panel", policy=_STANDALONE_POLICY),
    Result("mask.nii.gz", "application/gzip", "the segmentation as NIfTI"),
    Result("mask.png", "image/png", "the segmentation of a single image", policy=_STANDALONE_POLICY),
    Result("seg.dcm", "application/dicom", "the segmentation as a DICOM segmentation"),
    Result("sr.dcm", "application/dicom", "the measurements as a DICOM structured report"),
    Result("capture.dcm", "application/dicom", "the image panel as a DICOM secondary capture"),
)
