from collections.abc import Iterator

import pytest
from dicom_peers import Orthanc, running_orthanc


@pytest.fixture(scope="session")
def _peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as peer:
        yield peer


@pytest.fixture
def orthanc(_peer: Orthanc) -> Orthanc:
    """An empty archive."""
    _peer.forget()
    return _peer


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bypass any proxy for local services."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
