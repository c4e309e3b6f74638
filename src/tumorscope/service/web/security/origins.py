"""Requests that another site makes a browser send are refused.

A browser adds this service's password, or its place on the same machine, to a request from any
page. Both of what it says about the page are asked: ``Origin`` (Fetch standard, 3.2) and
``Sec-Fetch-Site`` (Fetch Metadata). Programs send neither, and are not meant.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from tumorscope.service.web.security.responding import header_values, refuse

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES = frozenset({"same-origin", "none"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


class CrossSiteGuard:
    """Lets in what this service's own page asks for, what a person types, and programs.

    From elsewhere only a link may lead here: it shows the page, and tells the other site nothing.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _is_foreign(scope):
            await refuse(scope, receive, send, 403, "a request from another site; open this service's own page")
            return
        await self._app(scope, receive, send)


def _is_foreign(scope: Scope) -> bool:
    sites = header_values(scope, b"sec-fetch-site")
    elsewhere = any(site not in _OWN_SITES for site in sites)
    if scope["method"] in _SAFE:
        modes = header_values(scope, b"sec-fetch-mode")
        places = header_values(scope, b"sec-fetch-dest")
        return elsewhere and not (modes == ["navigate"] and places in ([], ["document"]))
    host = header_values(scope, b"host")[0]
    return elsewhere or any(not is_own_origin(origin, host) for origin in header_values(scope, b"origin"))


def is_own_origin(origin: str, host: str) -> bool:
    """Whether an origin names the host to which the request was sent.

    The scheme is not compared: a proxy may speak HTTPS for this service.

    >>> is_own_origin("http://localhost:8000", "localhost:8000"), is_own_origin("null", "localhost:8000")
    (True, False)
    """
    try:
        parts = urlsplit(origin)
        default = _DEFAULT_PORTS.get(parts.scheme)
        asked = urlsplit(f"//{host}")
        return (
            default is not None
            and parts.hostname is not None
            and parts.username is None
            and (parts.hostname, parts.port or default) == (asked.hostname, asked.port or default)
        )
    except ValueError:
        return False
