"""Options that `serve` and `worker` share, and the settings that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from tumorscope.service.settings import ServiceSettings

UploadBundleOption = Annotated[
    str | None, typer.Option(help="Bundle for uploads without one: a name or a folder.  [default: auto]")
]
KeepDaysOption = Annotated[
    str | None,
    typer.Option(metavar="DAYS", help="Remove finished studies after this time; none keeps them.  [default: 30]"),
]
ArchiveOption = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=URL", help="A DICOMweb service from which studies may be fetched; repeat."),
]


def settings_of(keep_days: str | None, **given: Any) -> ServiceSettings:
    """The settings of a command line: those given, then the environment, then the defaults.

    Args:
        keep_days: a number, or ``none``.
        given: by the settings' names; None where the option was not given, and lists for several values.
    """
    from tumorscope.service.settings import service_settings

    stated = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    stated = {name: value for name, value in stated.items() if value is not None}
    if keep_days is not None:
        stated["keep_days"] = None if keep_days.lower() == "none" else keep_days
    return service_settings(**stated)
