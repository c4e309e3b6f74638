"""`tumorscope serve`: the page for people who open no terminal, and the interface for programs."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tumorscope.core.errors import TumorscopeError

if TYPE_CHECKING:
    from tumorscope.service.settings import ServiceSettings

SHORTEST_TOKEN, SHORTEST_PASSWORD = 16, 12
"""Of a service that other machines can reach: shorter ones can be guessed by trying."""


def command(
    host: Annotated[
        str | None,
        typer.Option(help="Where to listen. Other than this machine needs a token or a user.  [default: 127.0.0.1]"),
    ] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 takes a free one.  [default: 8000]")] = None,
    data: Annotated[
        Path | None, typer.Option(help="The service's folder: uploads and results.  [default: tumorscope-service]")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            help="What programs show to be let in. Better set TUMORSCOPE_TOKEN: options can be seen by others."
        ),
    ] = None,
    user: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME:PASSWORD",
            help='Who may come in; repeat. Better set TUMORSCOPE_USERS=\'{"NAME": "PASSWORD"}\'.',
        ),
    ] = None,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A name by which the service is asked, such as a proxy's; repeat."),
    ] = None,
    root_path: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="The path below which a proxy shows the service, such as /tumor."),
    ] = None,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS",
            help="A proxy's address or network whose X-Forwarded-Prefix and X-Forwarded-For are believed; repeat.",
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
        typer.Option(min=0, max=64, help="Processes that analyze here; 0 leaves it to others.  [default: 1]"),
    ] = None,
    keep_days: Annotated[
        str | None,
        typer.Option(metavar="DAYS", help="Remove studies that have been done for so long, or none.  [default: 30]"),
    ] = None,
    bundle: Annotated[
        str | None, typer.Option(help="For uploads that name none: a bundle's name or folder.  [default: auto]")
    ] = None,
    archive: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=URL", help="A DICOMweb service that studies may be fetched from; repeat."),
    ] = None,
) -> None:
    """Serve the page and the interface: drop a scan, watch it, read what was found.

    Every option may also be set in the environment, as TUMORSCOPE_PORT or TUMORSCOPE_TOKEN. Stop it with
    Ctrl-C; what was being analyzed is done when it runs again.
    """
    from tumorscope.service.remote_archives import web_archives
    from tumorscope.service.settings import service_settings
    from tumorscope.service.supervisor import Supervisor
    from tumorscope.service.web import create_app
    from tumorscope.service.web.server import serve

    given: dict[str, Any] = {
        "host": host,
        "port": port,
        "data": data,
        "token": token,
        "users": _users(user),
        "allowed_hosts": None if allowed_host is None else tuple(allowed_host),
        "root_path": root_path,
        "trusted_proxies": None if trusted_proxy is None else tuple(trusted_proxy),
        "database": database,
        "queue": queue,
        "workers": workers,
        "bundle": bundle,
        "archives": None if archive is None else tuple(archive),
    }
    given = {name: value for name, value in given.items() if value is not None}
    if keep_days is not None:
        given["keep_days"] = None if keep_days.lower() == "none" else keep_days
    settings = service_settings(**given)
    _check_secrets(settings)
    web_archives(settings)  # a mistake in their names is better told now than at the first fetch
    _log_to_stderr()
    app = create_app(settings)
    with _listen(settings.host, settings.port) as listening, Supervisor(settings):
        typer.echo(f"Tumorscope is at {_url(settings.host, listening, settings.root_path)} (Ctrl-C stops it)", err=True)
        serve(app, listening, on_stop=app.state.backend.stopping.set)  # streams of events would be waited for


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
    """Refuse what could be guessed, where others may try.

    Raises:
        TumorscopeError: a token or a password is too short.
    """
    from tumorscope.service.web.security.hosts import is_loopback

    secrets = [("the token", settings.token, SHORTEST_TOKEN)] if settings.token is not None else []
    secrets += [(f"the password of {name}", password, SHORTEST_PASSWORD) for name, password in settings.users.items()]
    for what, secret, shortest in secrets:
        length = len(secret.get_secret_value())
        if length == 0 or (length < shortest and not is_loopback(settings.host)):
            raise TumorscopeError(
                f"{what} is too short where other machines can try others; take {shortest} letters or more"
            )


def _listen(host: str, port: int) -> socket.socket:
    """A socket on which the service can be reached.

    Raises:
        TumorscopeError: the port is taken, or the address is not this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise TumorscopeError(f"{host}: no address to listen at ({(error.strerror or '').lower()})") from error
    try:
        # Otherwise a service that has just stopped could not start again for a minute.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(1024)
    except OSError as error:
        listening.close()
        raise TumorscopeError(
            f"port {port} of {host} cannot be used ({(error.strerror or '').lower()}); take another with --port"
        ) from error
    return listening


def _url(host: str, listening: socket.socket, root_path: str) -> str:
    port = listening.getsockname()[1]
    shown = f"[{host.strip('[]')}]" if ":" in host else host
    return f"http://{shown}:{port}{root_path}/"


def _log_to_stderr() -> None:
    import logging

    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    for name, level in (("tumorscope", logging.INFO), ("uvicorn.error", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False
