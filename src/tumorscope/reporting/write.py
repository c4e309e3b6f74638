"""All results of one scan, in one folder, whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.files import safe_name, save_together
from tumorscope.inference.analysis import Analysis
from tumorscope.reporting.contents import build_report
from tumorscope.reporting.document import to_document, to_json
from tumorscope.reporting.html import REPORT_FILE, render_html
from tumorscope.reporting.masks import MASK_FILES, encode_mask
from tumorscope.reporting.panel import PANEL_FILE, draw_panel, encode_panel
from tumorscope.reporting.pdf import PDF_FILE, render_pdf

if TYPE_CHECKING:
    from pydicom import Dataset

DOCUMENT_FILE = "analysis.json"
SEGMENTATION_FILE, PROBABILITY_FILE = "seg.dcm", "seg-probability.dcm"
STRUCTURED_REPORT_FILE, CAPTURE_FILE = "sr.dcm", "capture.dcm"
MASKS = (*MASK_FILES, SEGMENTATION_FILE)
"""Files that hold the mask which an analysis found."""
_OPTIONAL = (*MASK_FILES, PDF_FILE, SEGMENTATION_FILE, PROBABILITY_FILE, STRUCTURED_REPORT_FILE, CAPTURE_FILE)
"""Not every scan gets these; one that an earlier scan of this name left would be taken for this one's."""


@dataclass(frozen=True)
class Outputs:
    """What is written besides image panel, mask, ``report.html`` and ``analysis.json``.

    Attributes:
        pdf: the report on paper.
        dicom: segmentation, structured report and capture; None means where the scan came as DICOM.
        fractional: a second segmentation with the probability of every voxel, for analyses that kept it.
        earlier_reports: headers of structured reports of the same study that the new one replaces.
    """

    pdf: bool = True
    dicom: bool | None = None
    fractional: bool = False
    earlier_reports: tuple[Dataset, ...] = ()


def write_results(
    analysis: Analysis, folder: Path, truth: np.ndarray | None = None, outputs: Outputs | None = None
) -> dict[str, Path]:
    """Write image panel, mask, reports, DICOM and ``analysis.json`` into a folder named for the case.

    Everything is made in memory first and put in place together; ``analysis.json`` comes
    last, so that its presence means that the others are complete and belong to it. It also
    tells how long each of the others took to make.

    Args:
        analysis: what was found.
        folder: where the case's own folder goes; both are made if they are not there.
        truth: boolean ``(slice, row, column)`` on the scan's grid, or None.
        outputs: what else is wanted; by default a PDF, and DICOM for what came as DICOM.

    Returns:
        The paths of ``panel``, ``mask``, ``report`` and ``analysis``, and where they were made of ``pdf``,
        ``segmentation``, ``probability``, ``structured_report`` and ``capture``.

    Raises:
        TumorscopeError: a file cannot be written, the true mask does not fit, or DICOM is asked
            for and the scan did not come as DICOM.
    """
    outputs = outputs or Outputs()
    timing = dict(analysis.timing_ms)
    made: dict[str, tuple[str, bytes]] = {}
    with _timed(timing, "panel"):
        panel = encode_panel(draw_panel(analysis, truth))
        made["panel"] = PANEL_FILE, panel
    with _timed(timing, "mask"):
        made["mask"] = encode_mask(analysis)
    if outputs.dicom or (outputs.dicom is None and analysis.scan.source_images):
        with _timed(timing, "dicom"):
            try:
                made |= _dicom(analysis, panel, outputs)
            except TumorscopeError as error:
                if outputs.dicom:
                    raise
                # Nobody asked for it, and the findings stand without it.
                analysis = replace(analysis, warnings=(*analysis.warnings, f"no DICOM was written: {error}"))
    with _timed(timing, "report"):
        report = build_report(replace(analysis, timing_ms=timing), truth)
        made["report"] = REPORT_FILE, render_html(report)
    if outputs.pdf:
        with _timed(timing, "pdf"):
            made["pdf"] = PDF_FILE, render_pdf(report)
    made["analysis"] = DOCUMENT_FILE, to_json(to_document(replace(analysis, timing_ms=timing))).encode()
    contents = dict(made.values())
    outdated = tuple(name for name in _OPTIONAL if name not in contents)
    paths = save_together(folder / safe_name(analysis.scan.case), contents, outdated)
    return {key: paths[name] for key, (name, _) in made.items()}


def _dicom(analysis: Analysis, panel: bytes, outputs: Outputs) -> dict[str, tuple[str, bytes]]:
    """The objects that go back to the study; without a contour, or a place for it, there is no segmentation."""
    from tumorscope.io.dicom.writers import encode_capture, encode_segmentation, encode_structured_report

    made: dict[str, tuple[str, bytes]] = {}
    placed = analysis.scan.affine is not None and bool(analysis.mask.any())
    segmentation = encode_segmentation(analysis) if placed else None
    if segmentation is not None:
        made["segmentation"] = SEGMENTATION_FILE, segmentation
        if outputs.fractional and analysis.probability is not None:
            made["probability"] = PROBABILITY_FILE, encode_segmentation(analysis, fractional=True)
    made["structured_report"] = (
        STRUCTURED_REPORT_FILE,
        encode_structured_report(analysis, segmentation, earlier=outputs.earlier_reports),
    )
    made["capture"] = CAPTURE_FILE, encode_capture(analysis, panel)
    return made


@contextmanager
def _timed(timing_ms: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timing_ms[stage] = round((time.perf_counter() - start) * 1000, 2)
