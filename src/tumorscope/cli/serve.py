"""`tumorscope serve`: the web page and the HTTP interface."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tumorscope.cli.analyze import FlipsOption, LocationOption, require_location
from tumorscope.cli.service_options import ArchiveOption, KeepDaysOption, UploadBundleOption, settings_of
from tumorscope.core.errors import TumorscopeError

if TYPE_CHECKING:
    from tumorscope.service.settings import ServiceSettings

_DEMO_SHAPE = (20, 192, 192)
"""Slices, rows, columns: large enough to look at, made in a few seconds."""
MIN_TOKEN, MIN_PASSWORD = 16, 12
"""Minimum lengths for a service that other machines can reach; shorter secrets can be guessed."""


def command(
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on. Any but this machine needs a token or a user.  [default: 127.0.0.1]"),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0 selects a free one.  [default: 8000]")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of uploads and results.  [default: tumorscope-service]")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(help="Bearer token for API clients. Prefer TUMORSCOPE_TOKEN: other users can see options."),
    ] = None,
    user: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME:PASSWORD",
            help='A user with a password; repeat. Prefer TUMORSCOPE_USERS=\'{"NAME": "PASSWORD"}\'.',
        ),
    ] = None,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="An additional host name of the service, such as a proxy's; repeat."),
    ] = None,
    root_path: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="URL path prefix of the service behind a proxy, such as /tumor."),
    ] = None,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS",
            help="A proxy's address or network whose X-Forwarded-Prefix and X-Forwarded-For headers are used; repeat.",
        ),
    ] = None,
    database: Annotated[
        str | None, typer.Option(help="postgresql://USER@HOST/NAME; by default a SQLite file in the folder.")
    ] = None,
    queue: Annotated[
        str | None, typer.Option(help="redis://HOST:PORT/0; by default a SQLite file in the folder.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=0, max=64, help="Number of worker processes on this machine; 0 for none.  [default: 1]"),
    ] = None,
    keep_days: KeepDaysOption = None,
    bundle: UploadBundleOption = None,
    register: Annotated[
        bool | None,
        typer.Option(
            "--register",
            help="Rigidly co-register the series or volumes of every study (needs SimpleITK).",
            show_default=False,
        ),
    ] = None,
    location: LocationOption = False,
    flips: FlipsOption = False,
    archive: ArchiveOption = None,
    send_to: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=WHERE",
            help="An archive to which users may send DICOM results: HOST:PORT/TITLE or https://...; repeat.",
        ),
    ] = None,
) -> None:
    """Serve the web page and the HTTP interface: drop a scan, follow its analysis, read the findings.

    Every option may also be set in the environment, as TUMORSCOPE_PORT or TUMORSCOPE_TOKEN. Ctrl-C stops the
    service; interrupted analyses resume at the next start.
    """
    import logging

    from tumorscope.cli.log import log_to_stderr
    from tumorscope.service.remote_archives import web_archives
    from tumorscope.service.web import create_app
    from tumorscope.service.web.server import serve
    from tumorscope.service.worker_processes import running_workers

    settings = settings_of(
        keep_days,
        host=host,
        port=port,
        data=data,
        token=token,
        users=_users(user),
        allowed_hosts=allowed_host,
        root_path=root_path,
        trusted_proxies=trusted_proxy,
        database=database,
        queue=queue,
        workers=workers,
        bundle=bundle,
        register_series=register,
        location=location or None,
        flips=flips or None,
        archives=archive,
        send_to=send_to,
    )
    if settings.location:
        require_location()
    _check_secrets(settings)
    web_archives(settings)  # reports mistakes in the archives now instead of at the first fetch
    log_to_stderr(tumorscope=logging.INFO, uvicorn_error=logging.WARNING)
    app = create_app(settings, write_demo_scan=_write_demo_scan)
    with _listen(settings.host, settings.port) as listening, running_workers(settings):
        typer.echo(f"Tumorscope is at {_url(settings.host, listening, settings.root_path)} (Ctrl-C stops it)", err=True)
        serve(app, listening, on_stop=app.state.backend.stopping.set)  # ends event streams, which would delay the stop


def _write_demo_scan(folder: Path) -> None:
    from tumorscope.datasets.phantom import demo_phantom, write_nifti

    write_nifti(demo_phantom(shape=_DEMO_SHAPE), folder)["mask"].unlink()


def _users(given: list[str] | None) -> dict[str, str] | None:
    """Passwords by user, from ``NAME:PASSWORD``."""
    if given is None:
        return None
    users = {}
    for each in given:
        name, separator, password = each.partition(":")
        if not (name and separator and password):
            raise TumorscopeError("--user takes NAME:PASSWORD")
        users[name] = password
    return users


def _check_secrets(settings: ServiceSettings) -> None:
    """Refuse secrets that could be guessed.

    Raises:
        TumorscopeError: a token or a password is too short.
    """
    from tumorscope.service.web.security.hosts import is_loopback

    secrets = [("the token", settings.token, MIN_TOKEN)] if settings.token is not None else []
    secrets += [(f"the password of {name}", password, MIN_PASSWORD) for name, password in settings.users.items()]
    for what, secret, shortest in secrets:
        length = len(secret.get_secret_value())
        if length == 0 or (length < shortest and not is_loopback(settings.host)):
            raise TumorscopeError(f"{what} is too short; use at least {shortest} characters")


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        TumorscopeError: the port is in use, or the address is not this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise TumorscopeError(f"{host}: not an address to listen on ({(error.strerror or '').lower()})") from error
    try:
        # Otherwise a service could not be restarted within a minute.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(1024)
    except OSError as error:
        listening.close()
        raise TumorscopeError(
            f"port {port} of {host} cannot be used ({(error.strerror or '').lower()}); choose another one with --port"
        ) from error
    return listening


def _url(host: str, listening: socket.socket, root_path: str) -> str:
    port = listening.getsockname()[1]
    shown = f"[{host.strip('[]')}]" if ":" in host else host
    return f"http://{shown}:{port}{root_path}/"
