"""Real DICOM peers for tests: Orthanc on ports of its own, the checker dciodvfy, and plastimatch.

All are Debian packages (``orthanc``, ``orthanc-dicomweb``, ``dicom3tools``, ``plastimatch``; ``dcmtk`` for
``storescu`` and its kin). Mark a test with :func:`needs`; it is skipped where one is missing.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ports import free_ports

PLUGINS = Path("/usr/share/orthanc/plugins")
_PACKAGES = {"Orthanc": "orthanc orthanc-dicomweb", "dciodvfy": "dicom3tools", "plastimatch": "plastimatch"}
_STARTED_S, _STOPPED_S = 60, 20
# What is on this machine is asked without the proxy that the environment may name.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip a test, with the package to install, where a program is missing: ``@needs("Orthanc", "storescu")``."""
    missing = [name for name in programs if program(name) is None]
    if "Orthanc" in programs and not missing and not (PLUGINS / "libOrthancDicomWeb.so").exists():
        missing = ["Orthanc"]
    packages = " ".join(_PACKAGES.get(name, "dcmtk") for name in missing)
    return pytest.mark.skipif(bool(missing), reason=f"no {', '.join(missing)}: apt-get install {packages}")


def program(name: str) -> str | None:
    """The path of a system's program; None if it is missing.

    pynetdicom installs scripts of DCMTK's names beside Python, and an activated environment has these first on its path.
    """
    own = Path(sys.executable).parent
    folders = [folder for folder in os.environ.get("PATH", "").split(os.pathsep) if Path(folder) != own]
    return shutil.which(name, path=os.pathsep.join(folders))


def iod_errors(content: bytes) -> list[str]:
    """What dciodvfy finds wrong in a DICOM file; nothing if the object is what its class asks for."""
    with tempfile.NamedTemporaryFile(suffix=".dcm") as file:
        file.write(content)
        file.flush()
        run = subprocess.run(["dciodvfy", file.name], capture_output=True, text=True, errors="replace", timeout=120)
    lines = (run.stdout + run.stderr).splitlines()
    if not any(line.strip() and not line.startswith(("Error", "Warning")) for line in lines):
        return [*lines, "dciodvfy did not name the object's class"]
    return [line for line in lines if line.startswith("Error")]


@dataclass(frozen=True)
class Orthanc:
    """A running Orthanc.

    Attributes:
        http_port, dicom_port: where it listens on 127.0.0.1.
        aet: its application entity title.
    """

    http_port: int
    dicom_port: int
    aet: str = "ORTHANC"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def dicom_web(self) -> str:
        return f"{self.url}/dicom-web"

    def ask(self, path: str, body: bytes | None = None, method: str | None = None, **headers: str) -> bytes:
        """Its response to a request at ``path``, such as ``/instances``."""
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        with _DIRECT.open(request, timeout=60) as response:
            return response.read()

    def json(self, path: str, body: Any = None) -> Any:
        """A response in JSON; with a body the request is a POST."""
        return json.loads(self.ask(path, None if body is None else json.dumps(body).encode()))

    def stored(self) -> dict[str, bytes]:
        """The files it holds, by SOPInstanceUID."""
        files = {}
        for identifier in self.json("/instances"):
            uid = self.json(f"/instances/{identifier}")["MainDicomTags"]["SOPInstanceUID"]
            files[uid] = self.ask(f"/instances/{identifier}/file")
        return files

    def forget(self) -> None:
        """Remove everything it holds."""
        for identifier in self.json("/patients"):
            self.ask(f"/patients/{identifier}", method="DELETE")


@contextmanager
def running_orthanc(
    folder: Path, modalities: Mapping[str, tuple[str, str, int]] | None = None, **settings: Any
) -> Iterator[Orthanc]:
    """An Orthanc with empty storage in ``folder``, up when this returns and stopped by its process id.

    It takes C-STORE from everyone and responds to DICOMweb below ``/dicom-web``; HTTP only from this machine.

    Args:
        folder: for its storage, settings and log (``orthanc.log``).
        modalities: peers that it may send to: name to (title, host, port).
        settings: any of Orthanc's own, put last.
    """
    folder.mkdir(parents=True, exist_ok=True)
    http_port, dicom_port = free_ports(2)
    peer = Orthanc(http_port, dicom_port)
    configuration = {
        "Name": "tests",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": http_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomPort": dicom_port,
        "DicomAet": peer.aet,
        "DicomCheckCalledAet": False,
        "DicomAlwaysAllowEcho": True,
        "DicomAlwaysAllowStore": True,
        "UnknownSopClassAccepted": True,
        "StableAge": 1,
        "DicomModalities": {name: list(place) for name, place in (modalities or {}).items()},
        "Plugins": [str(PLUGINS)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        **settings,
    }
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    with (folder / "orthanc.log").open("w") as log:
        process = subprocess.Popen(["Orthanc", str(folder / "orthanc.json")], stdout=log, stderr=log)
    try:
        if not _responds(peer, process):
            raise RuntimeError(
                f"Orthanc did not start:\n{(folder / 'orthanc.log').read_text(errors='replace')[-2000:]}"
            )
        yield peer
    finally:
        _stop(process)


def _responds(peer: Orthanc, process: subprocess.Popen[bytes]) -> bool:
    end = time.monotonic() + _STARTED_S
    while time.monotonic() < end and process.poll() is None:
        try:
            peer.ask("/system")
            return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_STOPPED_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
