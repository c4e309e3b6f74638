"""The host names that the service accepts, against DNS rebinding.

Another site can point its own name to 127.0.0.1; requests of its pages then have the same origin as the
service, but carry that name in ``Host``.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from tumorscope.service.web.security.rejection import header_values, reject

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*)|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?")


def is_loopback(host: str) -> bool:
    """Whether a service that listens at a host is reachable from this machine only.

    >>> [is_loopback(host) for host in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "pacs.example.org")]
    [True, True, True, False, False]
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_name(value: str) -> str | None:
    """The name in a ``Host`` header, in lower case and without port; None if it is invalid.

    >>> host_name("LocalHost:8000"), host_name("[::1]:8000"), host_name("localhost@evil.example")
    ('localhost', '::1', None)
    """
    match = _HOST.fullmatch(value)
    if match is None or int(match["port"] or 0) > 65535:
        return None
    return match["name"].strip("[]").removesuffix(".").lower()


class Hosts:
    """The accepted host names.

    A service on a loopback address accepts the loopback names and the configured names. A service on the
    network also accepts its machine's name and IP addresses, which DNS rebinding cannot use.
    """

    def __init__(self, listens_on: str, allowed: Iterable[str] = ()) -> None:
        given = {name for each in allowed if (name := host_name(each) or host_name(f"[{each}]")) is not None}
        self._names = LOOPBACK_NAMES | given | {listens_on.strip("[]").lower()}
        self._addresses = not is_loopback(listens_on)
        if self._addresses:
            self._names |= {socket.gethostname().lower()}

    def allow(self, header: str) -> bool:
        name = host_name(header)
        if name is None:
            return False
        return name in self._names or (self._addresses and _is_address(name))


class HostMiddleware:
    """Rejects requests for other host names."""

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            values = header_values(scope, b"host")
            if len(values) != 1 or not self._hosts.allow(values[0]):
                detail = "this service does not accept this host name; allow it with --allowed-host"
                await reject(scope, receive, send, 400, detail)
                return
        await self._app(scope, receive, send)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
