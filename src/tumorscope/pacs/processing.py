"""What the node does with a complete study: open it, analyse it, write the results."""

from __future__ import annotations

import dataclasses
from pathlib import Path


def process_study(folder: Path, out: Path, bundle: str) -> list[Path]:
    """Analyse a folder of DICOM images.

    Args:
        folder: the study's images; its name becomes the case's name.
        out: where the case's own folder goes.
        bundle: a name, a folder, or ``auto``.

    Returns:
        The DICOM objects among the results, which go back to the archive.

    Raises:
        TumorscopeError: the study cannot be analysed, or its results not be written as DICOM;
            one line that says why.
    """
    from tumorscope.analysis import analyze
    from tumorscope.engines import Engines
    from tumorscope.reading import open_scan
    from tumorscope.reporting import write_results
    from tumorscope.reporting.write import Outputs

    engines = Engines(bundle)
    scan = open_scan(folder)
    engine, reason = engines.for_scan(scan)
    analysis = dataclasses.replace(analyze(scan, engine), bundle_reason=reason)
    written = write_results(analysis, out, outputs=Outputs(dicom=True))
    return sorted(written["analysis"].parent.glob("*.dcm"))
