"""`tumorscope submit`: scans to a service, findings back."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from tumorscope.core.errors import TumorscopeError


def command(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...", help="What `analyze` takes, and zips of it; every case in them becomes a study."
        ),
    ],
    to: Annotated[str, typer.Option(metavar="ADDRESS", help="The service, such as http://127.0.0.1:8000.")],
    token: Annotated[
        str | None,
        typer.Option(
            help="The service's token. Better set TUMORSCOPE_TOKEN: options can be seen by others.",
            show_default=False,
        ),
    ] = None,
    user: Annotated[
        str | None,
        typer.Option(help="For a service with users; the password is TUMORSCOPE_PASSWORD, or asked for."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results, one folder a case.")] = Path("out"),
    bundle: Annotated[str, typer.Option(help="A bundle that the service has; auto chooses by the sequences.")] = "auto",
    wait: Annotated[
        bool,
        typer.Option("--wait/--no-wait", help="Wait and fetch the results; the same command later does so too."),
    ] = True,
) -> None:
    """Send scans to a service, wait, and fetch the findings: OUT/<case>/ as `analyze` writes it.

    Interrupted at any moment, the same command goes on: what was sent is not sent again, what was
    fetched stays. One study that fails does not stop the others.
    """
    from tumorscope.cli.submission import submit_cases, waiting_to_be_sent
    from tumorscope.client import Client
    from tumorscope.client.connection import is_encrypted

    if token is None and user is None:
        token = os.environ.get("TUMORSCOPE_TOKEN")
    login = None if user is None else (user, _password(user))
    with Client(to, token, login) as client:
        if (token is not None or login is not None) and not is_encrypted(client.address):
            typer.echo("note: http:// sends the password unencrypted; use https:// where the service has it", err=True)
        client.about()
        submit_cases(client, waiting_to_be_sent(paths), out, bundle, wait=wait)


def _password(user: str) -> str:
    given = os.environ.get("TUMORSCOPE_PASSWORD")
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise TumorscopeError(f"--user {user}: set TUMORSCOPE_PASSWORD; there is nobody here to be asked for it")
    return typer.prompt("Password", hide_input=True, err=True)
