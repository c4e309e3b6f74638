"""The analysis of a complete study in the node."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tumorscope.dicom_network.node_worker import Task

if TYPE_CHECKING:
    from pydicom import Dataset

    from tumorscope.inference.engine_pool import EnginePool


def process_study(task: Task) -> list[Path]:
    """Analyze a folder of DICOM images.

    Returns:
        The DICOM objects among the results, for the archive.

    Raises:
        TumorscopeError: the study cannot be analyzed, or its results cannot be written as DICOM; one line
            with the reason.
    """
    from tumorscope.reporting.outputs import OutputOptions
    from tumorscope.studies.case import AnalysisOptions, Case, process_case

    outputs = OutputOptions(dicom=True, contours=task.contours, earlier_reports=_reports(task.earlier))
    options = AnalysisOptions(
        find_truth=False, register=task.register, location=task.location, flips=task.flips, outputs=outputs
    )
    result = process_case(Case(task.folder, incomplete=task.incomplete), _engines(task.bundle), task.out, options)
    return sorted(result.folder.glob("*.dcm"))


@cache
def _engines(bundle: str) -> EnginePool:
    """The networks, which stay loaded."""
    from tumorscope.inference.engine_pool import EnginePool

    return EnginePool(bundle)


def _reports(folders: Sequence[Path]) -> tuple[Dataset, ...]:
    """The headers of the structured reports among earlier results."""
    from pydicom import dcmread

    from tumorscope.reporting.outputs import STRUCTURED_REPORT_FILE

    tags = ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"]
    paths = (path for folder in folders for path in sorted(folder.rglob(STRUCTURED_REPORT_FILE)))
    return tuple(dcmread(path, specific_tags=tags) for path in paths)
