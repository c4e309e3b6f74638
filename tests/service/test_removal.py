"""A study is removed with all its files, even if the disk is full."""

import sqlite3
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from tumorscope.service.catalog import Catalog
from tumorscope.service.catalog_records import new_id
from tumorscope.service.identity import join_identity
from tumorscope.service.removal import remove_study
from tumorscope.service.settings import service_settings
from tumorscope.service.study_folders import Folders


@pytest.fixture
def small_disk(tmp_path):
    """A file system of twelve MiB."""
    place = tmp_path / "small"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", place], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("no file system may be mounted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def enter(catalog, folders, size=100_000):
    study = new_id()
    folders.prepare(study)
    (folders.input(study) / "scan").write_bytes(bytes(size))
    catalog.create(study, "case", "auto")
    return study


def fill(place: Path):
    with (place / "other").open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 512)


def break_commits(catalog, broken):
    """Make commits fail with a SQLite error as long as ``broken`` returns its name."""

    @event.listens_for(catalog._engine, "commit")
    def commit(_connection):
        name = broken()
        if name:
            error = sqlite3.OperationalError(name)
            error.sqlite_errorname = name
            raise OperationalError("COMMIT", {}, error)


def test_a_study_is_removed_once_with_its_files(catalog, folders):
    study, other = enter(catalog, folders), enter(catalog, folders)
    assert remove_study(study, catalog, folders)
    assert not remove_study(study, catalog, folders)
    assert catalog.ids() == folders.studies() == {other}
    assert list((folders.data / "working").iterdir()) == []


def test_a_study_changed_meanwhile_is_not_removed(catalog, folders):
    study = enter(catalog, folders)
    assert not remove_study(study, catalog, folders, unchanged_since=catalog.now())
    assert (folders.input(study) / "scan").exists()


def test_studies_can_be_removed_from_a_full_disk(small_disk):
    settings = service_settings(data=small_disk / "data")
    folders, catalog = Folders(settings.data), Catalog.of(settings)
    join_identity(catalog, folders)
    studies = [enter(catalog, folders) for _ in range(5)]
    fill(small_disk)
    with pytest.raises(OperationalError, match="full"):
        catalog.delete(studies[0])
    for study in studies[:3]:
        assert remove_study(study, catalog, folders)
        fill(small_disk)
    assert catalog.ids() == folders.studies() == set(studies[3:])
    catalog.close()


def test_a_full_database_gets_space_from_the_files(catalog, folders):
    study = enter(catalog, folders)
    break_commits(catalog, lambda: "SQLITE_FULL" if list(folders.data.rglob("scan")) else "")
    assert remove_study(study, catalog, folders)
    assert catalog.ids() == folders.studies() == set()


def test_another_database_error_leaves_the_study_unchanged(catalog, folders):
    study = enter(catalog, folders)
    trouble = ["SQLITE_IOERR"]
    break_commits(catalog, lambda: trouble[-1])
    with pytest.raises(OperationalError):
        remove_study(study, catalog, folders)
    trouble.append("")
    assert catalog.ids() == folders.studies() == {study}
    assert (folders.input(study) / "scan").exists()
