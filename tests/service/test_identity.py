"""A folder and a database that do not belong together are detected."""

import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tumorscope.core.errors import TumorscopeError
from tumorscope.service.catalog import Catalog
from tumorscope.service.catalog_records import new_id
from tumorscope.service.identity import check_identity, join_identity
from tumorscope.service.settings import service_settings
from tumorscope.service.study_folders import STALE_S, Folders
from tumorscope.service.sweeper import Sweeper
from tumorscope.service.web import create_app


@pytest.fixture
def open_catalog(request):
    """Opens a database; all are closed at the end."""

    def opened(address):
        made = Catalog(address)
        request.addfinalizer(made.close)
        return made

    return opened


@pytest.fixture
def pair(database, folders, open_catalog):
    """A database and a folder that belong together, with one analyzed study."""
    catalog = open_catalog(database)
    join_identity(catalog, folders)
    return catalog, folders, enter(catalog, folders)


def enter(catalog, folders):
    study = new_id()
    folders.prepare(study)
    folders.run(study, 1).mkdir()
    catalog.create(study, "case", "auto")
    return study


def other_database(tmp_path):
    return f"sqlite:///{tmp_path / 'other.sqlite'}"


def forget_identity(folders):
    (folders.data / "identity").unlink()


def test_a_new_pair_gets_one_identity_and_keeps_it(pair):
    catalog, folders, _ = pair
    first = catalog.identity()
    assert first is not None
    assert first == folders.identity()
    join_identity(catalog, folders)
    assert catalog.identity() == first == folders.identity()


def test_processes_that_start_together_agree_on_one_identity(database, folders):
    def start(_):
        catalog = Catalog(database)
        join_identity(catalog, Folders(folders.data))
        found = catalog.identity()
        catalog.close()
        return found

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(start, range(4))) == {folders.identity()}


def test_an_empty_database_is_refused_if_the_folder_has_studies(pair, tmp_path, open_catalog):
    _, folders, study = pair
    with pytest.raises(TumorscopeError, match=r"holds a study, but the database .* is empty") as caught:
        join_identity(open_catalog(other_database(tmp_path)), folders)
    assert "\n" not in str(caught.value)
    assert folders.has_results(study)


def test_another_services_database_is_refused(pair, tmp_path, open_catalog):
    _, folders, _ = pair
    foreign = open_catalog(other_database(tmp_path))
    elsewhere = Folders(tmp_path / "elsewhere")
    join_identity(foreign, elsewhere)
    enter(foreign, elsewhere)
    for stranger in (folders, Folders(tmp_path / "new")):
        with pytest.raises(TumorscopeError, match="belong to different services"):
            join_identity(foreign, stranger)


def test_an_emptied_database_is_refused_unless_the_folder_has_only_unfinished_uploads(pair):
    catalog, folders, study = pair
    catalog.delete(study)
    with pytest.raises(TumorscopeError, match="is empty"):
        join_identity(catalog, folders)
    folders.run(study, 1).rmdir()
    join_identity(catalog, folders)


def test_a_pair_of_an_earlier_version_is_recognized_by_its_studies(database, folders, open_catalog):
    """Neither has an identity."""
    catalog = open_catalog(database)
    enter(catalog, folders)
    unknown = new_id()
    folders.prepare(unknown)
    join_identity(catalog, folders)
    assert catalog.identity() == folders.identity() is not None


@pytest.mark.parametrize("share", [True, False])
def test_a_pair_with_one_lost_identity_is_recognized_by_its_studies(pair, share):
    catalog, folders, study = pair
    forget_identity(folders)
    if share:
        before = catalog.identity()
        join_identity(catalog, folders)
        assert folders.identity() == before
    else:
        shutil.move(folders.input(study).parent, folders.data / "studies" / new_id())
        with pytest.raises(TumorscopeError, match="belong to different services"):
            join_identity(catalog, folders)


def test_studies_missing_in_the_database_are_moved_and_never_deleted(pair, settings, queue, caplog):
    """As after an older backup of the database and a new upload."""
    catalog, folders, kept = pair
    unknown = new_id()
    folders.prepare(unknown)
    (folders.input(unknown) / "original.dcm").write_bytes(b"voxels")
    past = time.time() - STALE_S - 60
    for path in [*(folders.data / "studies" / unknown).iterdir(), folders.data / "studies" / unknown]:
        os.utime(path, (past, past))
    Sweeper(settings, catalog, folders, queue).expire()
    assert (folders.data / "lost+found" / unknown / "input" / "original.dcm").read_bytes() == b"voxels"
    assert folders.studies() == {kept}
    assert "1 studies missing in the database moved to lost+found" in caplog.text


def test_a_sweep_with_another_database_moves_nothing(pair, settings, tmp_path, queue, open_catalog, caplog):
    """The database was replaced while the service ran and has one new study."""
    _, folders, study = pair
    foreign = open_catalog(other_database(tmp_path))
    foreign.create(new_id(), "new", "auto")
    past = time.time() - 2 * STALE_S
    for path in [*folders.input(study).parent.iterdir(), folders.input(study).parent]:
        os.utime(path, (past, past))
    with pytest.raises(TumorscopeError, match="belong to different services"):
        check_identity(foreign, folders)
    Sweeper(settings, foreign, folders, queue).sweep()
    assert folders.studies() == {study}
    assert not (folders.data / "lost+found").exists()
    assert "belong to different services" in caplog.text


def test_a_folder_that_cannot_be_moved_stays(pair, caplog):
    """The file system's own lost+found is not accessible; here a file replaces it."""
    _, folders, study = pair
    (folders.data / "lost+found").touch()
    later = time.time() + STALE_S + 60
    assert folders.prune(set(), now=later).moved == 0
    assert folders.studies() == {study}
    assert "stays in studies/" in caplog.text


def test_neither_page_nor_worker_starts_with_a_lost_database(tmp_path, run_program):
    settings = service_settings(data=tmp_path / "data")
    create_app(settings).state.backend.catalog.close()
    folders = Folders(settings.data)
    folders.prepare(new_id())
    for file in settings.data.glob("service.sqlite*"):
        file.unlink()
    with pytest.raises(TumorscopeError, match="is empty"):
        create_app(settings)
    for command in ("worker", "serve --port 0"):
        ended = run_program(f"{command} --data {settings.data}")
        assert ended.returncode == 2
        assert ended.stderr.count("\n") == 1
        assert "is empty" in ended.stderr
    assert len(folders.studies()) == 1
