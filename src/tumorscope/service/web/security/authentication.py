"""Authentication by token, or by user and password."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send

from tumorscope.service.web.security.proxies import route_path
from tumorscope.service.web.security.rejection import header_values, reject
from tumorscope.service.web.security.throttle import Throttle

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
"""Paths for monitoring; they only reveal whether the service is ready."""

_CHALLENGE = {"www-authenticate": 'Basic realm="Tumorscope", charset="UTF-8"'}


class Credentials:
    """The credentials that the service accepts.

    Secrets are stored as digests, and every one is compared in constant time: the time of a response
    reveals neither a user's name nor a part of a password.

    Args:
        token: for ``Authorization: Bearer``; a browser may send it as the password of any user.
        users: password by user name.
    """

    def __init__(self, token: SecretStr | None, users: Mapping[str, SecretStr]) -> None:
        self._token = None if token is None else _digest(token.get_secret_value())
        self._users = [(_digest(name), _digest(password.get_secret_value())) for name, password in users.items()]

    @property
    def needed(self) -> bool:
        """Whether authentication is configured."""
        return self._token is not None or bool(self._users)

    def accept(self, authorization: str) -> bool:
        """Whether the value of an ``Authorization`` header is valid."""
        scheme, _, value = authorization.strip().partition(" ")
        if scheme.lower() == "bearer":
            return self._knows_token(_bytes(value.strip()))
        if scheme.lower() != "basic":
            return False
        try:
            decoded = base64.b64decode(value.strip(), validate=True)
        except (binascii.Error, ValueError):
            return False
        name, separator, password = decoded.partition(b":")
        known = [
            hmac.compare_digest(user, _digest(name)) & hmac.compare_digest(secret, _digest(password))
            for user, secret in self._users
        ]
        return bool(separator) and (any(known) | self._knows_token(password))

    def _knows_token(self, given: bytes) -> bool:
        return self._token is not None and hmac.compare_digest(self._token, _digest(given))


class AuthenticationMiddleware:
    """Requires credentials for all paths but :data:`OPEN_PATHS`, and slows down guessing."""

    def __init__(self, app: ASGIApp, credentials: Credentials, throttle: Throttle) -> None:
        self._app = app
        self._credentials = credentials
        self._throttle = throttle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._credentials.needed and route_path(scope) not in OPEN_PATHS:
            rejection = self._rejection(scope)
            if rejection is not None:
                await reject(scope, receive, send, *rejection)
                return
        await self._app(scope, receive, send)

    def _rejection(self, scope: Scope) -> tuple[int, str, dict[str, str]] | None:
        """Status, detail and headers of the response to an unauthenticated request; None if it is valid."""
        given = header_values(scope, b"authorization")
        if len(given) != 1:
            return 401, "authentication required: send a token, or a user and a password", _CHALLENGE
        address = (scope.get("client") or ("",))[0]
        wait_s = self._throttle.wait_s(address, given[0])
        if wait_s:
            line = "too many wrong tokens or passwords from your address; wait and try again"
            return 429, line, {"retry-after": str(wait_s)}
        if self._credentials.accept(given[0]):
            self._throttle.accept(address, given[0])
            return None
        self._throttle.reject(address, given[0])
        return 401, "the token or the password is wrong", _CHALLENGE


def _digest(secret: str | bytes) -> bytes:
    return hashlib.sha256(secret.encode() if isinstance(secret, str) else secret).digest()


def _bytes(text: str) -> bytes:
    return text.encode("latin-1", "replace")
