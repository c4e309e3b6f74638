"""Findings as files: a document, a mask, a image panel and a report. No writer computes a finding."""

from tumorscope.reporting.agreement import Agreement, compare
from tumorscope.reporting.document import load_document, mask_from_document, to_document, to_json
from tumorscope.reporting.html import render_html
from tumorscope.reporting.masks import write_mask
from tumorscope.reporting.panel import draw_panel, write_panel
from tumorscope.reporting.pdf import render_pdf
from tumorscope.reporting.report import Report, build_report
from tumorscope.reporting.write import write_results

__all__ = [
    "Agreement",
    "Report",
    "build_report",
    "compare",
    "draw_panel",
    "load_document",
    "mask_from_document",
    "render_html",
    "render_pdf",
    "to_document",
    "to_json",
    "write_mask",
    "write_panel",
    "write_results",
]
