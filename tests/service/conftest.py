import logging
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from making import bright_flair, write_bundle
from service.stores import TIMEOUT_S, empty_database, running_postgresql, running_redis

from tumorscope.datasets.phantom import make_phantom, plausible_lesion, write_nifti
from tumorscope.inference.bundles import load_bundle
from tumorscope.inference.engine import Engine
from tumorscope.inference.engine_pool import ChosenEngine
from tumorscope.service.catalog import Catalog
from tumorscope.service.catalog_records import new_id
from tumorscope.service.queue import StudyQueue, make_queue
from tumorscope.service.settings import ServiceSettings, service_settings
from tumorscope.service.study_folders import Folders


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A PostgreSQL server's address; see :func:`service.stores.empty_database`."""
    with running_postgresql() as address:
        yield address


@pytest.fixture(scope="session")
def redis() -> Iterator[str]:
    """A Redis server's address."""
    with running_redis() as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'catalog.sqlite'}"
    address = empty_database(request.getfixturevalue("postgresql"))
    return service_settings(database=address).database_url


@pytest.fixture(params=["sqlite", "redis"])
def queue_address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty queue, of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'messages.sqlite'}"
    address = request.getfixturevalue("redis")
    import redis

    redis.Redis.from_url(address).flushall()
    return address


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove settings of this machine's environment."""
    import os

    for name in [name for name in os.environ if name.startswith("TUMORSCOPE_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def settings(tmp_path: Path) -> ServiceSettings:
    return service_settings(data=tmp_path / "data")


@pytest.fixture
def folders(settings: ServiceSettings) -> Folders:
    return Folders(settings.data)


@pytest.fixture(scope="session")
def _empty_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables, which take longer to make than most tests take."""
    settings = service_settings(data=tmp_path_factory.mktemp("catalog") / "data")
    Catalog.of(settings).close()
    return settings.data / "service.sqlite"


@pytest.fixture
def catalog(settings: ServiceSettings, _empty_catalog: Path) -> Iterator[Catalog]:
    settings.data.mkdir(exist_ok=True)
    shutil.copy(_empty_catalog, settings.data)
    opened = Catalog.of(settings)
    yield opened
    opened.close()


@pytest.fixture
def queue(settings: ServiceSettings) -> StudyQueue:
    return make_queue(settings)


class FakeEngines:
    """Fake engines of every bundle: FLAIR far above the median is tumor."""

    bundles = ()

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.scans = 0

    def __call__(self, bundle: str) -> "FakeEngines":
        return self

    def for_scan(self, scan: object) -> tuple[ChosenEngine, ...]:
        self.scans += 1
        return (ChosenEngine(self.engine, None),)


@pytest.fixture
def engines(tmp_path: Path) -> Any:
    """As :func:`tumorscope.service.study_job.load_engines`, with a function instead of a network."""
    bundle = load_bundle(str(write_bundle(tmp_path / "bundle", b"a model")))
    return FakeEngines(Engine(bundle, "fake", "float", partial(bright_flair, threshold=1.5)))


@pytest.fixture(scope="session")
def phantom_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with t1, flair and t1c of a head with a tumor, nine small slices."""
    folder = tmp_path_factory.mktemp("phantom")
    write_nifti(make_phantom([plausible_lesion(0)], seed=0, shape=(9, 96, 96)), folder)["mask"].unlink()
    return folder


@pytest.fixture
def upload(phantom_files: Path, folders: Folders, catalog: Catalog) -> Callable[[], str]:
    """Creates a study from the phantom as an upload does, without a message; returns its id."""

    def enter() -> str:
        study = new_id()
        folders.import_upload(Path(shutil.copytree(phantom_files, folders.incoming() / "case")), study)
        catalog.create(study, "Müller^Anna", "auto")
        return study

    return enter


@pytest.fixture
def run_program() -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Runs `tumorscope` with these arguments until it ends."""

    def run(words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tumorscope", *words.split()]
        return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)

    return run


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tumorscope")
