"""The files of a revision: what they are called, what they are, and how a browser may treat them."""

from __future__ import annotations

from dataclasses import dataclass

from tumorscope.service.web.security.headers import REPORT_POLICY

WHOLE = "results.zip"
VIEW_FOLDER, VIEW_SUFFIX = "view", ".nii.gz"

_SHOWN_ALONE = "default-src 'none'; frame-ancestors 'none'"
"""A browser's own viewer of PDF does not start in a sandbox."""


@dataclass(frozen=True)
class Result:
    """One file of a revision.

    Attributes:
        file: its name in the folder.
        media_type: what it is.
        what: in words, for the description and for messages.
        at: the last part of its address, where that is not the file's name.
        policy: Content-Security-Policy of the response, where a browser may show the file; else it is downloaded.
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
    Result("analysis.json", "application/json", "the findings, for programs", at="analysis"),
    Result("report.pdf", "application/pdf", "the report on paper", policy=_SHOWN_ALONE),
    Result("report.html", "text/html", "the report as a page", policy=REPORT_POLICY),
    Result("panel.png", "image/png", "the image panel", policy=_SHOWN_ALONE),
    Result("mask.nii.gz", "application/gzip", "the segmentation as NIfTI"),
    Result("mask.png", "image/png", "the segmentation of a single image", policy=_SHOWN_ALONE),
    Result("seg.dcm", "application/dicom", "the segmentation as a DICOM segmentation"),
    Result("sr.dcm", "application/dicom", "the measurements as a DICOM structured report"),
    Result("capture.dcm", "application/dicom", "the image panel as a DICOM capture"),
)
