"""A DICOMweb client with timeouts and credentials; errors become one line."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tumorscope.core.errors import TumorscopeError

if TYPE_CHECKING:
    from dicomweb_client import DICOMwebClient

CONNECT_S, RESPONSE_S = 10.0, 120.0
"""Timeouts of a connection and of the next bytes of a response."""

_IN_ONE_REQUEST = 2**31
"""Disables the library's chunked upload, which sends nothing when it is retried after a busy response."""


@dataclass(frozen=True)
class Credentials:
    """A user with a password, or a token; the secrets are in files.

    Attributes:
        user: for HTTP basic authentication.
        password_file: with the password in its first line.
        token_file: with a bearer token in its first line.
    """

    user: str | None = None
    password_file: Path | None = None
    token_file: Path | None = None

    def __post_init__(self) -> None:
        if (self.user is None) != (self.password_file is None):
            raise TumorscopeError("a user and a password file belong together; give both or none")
        if self.user is not None and self.token_file is not None:
            raise TumorscopeError("give either a user with a password file, or a token file")


class Unavailable(TumorscopeError):
    """The service does not respond or cannot process requests now; a later retry may help."""


class Refused(TumorscopeError):
    """The service rejected the request."""


def check_url(url: str) -> str:
    """The address of a DICOMweb service without a trailing slash.

    Raises:
        TumorscopeError: the address is invalid or contains a password.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        raise TumorscopeError("the address is not a URL; use one such as https://pacs.example.org/dicom-web") from None
    if not usable:
        raise TumorscopeError(f"{url}: not a DICOMweb address; use one such as https://pacs.example.org/dicom-web")
    if parts.username or parts.password:
        raise TumorscopeError("the address contains a user or password; use --user and --password-file instead")
    return url.rstrip("/")


def connect(url: str, credentials: Credentials | None = None) -> DICOMwebClient:
    """Create a client; it connects at the first request.

    Raises:
        TumorscopeError: the address is invalid, or a file with a secret cannot be read.
    """
    from dicomweb_client import DICOMwebClient
    from requests import Session

    address, given = check_url(url), credentials or Credentials()
    session = Session()
    if given.user is not None and given.password_file is not None:
        session.auth = (given.user, _secret(given.password_file))
    elif given.token_file is not None:
        session.headers["Authorization"] = f"Bearer {_secret(given.token_file)}"
        session.trust_env = False  # a password in .netrc would replace the token
    logging.getLogger("dicomweb_client").setLevel(logging.CRITICAL)  # it logs UIDs
    client = DICOMwebClient(address, session, timeout=(CONNECT_S, RESPONSE_S), permissive_uid=True)
    client.set_http_retry_params(max_attempts=3, wait_exponential_multiplier=500)
    return client


def connect_to_store(url: str, credentials: Credentials | None = None) -> DICOMwebClient:
    """Create a client for sending; see :func:`connect`."""
    client = connect(url, credentials)
    client.set_chunk_size(_IN_ONE_REQUEST)
    return client


@contextmanager
def one_line_errors(client: DICOMwebClient) -> Iterator[None]:
    """Turn errors of the HTTP and DICOMweb libraries into one line.

    Raises:
        Unavailable: no connection, a timeout, or the service is busy.
        Refused: the password, the address, the request or the response is wrong.
    """
    import requests

    at = f"{client.base_url}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's warnings contain values
            yield
    except TumorscopeError:
        raise
    except requests.exceptions.SSLError as error:
        raise Refused(f"{at}: its certificate is not trusted, or it does not speak TLS; check the address") from error
    except requests.exceptions.ConnectTimeout as error:
        raise Unavailable(f"{at}: no response within {CONNECT_S:g} s; is the service running?") from error
    except requests.exceptions.Timeout as error:
        raise Unavailable(f"{at}: no data within {RESPONSE_S:g} s; try again") from error
    except requests.exceptions.ProxyError as error:
        raise Unavailable(f"{at}: the proxy lets nothing through; check HTTP_PROXY and NO_PROXY") from error
    except requests.exceptions.ChunkedEncodingError as error:
        raise Unavailable(f"{at}: the connection was interrupted; run it again to resume") from error
    except requests.exceptions.ConnectionError as error:
        raise Unavailable(f"{at}: no connection ({_connection_error(error)}); is the service running?") from error
    except requests.exceptions.HTTPError as error:
        raise _of_status(at, error.response.status_code if error.response is not None else 0) from error
    except requests.exceptions.InvalidJSONError as error:
        raise Refused(f"{at}: the response is not DICOMweb; check the address") from error
    except requests.exceptions.RequestException as error:
        raise Refused(f"{at}: the request failed ({type(error).__name__}); check the address") from error
    except OSError as error:
        raise Unavailable(f"{at}: the connection broke ({(error.strerror or 'unknown reason').lower()})") from error
    except Exception as error:  # neither JSON nor DICOM, or an unexpected response
        if type(error).__name__ == "RetryError":
            raise Unavailable(f"{at}: is busy; try again later") from error
        raise Refused(f"{at}: the response is not DICOMweb; check the address") from error


def _of_status(at: str, status: int) -> TumorscopeError:
    if status in (401, 403):
        return Refused(f"{at}: access denied ({status}); check --user and --password-file, or --token-file")
    if status in (404, 405, 501):
        return Refused(f"{at}: not found ({status}); check the address and the UID")
    if status in (408, 425, 429) or (status >= 500 and status != 505):
        return Unavailable(f"{at}: the service failed ({status}); try again later")
    return Refused(f"{at}: the service rejected the request ({status})")


def _connection_error(error: Exception) -> str:
    text = str(error)
    for sign, reason in (
        ("refused", "refused"),
        ("NameResolution", "no such host"),
        ("Name or service not known", "no such host"),
        ("unreachable", "unreachable"),
        ("reset", "closed by the peer"),
        ("aborted", "closed by the peer"),
        ("Disconnected", "closed by the peer"),
    ):
        if sign.lower() in text.lower():
            return reason
    return "unknown reason"


def _secret(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TumorscopeError(f"{path}: cannot be read; its first line must be the secret") from error
    if not lines or not lines[0].strip():
        raise TumorscopeError(f"{path}: is empty; its first line must be the secret")
    return lines[0].strip()
