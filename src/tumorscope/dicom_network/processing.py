"""What the node does with a complete study: open it, analyze it, write the results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tumorscope.core.note import Note
from tumorscope.dicom_network.worker import Task

if TYPE_CHECKING:
    from pydicom import Dataset

    from tumorscope.inference.analysis import Analysis


def process_study(task: Task) -> list[Path]:
    """Analyze a folder of DICOM images.

    Returns:
        The DICOM objects among the results, which go back to the archive.

    Raises:
        TumorscopeError: the study cannot be analyzed, or its results not be written as DICOM;
            one line that says why.
    """
    from tumorscope.inference.analysis import analyze
    from tumorscope.inference.engine_pool import EnginePool
    from tumorscope.io import open_scan
    from tumorscope.reporting.outputs import OutputOptions
    from tumorscope.reporting.results import write_results

    engines = EnginePool(task.bundle)
    scan = open_scan(task.folder)
    engine, reason = engines.for_scan(scan)
    analysis = replace(analyze(scan, engine), bundle_reason=reason)
    if task.incomplete is not None:
        analysis = _incomplete(analysis, task.incomplete)
    options = OutputOptions(dicom=True, earlier_reports=_reports(task.earlier))
    written = write_results(analysis, task.out, options=options)
    return sorted(written["analysis"].parent.glob("*.dcm"))


def _incomplete(analysis: Analysis, reason: str) -> Analysis:
    warning = Note("incomplete_study", f"images of this study may be missing: {reason}")
    return replace(analysis, incomplete=reason, warnings=(warning, *analysis.warnings))


def _reports(folders: Sequence[Path]) -> tuple[Dataset, ...]:
    """The headers of the structured reports in earlier results."""
    from pydicom import dcmread

    from tumorscope.reporting.outputs import STRUCTURED_REPORT_FILE

    tags = ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"]
    found = (path for folder in folders for path in sorted(folder.rglob(STRUCTURED_REPORT_FILE)))
    return tuple(dcmread(path, specific_tags=tags) for path in found)
