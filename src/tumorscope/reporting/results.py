"""All outputs of one scan in one folder, complete or not at all."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np

from tumorscope.core.faults import failure_reason
from tumorscope.core.files import safe_name, save_together
from tumorscope.core.note import Note
from tumorscope.inference.analysis import Analysis
from tumorscope.reporting.outputs import OUTPUTS, CaseResults, Output, OutputOptions


def write_results(
    analysis: Analysis, folder: Path, truth: np.ndarray | None = None, options: OutputOptions | None = None
) -> dict[str, Path]:
    """Write the outputs of an analysis into a folder named for the case.

    Everything is made in memory first and put in place together; ``analysis.json`` comes
    last, so that its presence means that the others are complete and belong to it. It also
    gives the time that each of the others took. Outputs of an earlier analysis of this name that
    do not apply any more are removed.

    Args:
        analysis: the findings.
        folder: where the case's own folder goes; both are created where needed.
        truth: boolean ``(slice, row, column)`` on the scan's grid, or None.
        options: which outputs are requested.

    Returns:
        The path of each output that was written, by its key; see :data:`tumorscope.reporting.outputs.OUTPUTS`.

    Raises:
        TumorscopeError: a file cannot be written, the true mask does not fit, or DICOM is requested
            and the scan did not come as DICOM.
    """
    results = CaseResults(analysis, truth, options or OutputOptions())
    contents: dict[str, bytes] = {}
    keys: dict[str, str] = {}
    for stage, entries in groupby(OUTPUTS, key=lambda output: output.stage):
        started = time.perf_counter()
        applying = [output for output in entries if output.applies(results)]
        if not applying:
            continue
        try:
            contents |= _encoded(applying, results)
        except Exception as error:  # also of a library, as the findings are complete without DICOM
            if stage != "dicom" or results.options.dicom:
                raise
            note = Note("dicom_not_written", f"no DICOM was written: {failure_reason(error)}")
            results.analysis = replace(results.analysis, warnings=(*results.analysis.warnings, note))
        keys |= {output.key: output.file for output in applying if output.file in contents}
        spent_ms = round((time.perf_counter() - started) * 1000, 2)
        results.analysis = replace(results.analysis, timing_ms={**results.analysis.timing_ms, stage: spent_ms})
    outdated = tuple(output.file for output in OUTPUTS if output.file not in contents)
    paths = save_together(folder / safe_name(analysis.scan.case), contents, outdated)
    return {key: paths[file] for key, file in keys.items()}


def _encoded(outputs: Sequence[Output], results: CaseResults) -> dict[str, bytes]:
    return {output.file: output.encode(results) for output in outputs}
