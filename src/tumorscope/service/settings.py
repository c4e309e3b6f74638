"""Settings of the service; each can be set in the environment as ``TUMORSCOPE_<NAME>``."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from tumorscope.core.errors import TumorscopeError
from tumorscope.inference.engine import EngineName

_PREFIX = "TUMORSCOPE_"
_ONLY_WEB = ("port", "token", "users", "allowed_hosts", "root_path", "trusted_proxies", "send_to")
"""Settings that a worker does not receive."""
_PATH_PART = re.compile(r"[A-Za-z0-9._~-]{1,100}")
_OWN_PATHS = ("api", "assets", "docs")
_ADDRESS = {
    "database": (("sqlite", "postgresql"), "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"),
    "queue": (("sqlite", "redis", "rediss"), "sqlite:///FILE or redis://HOST:PORT/0"),
}


def _split(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def clean_root_path(path: str) -> str:
    """The URL path prefix of the service, with a leading slash and without a trailing one.

    >>> clean_root_path("tumor/"), clean_root_path("/mri/tumor"), clean_root_path("/")
    ('/tumor', '/mri/tumor', '')

    Raises:
        ValueError: it is not a valid path, or one of the service's own.
    """
    parts = [part for part in path.strip().split("/") if part]
    if any(not _PATH_PART.fullmatch(part) or part in (".", "..") for part in parts):
        raise ValueError("write a path such as /tumor, of letters, digits, -, _, . and ~")
    if parts and parts[0] in _OWN_PATHS:
        raise ValueError(f"/{parts[0]} is a path of the service itself; choose another one")
    return "".join(f"/{part}" for part in parts)


def _clean_network(address: str) -> str:
    try:
        return str(ipaddress.ip_network(address, strict=False))
    except ValueError:
        raise ValueError("write a proxy's address or network, such as 127.0.0.1 or 10.0.0.0/8") from None


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Networks = Annotated[tuple[Annotated[str, AfterValidator(_clean_network)], ...], NoDecode, BeforeValidator(_split)]


class ServiceSettings(BaseSettings):
    """Settings of the service and its workers.

    Attributes:
        data: the folder of studies, shared by workers on all machines.
        host, port: of the web page and the HTTP interface.
        database: as SQLAlchemy URL; None for ``service.sqlite`` in ``data``.
        queue: ``redis://…``; None for ``queue.sqlite`` in ``data``.
        workers: number of worker processes on this machine.
        bundle: for uploads without a bundle.
        engine: the runtime of the networks.
        flips: average each network's outputs over left-right flips.
        register_series: rigidly co-register the series or volumes of every study, not only where an upload asks for it.
        location: name lobe and hemisphere of every study's lesions by an atlas.
        keep_days: finished studies are removed after this time; None keeps them.
        token: bearer token for API clients.
        users: passwords by name.
        allowed_hosts: host names that requests may use besides the service's own.
        root_path: the URL path prefix behind a proxy, ``/tumor``.
        trusted_proxies: addresses and networks of proxies whose ``X-Forwarded-Prefix`` and ``X-Forwarded-For``
            headers are used.
        archives: DICOMweb services from which studies may be fetched, ``NAME=https://…`` or a name in
            ``data/destinations.yaml``, which can give password files.
        send_to: archives that accept DICOM results from the page, ``NAME=HOST:PORT/TITLE`` for C-STORE,
            ``NAME=https://…`` for STOW-RS, or a name in ``data/destinations.yaml``.
        upload_bytes, upload_files, unpacked_bytes: limits per upload.
        lease_s: a worker that does not renew its lease for this time loses its study.
        attempts: a study that ended this many workers fails.
        longest_analysis_s: an analysis that takes longer counts as hung.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, env_parse_none_str="none")

    data: Path = Path("tumorscope-service")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    database: str | None = None
    queue: str | None = None
    workers: int = Field(default=1, ge=0, le=64)
    bundle: str = "auto"
    engine: EngineName = "auto"
    flips: bool = False
    register_series: bool = False
    location: bool = False
    keep_days: float | None = Field(default=30, ge=0)
    token: SecretStr | None = None
    users: Mapping[str, SecretStr] = {}
    allowed_hosts: Words = ()
    root_path: Annotated[str, AfterValidator(clean_root_path)] = ""
    trusted_proxies: Networks = ()
    archives: Words = ()
    send_to: Words = ()
    upload_bytes: int = Field(default=4 * 2**30, gt=0)
    upload_files: int = Field(default=20_000, gt=0)
    unpacked_bytes: int = Field(default=8 * 2**30, gt=0)
    lease_s: float = Field(default=60, gt=0)
    attempts: int = Field(default=3, gt=0)
    longest_analysis_s: float = Field(default=1800, gt=0)

    @model_validator(mode="after")
    def _check_addresses(self) -> ServiceSettings:
        for name, (known, how) in _ADDRESS.items():
            address = getattr(self, name)
            try:
                fits = address is None or make_url(address).get_backend_name() in known
            except ArgumentError:
                fits = False
            if not fits:
                raise ValueError(f"write {how}")  # without the address, which may hold a password
        return self

    @property
    def database_url(self) -> str:
        """The URL of the catalog's database, including the driver."""
        if self.database is None:
            return f"sqlite:///{self.data.absolute() / 'service.sqlite'}"
        url = make_url(self.database)
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        return url.render_as_string(hide_password=False)

    @property
    def queue_url(self) -> str:
        """The URL of the queue."""
        return self.queue or f"sqlite:///{self.data.absolute() / 'queue.sqlite'}"

    def environment(self) -> dict[str, str]:
        """The environment of a worker process with these settings; a command line would be visible to all users."""
        values: dict[str, str] = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if name in _ONLY_WEB or (value is None and name != "keep_days"):
                continue
            words = ",".join(value) if isinstance(value, tuple) else value
            values[_PREFIX + name.upper()] = "none" if words is None else str(words)
        return values | {f"{_PREFIX}DATA": str(self.data.absolute())}


def service_settings(**given: Any) -> ServiceSettings:
    """Settings from the given values, then the environment, then the defaults.

    Raises:
        TumorscopeError: one line about the first invalid setting, without its value.
    """
    try:
        return ServiceSettings(**given)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        name = ".".join(str(part) for part in fault["loc"])
        message = str(fault["msg"]).removeprefix("Value error, ")
        raise TumorscopeError(
            f"{name or 'the address of database or queue'}: {message[0].lower()}{message[1:]}"
        ) from None
