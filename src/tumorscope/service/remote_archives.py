"""Fetch studies by DICOMweb from the archives that the settings allow."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path

from tumorscope.core.errors import TumorscopeError
from tumorscope.dicom_network.destinations import WebArchive, find_destinations
from tumorscope.dicom_network.dicomweb import Credentials, check_url, connect
from tumorscope.dicom_network.retrieval import pull_study
from tumorscope.service.settings import ServiceSettings

_BETWEEN = "/studies/"
_UID = re.compile(r"[0-9.]{1,64}")


def web_archives(settings: ServiceSettings) -> tuple[WebArchive, ...]:
    """The archives that the settings name.

    Raises:
        TumorscopeError: a name is unknown or does not name a DICOMweb service.
    """
    archives = []
    for each in find_destinations(settings.archives, settings.data, "--archive"):
        if not isinstance(each, WebArchive):
            raise TumorscopeError(f"--archive {each.name}: studies are fetched by DICOMweb; name an https:// address")
        archives.append(each)
    return tuple(archives)


def check_address(address: str, settings: ServiceSettings) -> str:
    """Check that a study may be fetched from an address; return its StudyInstanceUID.

    A service that other machines can reach fetches only from the archives in its settings: users could
    otherwise make it send requests to any machine in its network.

    Raises:
        TumorscopeError: it may not be fetched, or the address does not name a study.
    """
    base, study = _parts(address)
    _credentials(base, settings)
    return study


def fetch_study(address: str, out: Path, settings: ServiceSettings, on_progress: Callable[[int, int], None]) -> None:
    """Fetch a study into a folder; files of an earlier attempt are kept.

    Raises:
        TumorscopeError: the address is not allowed, the study does not exist, the connection failed and the like.
    """
    base, study = _parts(address)
    pull_study(connect(base, _credentials(base, settings)), study, out, on_progress)


def _parts(address: str) -> tuple[str, str]:
    base, between, study = check_url(address).rpartition(_BETWEEN)
    if not between or not _UID.fullmatch(study):
        raise TumorscopeError(f"the address does not name a study; it must end in {_BETWEEN}<StudyInstanceUID>")
    return base, study


def _credentials(base: str, settings: ServiceSettings) -> Credentials | None:
    archives = web_archives(settings)
    for archive in archives:
        if archive.url == base:
            return archive.credentials
    if archives or not _only_this_machine(settings.host):
        raise TumorscopeError("studies are not fetched from this address; the service's --archive names those that are")
    return None


def _only_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
