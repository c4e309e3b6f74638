"""The registry of outputs: one entry per file that ``analyze`` writes into a case's folder.

Writing, the service's downloads, the client's and the viewer's lists, help texts and the table in ``docs/output.md``
derive from :data:`OUTPUTS`; see ``docs/how-to/add-an-output.md``. Importing this module is quick: entries import
what writes them when they are used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image
    from pydicom import Dataset

    from tumorscope.inference.analysis import Analysis
    from tumorscope.reporting.report_content import Report

DOCUMENT_FILE = "analysis.json"
STRUCTURED_REPORT_FILE = "sr.dcm"

Stage = Literal["panel", "mask", "dicom", "report", "pdf", "document"]


@dataclass(frozen=True)
class OutputOptions:
    """Which outputs are written besides those that every case gets.

    Attributes:
        pdf: the report as PDF.
        dicom: DICOM objects; None writes them for scans that came as DICOM.
        fractional: a second DICOM segmentation with the probability of every voxel, for analyses that kept it.
        contours: beside the DICOM segmentation the same as RT Structure Set.
        every_frame: DICOM segmentations with a frame for every slice, those in which nothing is marked too.
        earlier_reports: headers of structured reports of the same study that the new one replaces.
    """

    pdf: bool = True
    dicom: bool | None = None
    fractional: bool = False
    contours: bool = True
    every_frame: bool = False
    earlier_reports: tuple[Dataset, ...] = ()


@dataclass(eq=False)
class CaseResults:
    """What outputs are made from; parts that several outputs share are made once.

    Attributes:
        analysis: the findings. Stages that have been written are among its times.
        truth: a true mask, boolean ``(slice, row, column)`` on the scan's grid, or None.
        options: which outputs are requested.
    """

    analysis: Analysis
    truth: np.ndarray | None
    options: OutputOptions

    @property
    def is_image(self) -> bool:
        """Whether the scan is a single image."""
        return self.analysis.scan.kind == "image"

    @property
    def wants_dicom(self) -> bool:
        """Whether DICOM objects are written."""
        requested = self.options.dicom
        return bool(self.analysis.scan.source_images) if requested is None else requested

    @property
    def wants_segmentation(self) -> bool:
        """Whether there is a mask with a position in the patient, for a DICOM segmentation."""
        return self.wants_dicom and self.analysis.scan.affine is not None and bool(self.analysis.mask.any())

    @cached_property
    def panel(self) -> Image:
        """The image panel."""
        from tumorscope.reporting.panel import draw_panel

        return draw_panel(self.analysis, self.truth)

    @cached_property
    def segmentation(self) -> bytes | None:
        """The DICOM segmentation; None where there is nothing to segment."""
        from tumorscope.io.dicom.writers import encode_segmentation

        if not self.wants_segmentation:
            return None
        return encode_segmentation(self.analysis, every_frame=self.options.every_frame)

    @property
    def truth_dice(self) -> float | None:
        """Dice of the mask with the true mask; None without one, or where the bundle draws no mask."""
        from tumorscope.reporting.agreement import compare

        segments = "mask" in self.analysis.bundle.card.outputs
        return compare(self.analysis.mask, self.truth).dice if segments and self.truth is not None else None

    @cached_property
    def report(self) -> Report:
        """The content of the report."""
        from tumorscope.reporting.report_content import build_report

        return build_report(self.analysis, self.truth)


@dataclass(frozen=True)
class Output:
    """One file in a case's folder.

    Attributes:
        key: what it is called in the result of ``write_results``; outputs that replace each other share it.
        file: its name.
        media_type: as in HTTP.
        title: for lists of downloads.
        description: what it is, in words.
        condition: when it is written, in words; empty for every case.
        stage: under which its time is reported; outputs of one stage are neighbors in the registry.
        encode: makes its content.
        applies: whether it is written.
        is_mask: whether it holds the mask.
    """

    key: str
    file: str
    media_type: str
    title: str
    description: str
    stage: Stage
    encode: Callable[[CaseResults], bytes]
    condition: str = ""
    applies: Callable[[CaseResults], bool] = lambda results: True
    is_mask: bool = False


def _panel(results: CaseResults) -> bytes:
    from tumorscope.reporting.png import encode_png

    return encode_png(results.panel)


def _mask_volume(results: CaseResults) -> bytes:
    from tumorscope.reporting.mask_files import encode_mask_volume

    return encode_mask_volume(results.analysis)


def _mask_image(results: CaseResults) -> bytes:
    from tumorscope.reporting.mask_files import encode_mask_image

    return encode_mask_image(results.analysis)


def _brain_mask(results: CaseResults) -> bytes:
    from tumorscope.reporting.mask_files import encode_brain_mask

    return encode_brain_mask(results.analysis)


def _segmentation(results: CaseResults) -> bytes:
    assert results.segmentation is not None
    return results.segmentation


def _fractional_segmentation(results: CaseResults) -> bytes:
    from tumorscope.io.dicom.writers import encode_segmentation

    return encode_segmentation(results.analysis, fractional=True, every_frame=results.options.every_frame)


def _structure_set(results: CaseResults) -> bytes:
    from tumorscope.io.dicom.writers import encode_structure_set

    return encode_structure_set(results.analysis)


def _structured_report(results: CaseResults) -> bytes:
    from tumorscope.io.dicom.writers import encode_structured_report

    return encode_structured_report(results.analysis, results.segmentation, earlier=results.options.earlier_reports)


def _capture(results: CaseResults) -> bytes:
    from tumorscope.io.dicom.writers import encode_capture

    return encode_capture(results.analysis, results.panel)


def _html(results: CaseResults) -> bytes:
    from tumorscope.reporting.html import render_html

    return render_html(results.report)


def _pdf(results: CaseResults) -> bytes:
    from tumorscope.reporting.pdf import render_pdf

    return render_pdf(results.report)


def _document(results: CaseResults) -> bytes:
    from tumorscope.reporting.document import to_document, to_json

    return to_json(to_document(results.analysis, results.truth_dice)).encode()


_DICOM = "for DICOM input, unless `--no-dicom`"

OUTPUTS = (
    Output(
        key="panel",
        file="panel.png",
        media_type="image/png",
        title="Image panel (PNG)",
        description="key slices with the mask, and with the true mask where one is given",
        stage="panel",
        encode=_panel,
    ),
    Output(
        key="mask",
        file="mask.nii.gz",
        media_type="application/gzip",
        title="Segmentation (NIfTI)",
        description="the mask on the input's grid",
        condition="for volumes and series of slices",
        stage="mask",
        encode=_mask_volume,
        applies=lambda results: not results.is_image,
        is_mask=True,
    ),
    Output(
        key="mask",
        file="mask.png",
        media_type="image/png",
        title="Segmentation (PNG)",
        description="the mask, 0 and 255, in the image's size",
        condition="for single images",
        stage="mask",
        encode=_mask_image,
        applies=lambda results: results.is_image,
        is_mask=True,
    ),
    Output(
        key="brain_mask",
        file="brain.nii.gz",
        media_type="application/gzip",
        title="Brain mask (NIfTI)",
        description="the brain by the registered atlas, on the input's grid",
        condition="with `--location`, where the registration succeeded",
        stage="mask",
        encode=_brain_mask,
        applies=lambda results: results.analysis.brain_mask is not None,
    ),
    Output(
        key="segmentation",
        file="seg.dcm",
        media_type="application/dicom",
        title="Segmentation (DICOM SEG)",
        description="the mask as DICOM segmentation, one segment per lesion",
        condition=f"{_DICOM}, where a tumor is segmented",
        stage="dicom",
        encode=_segmentation,
        applies=lambda results: results.wants_segmentation,
        is_mask=True,
    ),
    Output(
        key="probability",
        file="seg-probability.dcm",
        media_type="application/dicom",
        title="Probabilities (DICOM SEG)",
        description="the probability of every voxel as fractional DICOM segmentation",
        condition="as `seg.dcm`, with `--fractional`",
        stage="dicom",
        encode=_fractional_segmentation,
        applies=lambda results: (
            results.wants_segmentation and results.options.fractional and results.analysis.probability is not None
        ),
    ),
    Output(
        key="structure_set",
        file="rtstruct.dcm",
        media_type="application/dicom",
        title="Contours (DICOM RTSTRUCT)",
        description="the mask as contours in a DICOM RT Structure Set, one ROI per lesion",
        condition="as `seg.dcm`, unless `--no-contours`",
        stage="dicom",
        encode=_structure_set,
        applies=lambda results: results.wants_segmentation and results.options.contours,
        is_mask=True,
    ),
    Output(
        key="structured_report",
        file=STRUCTURED_REPORT_FILE,
        media_type="application/dicom",
        title="Measurements (DICOM SR)",
        description="findings and measurements as DICOM structured report, TID 1500",
        condition=_DICOM,
        stage="dicom",
        encode=_structured_report,
        applies=lambda results: results.wants_dicom,
    ),
    Output(
        key="capture",
        file="capture.dcm",
        media_type="application/dicom",
        title="Image panel (DICOM)",
        description="the image panel as DICOM secondary capture",
        condition=_DICOM,
        stage="dicom",
        encode=_capture,
        applies=lambda results: results.wants_dicom,
    ),
    Output(
        key="report",
        file="report.html",
        media_type="text/html",
        title="Report (HTML)",
        description="the report as a self-contained page",
        stage="report",
        encode=_html,
    ),
    Output(
        key="pdf",
        file="report.pdf",
        media_type="application/pdf",
        title="Report (PDF)",
        description="the same report on A4, tagged as PDF/UA-1",
        condition="unless `--no-pdf`",
        stage="pdf",
        encode=_pdf,
        applies=lambda results: results.options.pdf,
    ),
    # Last: where it exists, the others are complete and belong to it.
    Output(
        key="analysis",
        file=DOCUMENT_FILE,
        media_type="application/json",
        title="Findings (JSON)",
        description="all findings, for programs",
        stage="document",
        encode=_document,
    ),
)

MASK_FILES = tuple(output.file for output in OUTPUTS if output.is_mask)
"""Files that hold the mask of an analysis."""


def outputs_in_words() -> str:
    """The files' names as a list for help texts."""
    *names, last = (output.file for output in OUTPUTS)
    return f"{', '.join(names)} and {last}"
