"""The URL path prefix and the client address behind a proxy.

Headers are used only if they come from a trusted proxy, since any client could send them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tumorscope.service.settings import clean_root_path
from tumorscope.service.web.security.rejection import header_values


class ProxyPrefixMiddleware:
    """Sets a request's root path and prepends it to the path if the proxy has removed it.

    Args:
        app: the next application.
        root_path: the URL path prefix of the service, ``/tumor``; empty for none.
        trusted: addresses and networks of proxies whose ``X-Forwarded-Prefix`` overrides ``root_path``.
    """

    def __init__(self, app: ASGIApp, root_path: str, trusted: Sequence[str]) -> None:
        self._app = app
        self._root_path = root_path
        self._trusted = [ipaddress.ip_network(each) for each in trusted]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        _unmap_client(scope)
        root = self._forwarded_prefix(scope) or self._root_path
        scope["root_path"] = root
        if root and scope["path"] == root:  # the page's URLs are relative to the path with a slash
            query = scope["query_string"].decode("latin-1")
            await RedirectResponse(f"{root}/{'?' if query else ''}{query}", 308)(scope, receive, send)
            return
        if root and not scope["path"].startswith(f"{root}/"):
            scope["path"] = root + scope["path"]
        await self._app(scope, receive, send)

    def _forwarded_prefix(self, scope: Scope) -> str:
        """The prefix that trusted proxies report, the outermost first; empty if there is none."""
        if not self._is_trusted(scope):
            return ""
        parts = [part for value in header_values(scope, b"x-forwarded-prefix") for part in value.split(",")]
        try:
            return clean_root_path("".join(clean_root_path(part) for part in parts))
        except ValueError:
            return ""

    def _is_trusted(self, scope: Scope) -> bool:
        try:
            address = ipaddress.ip_address(scope["client"][0])
        except (ValueError, TypeError):
            return False
        return any(address in network for network in self._trusted)


def route_path(scope: Scope) -> str:
    """The path below the root path."""
    return scope["path"].removeprefix(scope.get("root_path", ""))


def _unmap_client(scope: Scope) -> None:
    """Replace an IPv4-mapped IPv6 client address by the IPv4 address."""
    try:
        host, port = scope["client"]
        mapped = ipaddress.IPv6Address(host).ipv4_mapped
    except (ValueError, TypeError):
        return
    if mapped is not None:
        scope["client"] = (str(mapped), port)
