"""Send a revision's DICOM results to an archive that the settings name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tumorscope.core.errors import TumorscopeError
from tumorscope.dicom_network.destinations import Destination, find_destinations
from tumorscope.dicom_network.sender import send_files
from tumorscope.dicom_network.upload import Pushed
from tumorscope.service.settings import ServiceSettings

AE_TITLE = "TUMORSCOPE"
"""The calling AE title of a C-STORE, as the node's by default."""


def result_destinations(settings: ServiceSettings) -> tuple[Destination, ...]:
    """The archives that the settings name.

    Raises:
        TumorscopeError: a name is unknown, or an address is invalid.
    """
    return tuple(find_destinations(settings.send_to, settings.data, "--send-to"))


def send_results(name: str, files: Sequence[Path], settings: ServiceSettings) -> list[Pushed]:
    """Send DICOM files to a destination; a refused file does not stop the others.

    Raises:
        Unavailable: the archive does not respond.
        TumorscopeError: there is no such destination.
    """
    for destination in result_destinations(settings):
        if destination.name == name:
            return list(send_files(destination, list(files), AE_TITLE))
    raise TumorscopeError("this service has no such archive to send results to")
