"""One service for many read-only tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tumorscope.service.settings import service_settings
from tumorscope.service.web import create_app

TOKEN, PASSWORD = "a-token-that-nobody-guesses", "correct horse: battery"
HERE = "http://127.0.0.1:8000"


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    data: Path = tmp_path_factory.mktemp("open") / "data"
    with TestClient(create_app(service_settings(data=data)), base_url=HERE) as client:
        yield client


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A service that requires a token, or a user with a password."""
    data: Path = tmp_path_factory.mktemp("guarded") / "data"
    users = {"ward": PASSWORD, "müller": "passwörter gehen"}
    settings = service_settings(data=data, token=TOKEN, users=users)
    with TestClient(create_app(settings), base_url=HERE) as client:
        yield client
