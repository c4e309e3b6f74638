import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from making import bright_flair, write_bundle
from service.conftest import FakeEngines

from tumorscope.inference.bundles import load_bundle
from tumorscope.inference.engine import Engine
from tumorscope.reporting.nifti_files import encode_nifti
from tumorscope.service.catalog import Catalog
from tumorscope.service.catalog_records import new_id
from tumorscope.service.settings import ServiceSettings, service_settings
from tumorscope.service.study_folders import Folders
from tumorscope.service.study_job import process
from tumorscope.service.web import create_app
from tumorscope.service.web.uploads.limits import Limits
from tumorscope.service.web.uploads.tree import UploadTree

HERE = "http://127.0.0.1:8000"


@pytest.fixture
def app(settings: ServiceSettings, catalog: Catalog) -> FastAPI:
    return create_app(settings, catalog)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url=HERE) as client:
        yield client


@pytest.fixture
def running(app: FastAPI) -> Iterator[tuple[str, int]]:
    """The service on a real port: host and port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield "127.0.0.1", listening.getsockname()[1]
        server.should_exit = True
        thread.join()


@pytest.fixture
def make_client(tmp_path: Path) -> Callable[..., TestClient]:
    """A client of a service with these settings."""

    def make(**given: object) -> TestClient:
        return TestClient(create_app(service_settings(data=tmp_path / "data", **given)), base_url=HERE)

    return make


@pytest.fixture
def make_tree(tmp_path: Path) -> Callable[..., UploadTree]:
    """The folder of an upload in progress, with these limits."""
    numbers = count()

    def make(**limits: float) -> UploadTree:
        root = tmp_path / f"upload-{next(numbers)}" / "incoming"
        root.mkdir(parents=True)
        return UploadTree(root, Limits(**limits))  # type: ignore[arg-type]

    return make


@pytest.fixture
def nifti() -> bytes:
    """A volume of noise, 32×24×6."""
    return encode_nifti(np.random.default_rng(0).integers(0, 900, (32, 24, 6), np.uint16), np.diag([1, 1, 5, 1]))


@dataclass(frozen=True)
class Analyzed:
    """A service with one analyzed study."""

    client: TestClient
    study: str
    data: Path

    @property
    def at(self) -> str:
        return f"/api/studies/{self.study}"

    @property
    def run(self) -> Path:
        return self.data / "studies" / self.study / "runs" / "1"


@pytest.fixture(scope="session")
def _analyzed_data(tmp_path_factory: pytest.TempPathFactory, phantom_files: Path) -> tuple[Path, str]:
    """The service's folder with one analyzed study in it."""
    place = tmp_path_factory.mktemp("analyzed")
    settings = service_settings(data=place / "data")
    folders, catalog = Folders(settings.data), Catalog.of(settings)
    bundle = load_bundle(str(write_bundle(place / "bundle", b"a model")))
    study = new_id()
    folders.import_upload(Path(shutil.copytree(phantom_files, folders.incoming() / "case")), study)
    catalog.create(study, "case one", "auto")
    engines = FakeEngines(Engine(bundle, "fake", "float", bright_flair))
    assert process(study, settings, catalog, folders, engines) == "done"  # type: ignore[arg-type]
    catalog.close()
    for each in (settings.data / "incoming").iterdir():
        each.rmdir()
    return settings.data, study


@pytest.fixture
def analyzed(_analyzed_data: tuple[Path, str], tmp_path: Path) -> Iterator[Analyzed]:
    original, study = _analyzed_data
    data = Path(shutil.copytree(original, tmp_path / "analyzed"))
    with TestClient(create_app(service_settings(data=data)), base_url=HERE) as client:
        yield Analyzed(client, study, data)
