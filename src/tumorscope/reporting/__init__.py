"""Findings as files: a document, a mask, a picture panel and a report. No writer computes a finding."""

from tumorscope.reporting.agreement import Agreement, compare
from tumorscope.reporting.document import load_document, mask_from_document, to_document, to_json
from tumorscope.reporting.html import write_html
from tumorscope.reporting.masks import write_mask
from tumorscope.reporting.panel import draw_panel, write_panel
from tumorscope.reporting.write import write_results

__all__ = [
    "Agreement",
    "compare",
    "draw_panel",
    "load_document",
    "mask_from_document",
    "to_document",
    "to_json",
    "write_html",
    "write_mask",
    "write_panel",
    "write_results",
]
