"""The destinations of results.

``--send-to`` takes ``NAME=HOST:PORT/TITLE`` for C-STORE, ``NAME=https://...`` for STOW-RS, or
a name from the node's ``destinations.yaml``::

    orthanc: 127.0.0.1:4242/ORTHANC
    archive:
      to: https://pacs.example.org/dicom-web
      user: tumorscope
      password_file: /etc/tumorscope/archive.password

Secrets are in separate files, never on a command line or in this file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from tumorscope.core.errors import TumorscopeError
from tumorscope.dicom_network.dicomweb import Credentials, check_url

FILE = "destinations.yaml"
_PEER = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(?P<port>\d{1,5})/(?P<aet>[^\\\x00-\x1f\x7f-\U0010ffff]{1,16})"
)
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HOW = "write NAME=HOST:PORT/TITLE or NAME=https://..."


@dataclass(frozen=True)
class Peer:
    """An archive that accepts C-STORE."""

    name: str
    host: str
    port: int
    aet: str


@dataclass(frozen=True)
class WebArchive:
    """An archive that accepts STOW-RS."""

    name: str
    url: str
    credentials: Credentials


Destination = Peer | WebArchive


def find_destinations(given: Sequence[str], data: Path, option: str = "--send-to") -> list[Destination]:
    """The destinations that an option names.

    Args:
        given: each ``NAME=WHERE``, or a name from the file.
        data: the folder with ``destinations.yaml``.
        option: the name of the command line option, for errors.

    Raises:
        TumorscopeError: a name is unknown or given twice, or an address is invalid.
    """
    known: dict[str, object] | None = None
    destinations: dict[str, Destination] = {}
    for item in given:
        name, equals, address = item.partition("=")
        if not _NAME.fullmatch(name):
            raise TumorscopeError(f"{option} {item}: {_HOW}")
        if name in destinations:
            raise TumorscopeError(f"{option} {name} was given twice")
        if equals:
            destinations[name] = _destination(name, address)
            continue
        if known is None:
            known = _read(data / FILE)
        if name not in known:
            raise TumorscopeError(f"{option} {name}: not in {data / FILE}; add it there, or {_HOW}")
        destinations[name] = _destination(name, known[name])
    return list(destinations.values())


def _destination(name: str, value: object) -> Destination:
    options = dict(value) if isinstance(value, dict) else {"to": value}
    unknown = set(options) - {"to", "user", "password_file", "token_file"}
    if unknown:
        raise TumorscopeError(f"destination {name}: unknown {', '.join(sorted(map(str, unknown)))}; {_HOW}")
    address = str(options.get("to") or "")
    if address.lower().startswith(("http://", "https://")):
        return WebArchive(
            name,
            check_url(address),
            Credentials(_text(options, "user"), _path(options, "password_file"), _path(options, "token_file")),
        )
    peer = _PEER.fullmatch(address)
    if peer is None or not 0 < int(peer["port"]) < 65536 or not peer["aet"].strip():
        raise TumorscopeError(f"destination {name}: {address or 'an empty text'} is not an address; {_HOW}")
    if len(options) > 1:
        raise TumorscopeError(f"destination {name}: C-STORE has no user and password; use an https:// address")
    return Peer(name, peer["host"].strip("[]"), int(peer["port"]), peer["aet"].strip())


def _text(options: dict[str, object], key: str) -> str | None:
    return None if options.get(key) is None else str(options[key])


def _path(options: dict[str, object], key: str) -> Path | None:
    return None if options.get(key) is None else Path(str(options[key]))


def _read(path: Path) -> dict[str, object]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TumorscopeError(f"{path}: cannot be read as YAML; write one `name: host:port/title` per line") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise TumorscopeError(f"{path}: write one `name: host:port/title` per line")
    return {str(name): value for name, value in content.items()}
