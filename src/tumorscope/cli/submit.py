"""`tumorscope submit`: send scans to a service and download the findings."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from tumorscope.cli.analyze import SpacingOption
from tumorscope.core.errors import TumorscopeError


def command(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="Files and folders as for `analyze`, or ZIP archives of them; every case becomes a study.",
        ),
    ],
    to: Annotated[str, typer.Option(metavar="ADDRESS", help="Address of the service, such as http://127.0.0.1:8000.")],
    token: Annotated[
        str | None,
        typer.Option(
            help="The service's token. Prefer TUMORSCOPE_TOKEN: other users can see options.",
            show_default=False,
        ),
    ] = None,
    user: Annotated[
        str | None,
        typer.Option(help="User of the service; the password is TUMORSCOPE_PASSWORD, or prompted for."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results, one folder per case.")] = Path(
        "out"
    ),
    bundle: Annotated[
        str | None,
        typer.Option(
            help="A bundle of the service, or auto, which chooses by the sequences; else as the service is set."
        ),
    ] = None,
    register: Annotated[
        bool, typer.Option("--register", help="Rigidly co-register a case's series or volumes.")
    ] = False,
    spacing: SpacingOption = None,
    sequence: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE=NAME", help="What a file or a DICOM series shows, such as 7.nii.gz=t1c; repeat."),
    ] = None,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait/--no-wait", help="Wait for the results and download them; the same command can do so later."
        ),
    ] = True,
) -> None:
    """Send scans to a service, wait, and download the findings to OUT/<case>/ as `analyze` writes them.

    The same command resumes an interrupted one: nothing is sent or downloaded twice. A failed study does not
    stop the others.
    """
    from tumorscope.cli.sequence_options import stated_sequences
    from tumorscope.cli.submission import submit_cases, waiting_to_be_sent
    from tumorscope.client import Client, ReadingChoices
    from tumorscope.client.connection import is_encrypted
    from tumorscope.io.spacing import parse_spacing
    from tumorscope.io.stated_names import check_stated_names

    spacing_mm = None if spacing is None else parse_spacing(spacing)
    reading = ReadingChoices(register, spacing_mm, stated_sequences(sequence or []))
    if not any(path.suffix.lower() == ".zip" for path in paths):  # which is not looked into here
        check_stated_names(paths, reading.sequences)
    if token is None and user is None:
        token = os.environ.get("TUMORSCOPE_TOKEN")
    login = None if user is None else (user, _password(user))
    with Client(to, token, login) as client:
        if (token is not None or login is not None) and not is_encrypted(client.address):
            typer.echo(
                "note: http:// sends the password unencrypted; use https:// if the service supports it", err=True
            )
        client.about()
        submit_cases(client, waiting_to_be_sent(paths, reading), out, bundle, wait=wait, reading=reading)


def _password(user: str) -> str:
    given = os.environ.get("TUMORSCOPE_PASSWORD")
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise TumorscopeError(f"--user {user}: set TUMORSCOPE_PASSWORD; there is no terminal for a prompt")
    return typer.prompt("Password", hide_input=True, err=True)
