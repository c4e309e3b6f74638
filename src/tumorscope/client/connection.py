"""Asking the service, and its errors in one line."""

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
"""How long to wait for a connection, and for the next bytes of an response."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LONGEST_DETAIL = 500

Value = TypeVar("Value", bound=BaseModel)


class Unavailable(TumorscopeError):
    """The service does not response, or cannot do anything now: worth another try."""


class Refused(TumorscopeError):
    """The service responded, and does not do what was asked.

    Attributes:
        status: of HTTP; 404 where there is no such thing, 0 where it was no response of this service.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def check_address(address: str) -> str:
    """The service's address, without a slash at its end.

    >>> check_address("https://mri.example.org/tumorscope/")
    'https://mri.example.org/tumorscope'

    Raises:
        TumorscopeError: it is none, or has a password in it.
    """
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise TumorscopeError(f"{address}: no address of a service; give one such as http://127.0.0.1:8000")
    parts = urlsplit(address)
    if parts.username or parts.password:
        raise TumorscopeError("the address has a user or password in it; give them on their own")
    if parts.query or parts.fragment:
        raise TumorscopeError(f"{address}: give the service's address without what follows ? or #")
    return address.rstrip("/")


def is_encrypted(address: str) -> bool:
    """Whether nobody on the network can read what is sent: TLS, or this very machine."""
    parts = urlsplit(address)
    return parts.scheme == "https" or parts.hostname in LOOPBACK


class Connection:
    """A service's address with who asks; every response is a value or an error in one line."""

    def __init__(self, address: str, token: str | None, user: tuple[str, str] | None) -> None:
        self.address = check_address(address)
        if token is not None and user is not None:
            raise TumorscopeError("give either a token, or a user and a password")
        headers = {"User-Agent": f"tumorscope/{__version__}", "Accept": "application/json"}
        if token is not None:
            if not token.isascii() or not token.isprintable() or " " in token or not token:
                raise TumorscopeError("the token is none: letters, digits and signs without spaces")
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx2.Client(
            base_url=self.address,
            auth=httpx2.BasicAuth(*user) if user is not None else None,
            headers=headers,
            timeout=httpx2.Timeout(RESPONSE_S, connect=CONNECT_S),
            # A proxy for the web is no way to this machine.
            mounts={f"all://{f'[{host}]' if ':' in host else host}": None for host in LOOPBACK},
        )

    def close(self) -> None:
        self._http.close()

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """One request and its whole response.

        Raises:
            Unavailable: no connection, no response in time, in trouble.
            Refused: the token, the address or the request is wrong.
        """
        with self.one_line_errors():
            response = self._http.request(method, path, **options)
            self._check(response)
            return response

    def value(self, kind: type[Value], method: str, path: str, **options: Any) -> Value:
        """One request whose response is JSON of this kind."""
        return self.read(kind, self.ask(method, path, **options).content)

    def read(self, kind: type[Value], content: bytes | str) -> Value:
        """JSON of the service as a value.

        Raises:
            Refused: it is none.
        """
        try:
            return kind.model_validate_json(content)
        except ValidationError as error:
            raise Refused(f"{self.address}: what it responses is no Tumorscope service; check the address") from error

    @contextmanager
    def streamed(self, path: str) -> Iterator[httpx2.Response]:
        """An response that is read piece by piece."""
        with self.one_line_errors(), self._http.stream("GET", path) as response:
            self._check(response)
            yield response

    @contextmanager
    def events(self, path: str, silence_s: float) -> Iterator[httpx2.EventSource]:
        """Server-sent events; a connection on which nothing comes for so long is given up."""
        timeout = httpx2.Timeout(silence_s, connect=CONNECT_S)
        with self.one_line_errors(), self._http.sse(path, timeout=timeout) as source:
            self._check(source.response)
            yield source

    @contextmanager
    def one_line_errors(self) -> Iterator[None]:
        """Turn what goes wrong on the way into one line."""
        try:
            yield
        except httpx2.ConnectTimeout as error:
            raise Unavailable(f"{self.address}: no response within {CONNECT_S:g} s; is the service running?") from error
        except httpx2.TimeoutException as error:
            raise Unavailable(f"{self.address}: nothing came for a long time; try again") from error
        except httpx2.ProxyError as error:
            raise Unavailable(
                f"{self.address}: the proxy lets nothing through; check HTTPS_PROXY and NO_PROXY"
            ) from error
        except httpx2.ConnectError as error:
            if _caused_by(error, ssl.SSLError):
                raise Refused(
                    f"{self.address}: its certificate is not trusted, or it does not speak TLS; check the address, "
                    "or name its authority's file in SSL_CERT_FILE"
                ) from error
            raise Unavailable(f"{self.address}: no connection ({_why(error)}); is the service running?") from error
        except httpx2.SSEError as error:
            raise Refused(f"{self.address}: sends no events") from error
        except (httpx2.NetworkError, httpx2.RemoteProtocolError) as error:
            raise Unavailable(f"{self.address}: the connection broke in the middle; try again") from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Refused(f"{self.address}: the request failed ({type(error).__name__}); check the address") from error

    def _check(self, response: httpx2.Response) -> None:
        if response.is_success:
            return
        if response.is_redirect:
            there = plain_line(response.headers.get("location", "somewhere else"))
            raise Refused(f"{self.address}: sends elsewhere ({there}); give that address", response.status_code)
        detail = _detail(response)
        status = response.status_code
        if status in (401, 407):
            raise Refused(f"{self.address}: access denied; check the token, or user and password", status)
        if status in (408, 425, 429, 502, 503, 504) or (status >= 500 and status != 501):
            why = detail or f"the service is in trouble ({status})"
            raise Unavailable(f"{self.address}: {why}; try again later")
        raise Refused(f"{self.address}: {detail or f'the service refused the request ({status})'}", status)


def plain_line(text: str) -> str:
    """One printable line of bounded length, whoever wrote it.

    >>> plain_line("a" + chr(27) + "[31m" + chr(10) + "b")
    'a [31m b'
    """
    shown = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return shown if len(shown) <= _LONGEST_DETAIL else f"{shown[:_LONGEST_DETAIL]}…"


def _detail(response: httpx2.Response) -> str | None:
    """The service's own line."""
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


def _why(error: Exception) -> str:
    text = str(error).lower()
    for sign, reason in (
        ("refused", "refused"),
        ("name or service not known", "no such host"),
        ("name resolution", "no such host"),
        ("nodename nor servname", "no such host"),
        ("no address associated", "no such host"),
        ("unreachable", "unreachable"),
        ("reset", "closed by the other side"),
    ):
        if sign in text:
            return reason
    return "it failed"
