"""HTTP requests to the service; errors become one line."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx2
from pydantic import BaseModel, ValidationError

from tumorscope import __version__
from tumorscope.core.errors import TumorscopeError

CONNECT_S, RESPONSE_S = 10.0, 120.0
"""Timeouts of a connection and of the next bytes of a response."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_MAX_DETAIL = 500

Value = TypeVar("Value", bound=BaseModel)


class Unavailable(TumorscopeError):
    """The service does not respond or cannot process requests now; a retry may help."""


class Refused(TumorscopeError):
    """The service rejected the request.

    Attributes:
        status: of HTTP; 404 if something does not exist, 0 if the response is not from a Tumorscope service.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def check_address(address: str) -> str:
    """The service's address without a trailing slash.

    >>> check_address("https://mri.example.org/tumorscope/")
    'https://mri.example.org/tumorscope'

    Raises:
        TumorscopeError: the address is invalid or contains a password.
    """
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise TumorscopeError(f"{address}: not the address of a service; use one such as http://127.0.0.1:8000")
    parts = urlsplit(address)
    if parts.username or parts.password:
        raise TumorscopeError("the address contains a user or password; give them separately")
    if parts.query or parts.fragment:
        raise TumorscopeError(f"{address}: give the address without a query (?) or fragment (#)")
    return address.rstrip("/")


def is_encrypted(address: str) -> bool:
    """Whether traffic cannot be read on the network: TLS, or this machine."""
    parts = urlsplit(address)
    return parts.scheme == "https" or parts.hostname in LOOPBACK


class Connection:
    """An address with credentials; every response is a value or an error in one line."""

    def __init__(self, address: str, token: str | None, user: tuple[str, str] | None) -> None:
        self.address = check_address(address)
        if token is not None and user is not None:
            raise TumorscopeError("give either a token or a user with a password")
        headers = {"User-Agent": f"tumorscope/{__version__}", "Accept": "application/json"}
        if token is not None:
            if not token.isascii() or not token.isprintable() or " " in token or not token:
                raise TumorscopeError("the token is invalid: it must be printable ASCII without spaces")
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx2.Client(
            base_url=self.address,
            auth=httpx2.BasicAuth(*user) if user is not None else None,
            headers=headers,
            timeout=httpx2.Timeout(RESPONSE_S, connect=CONNECT_S),
            # Loopback addresses are not reachable through a proxy.
            mounts={f"all://{f'[{host}]' if ':' in host else host}": None for host in LOOPBACK},
        )

    def close(self) -> None:
        self._http.close()

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Send a request and return the complete response.

        Raises:
            Unavailable: no connection, a timeout, or a temporary error of the service.
            Refused: the token, the address or the request is wrong.
        """
        with self.one_line_errors():
            response = self._http.request(method, path, **options)
            self._check(response)
            return response

    def value(self, kind: type[Value], method: str, path: str, **options: Any) -> Value:
        """Send a request and validate its JSON response."""
        return self.read(kind, self.ask(method, path, **options).content)

    def read(self, kind: type[Value], content: bytes | str) -> Value:
        """Validate JSON of the service.

        Raises:
            Refused: the JSON does not match the model.
        """
        try:
            return kind.model_validate_json(content)
        except ValidationError as error:
            raise Refused(
                f"{self.address}: the response is not from a Tumorscope service; check the address"
            ) from error

    @contextmanager
    def streamed(self, path: str) -> Iterator[httpx2.Response]:
        """A response that is read in pieces."""
        with self.one_line_errors(), self._http.stream("GET", path) as response:
            self._check(response)
            yield response

    @contextmanager
    def events(self, path: str, silence_s: float) -> Iterator[httpx2.EventSource]:
        """Server-sent events; the connection times out after ``silence_s`` without data."""
        timeout = httpx2.Timeout(silence_s, connect=CONNECT_S)
        with self.one_line_errors(), self._http.sse(path, timeout=timeout) as source:
            self._check(source.response)
            yield source

    @contextmanager
    def one_line_errors(self) -> Iterator[None]:
        """Turn errors of the HTTP library into one line."""
        try:
            yield
        except httpx2.ConnectTimeout as error:
            raise Unavailable(f"{self.address}: no response within {CONNECT_S:g} s; is the service running?") from error
        except httpx2.TimeoutException as error:
            raise Unavailable(f"{self.address}: timeout while waiting for data; try again") from error
        except httpx2.ProxyError as error:
            raise Unavailable(
                f"{self.address}: the proxy rejects the connection; check HTTPS_PROXY and NO_PROXY"
            ) from error
        except httpx2.ConnectError as error:
            if _caused_by(error, ssl.SSLError):
                raise Refused(
                    f"{self.address}: its certificate is not trusted, or it does not speak TLS; check the address, "
                    "or set SSL_CERT_FILE to the file of its certificate authority"
                ) from error
            raise Unavailable(
                f"{self.address}: no connection ({_failure_reason(error)}); is the service running?"
            ) from error
        except httpx2.SSEError as error:
            raise Refused(f"{self.address}: does not send events") from error
        except (httpx2.NetworkError, httpx2.RemoteProtocolError) as error:
            raise Unavailable(f"{self.address}: the connection was interrupted; try again") from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Refused(f"{self.address}: the request failed ({type(error).__name__}); check the address") from error

    def _check(self, response: httpx2.Response) -> None:
        if response.is_success:
            return
        if response.is_redirect:
            target = plain_line(response.headers.get("location", "somewhere else"))
            raise Refused(f"{self.address}: redirects to {target}; use that address", response.status_code)
        detail = _detail(response)
        status = response.status_code
        if status in (401, 407):
            raise Refused(f"{self.address}: access denied; check the token, or user and password", status)
        if status in (408, 425, 429, 502, 503, 504) or (status >= 500 and status != 501):
            reason = detail or f"the service failed ({status})"
            raise Unavailable(f"{self.address}: {reason}; try again later")
        raise Refused(f"{self.address}: {detail or f'the service rejected the request ({status})'}", status)


def plain_line(text: str) -> str:
    """One printable line of limited length from untrusted text.

    >>> plain_line("a" + chr(27) + "[31m" + chr(10) + "b")
    'a [31m b'
    """
    shown = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return shown if len(shown) <= _MAX_DETAIL else f"{shown[:_MAX_DETAIL]}…"


def _detail(response: httpx2.Response) -> str | None:
    """The error text of the service."""
    try:
        response.read()
        detail = response.json().get("detail")
    except (ValueError, AttributeError, httpx2.HTTPError):
        return None
    return plain_line(detail) if isinstance(detail, str) and detail.strip() else None


def _caused_by(error: BaseException | None, kind: type[BaseException]) -> bool:
    while error is not None:
        if isinstance(error, kind):
            return True
        error = error.__cause__ or error.__context__
    return False


def _failure_reason(error: Exception) -> str:
    text = str(error).lower()
    for sign, reason in (
        ("refused", "refused"),
        ("name or service not known", "no such host"),
        ("name resolution", "no such host"),
        ("nodename nor servname", "no such host"),
        ("no address associated", "no such host"),
        ("unreachable", "unreachable"),
        ("reset", "closed by the peer"),
    ):
        if sign in text:
            return reason
    return "unknown reason"
