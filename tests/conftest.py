"""Where the tests find real data, if it is on this machine at all.

The data sets lie packed in ``../shared/data`` beside the repository (or where
``TUMORSCOPE_DATA`` says) and are unpacked once into a cache outside it.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
DATA = Path(os.environ.get("TUMORSCOPE_DATA", REPOSITORY.parent / "shared" / "data"))
CACHE = Path(os.environ.get("TUMORSCOPE_TEST_CACHE", Path.home() / ".cache" / "tumorscope-tests"))


def _unpacked(name: str, unpack: Callable[[Path], None]) -> Path:
    """The cached folder, made by ``unpack`` if it is not complete; one process at a time."""
    CACHE.mkdir(parents=True, exist_ok=True)
    folder, done = CACHE / name, CACHE / f"{name}.done"
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            unpack(folder)
            done.touch()
    return folder


def _data_set(name: str, limit: int = 0) -> Path:
    script = DATA / "unpack.py"
    if not script.exists():
        pytest.skip(f"no real data: {script} does not exist")
    arguments = ["--limit", str(limit)] if limit else []
    return _unpacked(
        f"{name}-{limit}" if limit else name,
        lambda folder: subprocess.run([sys.executable, script, name, folder, *arguments], check=True) and None,
    )


def pytest_make_parametrize_id(val: object) -> str | None:
    """Bytes are named by their length: a gzip file holds the second in which it was made, and every process must name a
    test alike."""
    return f"{len(val)} bytes" if isinstance(val, bytes) else None


_LONGEST = (
    "test_examples.py",
    "test_tutorials.py",
    "bulk/test_run.py",
    "dicom_network/test_node.py",
    "training/test_fit.py",
    "training/test_together.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest tests begin first, so that no process is left with one when the others are done."""
    longest = {REPOSITORY / "tests" / name for name in _LONGEST}
    items.sort(key=lambda item: item.path not in longest)


@pytest.fixture(scope="session", autouse=True)
def _salt_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The salt for patient keys is made in a folder of the tests, not in the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUMORSCOPE_PATIENT_SALT", str(tmp_path_factory.mktemp("salt") / "patient-salt"))
        yield


@pytest.fixture(scope="session", autouse=True)
def _cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is kept between runs is kept between the tests of one process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUMORSCOPE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def lgg_folder() -> Path:
    """``kaggle_3m`` with 88 patients."""
    return _data_set("lgg") / "kaggle_3m"


@pytest.fixture(scope="session")
def figshare_folder() -> Path:
    """``N.mat`` and ``cvind.mat`` of the first 20 samples."""
    return _data_set("figshare", limit=20)


@pytest.fixture(scope="session")
def kaggle4_folder() -> Path:
    """``Training`` and ``Testing`` with four classes each."""
    return _data_set("kaggle4")


@pytest.fixture(scope="session")
def volumes_folder() -> Path:
    """Whole DICOM series and NIfTI volumes."""
    archive = DATA / "volumes.tar.xz"
    if not archive.exists():
        pytest.skip(f"no real data: {archive} does not exist")

    def unpack(folder: Path) -> None:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")

    return _unpacked("volumes", unpack)
