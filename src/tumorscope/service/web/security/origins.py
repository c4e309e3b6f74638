"""Protection against cross-site requests.

A browser sends this service's password, or reaches a service on its own machine, for pages of any site.
Two headers describe the page and are checked: ``Origin`` (Fetch standard, 3.2) and ``Sec-Fetch-Site``
(Fetch Metadata). API clients send neither and are not affected.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from tumorscope.service.web.security.rejection import header_values, reject

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES = frozenset({"same-origin", "none"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


class CrossSiteMiddleware:
    """Accepts requests of the service's own page, typed addresses, and API clients.

    Of other sites, only links are accepted: they open the page and reveal nothing to the other site.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _is_foreign(scope):
            await reject(scope, receive, send, 403, "cross-site request; open this service's own page")
            return
        await self._app(scope, receive, send)


def _is_foreign(scope: Scope) -> bool:
    sites = header_values(scope, b"sec-fetch-site")
    elsewhere = any(site not in _OWN_SITES for site in sites)
    if scope["method"] in _SAFE:
        modes = header_values(scope, b"sec-fetch-mode")
        destinations = header_values(scope, b"sec-fetch-dest")
        return elsewhere and not (modes == ["navigate"] and destinations in ([], ["document"]))
    host = header_values(scope, b"host")[0]
    return elsewhere or any(not is_own_origin(origin, host) for origin in header_values(scope, b"origin"))


def is_own_origin(origin: str, host: str) -> bool:
    """Whether an origin is the host of the request.

    The scheme is not compared, since a proxy may provide HTTPS.

    >>> is_own_origin("http://localhost:8000", "localhost:8000"), is_own_origin("null", "localhost:8000")
    (True, False)
    """
    try:
        parts = urlsplit(origin)
        default = _DEFAULT_PORTS.get(parts.scheme)
        requested = urlsplit(f"//{host}")
        return (
            default is not None
            and parts.hostname is not None
            and parts.username is None
            and (parts.hostname, parts.port or default) == (requested.hostname, requested.port or default)
        )
    except ValueError:
        return False
