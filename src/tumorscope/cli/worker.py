"""`tumorscope worker`: analyze a service's studies, on this machine or another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tumorscope.cli.analyze import EngineChoice, FlipsOption, LocationOption, require_location
from tumorscope.cli.service_options import ArchiveOption, KeepDaysOption, UploadBundleOption, settings_of


def command(
    data: Annotated[
        Path | None,
        typer.Option(help="The service's folder, shared by all machines.  [default: tumorscope-service]"),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            help="The service's database: postgresql://USER@HOST/NAME; by default a SQLite file in the folder. Prefer "
            "TUMORSCOPE_DATABASE for an address with a password: other users can see options."
        ),
    ] = None,
    queue: Annotated[
        str | None,
        typer.Option(help="The service's queue: redis://HOST:PORT/0; by default a SQLite file in the folder."),
    ] = None,
    bundle: UploadBundleOption = None,
    engine: Annotated[
        EngineChoice | None, typer.Option(help="Runtime of the networks.  [default: auto]", show_default=False)
    ] = None,
    location: LocationOption = False,
    flips: FlipsOption = False,
    keep_days: KeepDaysOption = None,
    archive: ArchiveOption = None,
) -> None:
    """Analyze studies one at a time until stopped; start one worker per spare core.

    Every option may also be set in the environment, as TUMORSCOPE_DATA. SIGTERM or Ctrl-C ends the worker at
    the next step of the analysis, and the study returns to the queue. The study of a killed worker is
    re-analyzed when its lease has expired, a minute later.
    """
    from tumorscope.service.worker import run_worker
    from tumorscope.studies.worker_process import run_program

    settings = settings_of(
        keep_days,
        data=data,
        database=database,
        queue=queue,
        bundle=bundle,
        engine=None if engine is None else engine.value,
        location=location or None,
        flips=flips or None,
        archives=archive,
    )
    if settings.location:
        require_location()
    run_program(lambda stop: run_worker(settings, stop))
