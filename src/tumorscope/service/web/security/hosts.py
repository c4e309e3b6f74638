"""Which names this service responses to.

A page elsewhere can give its own name the address 127.0.0.1 (DNS rebinding); its requests then
come from "the same origin" as the service, but carry that name in ``Host``.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from tumorscope.service.web.security.responding import header_values, refuse

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*)|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a service that listens there.

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
    """The name in a ``Host`` header, lower case and without port; None where it is none.

    >>> host_name("LocalHost:8000"), host_name("[::1]:8000"), host_name("localhost@evil.example")
    ('localhost', '::1', None)
    """
    found = _HOST.fullmatch(value)
    if found is None or int(found["port"] or 0) > 65535:
        return None
    return found["name"].strip("[]").removesuffix(".").lower()


class Hosts:
    """The names that are responded to.

    A service on this machine only responses to its loopback names and those it is given. One that
    listens on the network also responses to its machine's name, and to plain addresses, for those
    are no names that anybody could bind anew.
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


class HostGuard:
    """Refuses requests that were meant for another host."""

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            values = header_values(scope, b"host")
            if len(values) != 1 or not self._hosts.allow(values[0]):
                detail = "this service does not response to that host name; allow it with --allowed-host"
                await refuse(scope, receive, send, 400, detail)
                return
        await self._app(scope, receive, send)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
