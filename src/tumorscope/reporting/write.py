"""All results of one scan, in one folder, whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from tumorscope.analysis import Analysis
from tumorscope.files import safe_name, save_together
from tumorscope.reporting.agreement import Agreement, compare, on_grid
from tumorscope.reporting.document import to_document, to_json
from tumorscope.reporting.html import REPORT_FILE, encode_html
from tumorscope.reporting.masks import MASK_FILES, encode_mask
from tumorscope.reporting.panel import PANEL_FILE, draw_panel, encode_panel

DOCUMENT_FILE = "analysis.json"


def write_results(analysis: Analysis, folder: Path, truth: np.ndarray | None = None) -> dict[str, Path]:
    """Write picture panel, mask, report and ``analysis.json`` into a folder named for the case.

    Everything is made in memory first and put in place together; ``analysis.json`` comes
    last, so that its presence means that the others are complete and belong to it. It also
    tells how long ``panel``, ``mask`` and ``report`` took to make.

    Args:
        analysis: what was found.
        folder: where the case's own folder goes; both are made if they are not there.
        truth: boolean ``(slice, row, column)`` on the scan's grid, or None.

    Returns:
        The paths of ``panel``, ``mask``, ``report`` and ``analysis``.

    Raises:
        TumorscopeError: a file cannot be written, or the true mask does not fit.
    """
    timing = dict(analysis.timing_ms)
    with _timed(timing, "panel"):
        panel = encode_panel(draw_panel(analysis, truth))
    with _timed(timing, "mask"):
        mask_name, mask = encode_mask(analysis)
    with _timed(timing, "report"):
        agreement = _agreement(analysis, truth)
        report = encode_html(replace(analysis, timing_ms=timing), panel, agreement)
    document = to_json(to_document(replace(analysis, timing_ms=timing)))
    names = {"panel": PANEL_FILE, "mask": mask_name, "report": REPORT_FILE, "analysis": DOCUMENT_FILE}
    contents = dict(zip(names.values(), (panel, mask, report, document.encode()), strict=True))
    # A scan of another kind may have had this name before; its mask would be taken for this one's.
    outdated = tuple(name for name in MASK_FILES if name != mask_name)
    paths = save_together(folder / safe_name(analysis.scan.case), contents, outdated)
    return {key: paths[name] for key, name in names.items()}


def _agreement(analysis: Analysis, truth: np.ndarray | None) -> Agreement | None:
    """How well the masks agree, or None where there is no true one, or the bundle draws none."""
    if truth is None:
        return None
    true_mask = on_grid(truth, analysis.scan)
    return compare(analysis.mask, true_mask) if "mask" in analysis.bundle.card.outputs else None


@contextmanager
def _timed(timing_ms: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timing_ms[stage] = round((time.perf_counter() - start) * 1000, 2)
