"""`tumorscope worker`: analyses what a service has taken, on this machine or another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tumorscope.cli.analyze import EngineChoice


def command(
    data: Annotated[
        Path | None,
        typer.Option(
            help="The service's folder; on another machine the same one, shared.  [default: tumorscope-service]"
        ),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            help="The service's: postgresql://USER@HOST/NAME; by default a SQLite file in the folder. An address with "
            "a password is better set as TUMORSCOPE_DATABASE: options can be seen by others."
        ),
    ] = None,
    queue: Annotated[
        str | None, typer.Option(help="The service's: redis://HOST:PORT/0; by default a SQLite file in the folder.")
    ] = None,
    bundle: Annotated[
        str | None, typer.Option(help="For uploads that name none: a bundle's name or folder.  [default: auto]")
    ] = None,
    engine: Annotated[
        EngineChoice | None, typer.Option(help="What runs the network.  [default: auto]", show_default=False)
    ] = None,
    keep_days: Annotated[
        str | None,
        typer.Option(metavar="DAYS", help="Remove studies that have been done for so long, or none.  [default: 30]"),
    ] = None,
    archive: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=URL", help="The DICOMweb services that the service may fetch from; repeat."),
    ] = None,
) -> None:
    """Analyze studies one after the other until told to stop; start as many as there are cores to spare.

    Every option may also be set in the environment, as TUMORSCOPE_DATA. SIGTERM or Ctrl-C ends it at the
    next step of an analysis, and the study goes to another worker, or waits for one. Killed hard, its
    study is done again once its lease has run out, a minute later.
    """
    from tumorscope.service.settings import service_settings
    from tumorscope.service.worker import run_program

    given: dict[str, Any] = {
        "data": data,
        "database": database,
        "queue": queue,
        "bundle": bundle,
        "engine": None if engine is None else engine.value,
        "archives": None if archive is None else tuple(archive),
    }
    given = {name: value for name, value in given.items() if value is not None}
    if keep_days is not None:
        given["keep_days"] = None if keep_days.lower() == "none" else keep_days
    run_program(service_settings(**given))
