"""`tumorscope demo`: a phantom case from scan to report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")] = Path("demo"),
) -> None:
    """Analyze a phantom with a known tumor and list the results."""
    import time

    from tumorscope.cli.running import run_cases
    from tumorscope.datasets.phantom import demo_phantom, write_nifti
    from tumorscope.reporting.outputs import OUTPUTS
    from tumorscope.studies.case import AnalysisOptions, Case

    typer.echo("Making a phantom: a procedural head with one tumor of known contour.")
    phantom = demo_phantom()
    files = write_nifti(phantom, out / "input" / "phantom")
    sequences = {name: path for name, path in files.items() if name != "mask"}
    started = time.perf_counter()
    outcome = run_cases([Case(None, sequences)], out, "lgg", options=AnalysisOptions(truth=files["mask"]))
    assert outcome is not None
    assert outcome.folder is not None
    typer.echo(f"\nAnalyzed in {time.perf_counter() - started:.1f} s. Look at:")
    for output in OUTPUTS:
        if (outcome.folder / output.file).is_file():
            typer.echo(f"  {outcome.folder / output.file}")
