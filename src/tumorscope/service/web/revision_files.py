"""The files of a revision: their addresses, and how a browser may show them."""

from __future__ import annotations

from dataclasses import dataclass

from tumorscope.reporting.outputs import DOCUMENT_FILE, OUTPUTS, Output
from tumorscope.service.web.security.headers import REPORT_POLICY

ARCHIVE = "results.zip"
ARCHIVE_TITLE = "All files (ZIP)"
VIEW_FOLDER, VIEW_SUFFIX = "view", ".nii.gz"

_STANDALONE_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""A browser's own viewer of PDF does not start in a sandbox."""
_POLICIES = {"application/pdf": _STANDALONE_POLICY, "image/png": _STANDALONE_POLICY, "text/html": REPORT_POLICY}
"""Content-Security-Policy of the media types that a browser may show; others are downloaded."""
_ADDRESSES = {DOCUMENT_FILE: "analysis"}


@dataclass(frozen=True)
class Result:
    """One file of a revision, by its entry in the registry of outputs."""

    output: Output

    @property
    def file(self) -> str:
        """Its name in the folder."""
        return self.output.file

    @property
    def address(self) -> str:
        """The last part of its URL."""
        return _ADDRESSES.get(self.file, self.file)

    @property
    def policy(self) -> str | None:
        """Content-Security-Policy of the response where a browser may show the file; None where it is downloaded."""
        return _POLICIES.get(self.output.media_type)


RESULTS = tuple(Result(output) for output in OUTPUTS)
