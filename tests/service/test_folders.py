"""Files of studies are imported, committed and removed."""

import os
import time

import pytest

from tumorscope.io.dicom.studies import StudyFiles
from tumorscope.service.catalog_records import new_id
from tumorscope.service.study_folders import STALE_S, Folders, PruneResult


@pytest.fixture
def study(folders):
    made = new_id()
    case = folders.incoming() / "case"
    (case / "series").mkdir(parents=True)
    (case / "series" / "a.dcm").write_bytes(b"a")
    folders.import_upload(case, made)
    return made


def made_in(aside, content=b"{}"):
    (aside / "case").mkdir()
    (aside / "case" / "analysis.json").write_bytes(content)
    return aside / "case"


def test_a_folder_becomes_a_study_s_input_unchanged(folders, study):
    assert (folders.input(study) / "series" / "a.dcm").read_bytes() == b"a"
    assert folders.case(study) == folders.input(study)


def test_a_single_file_is_opened_as_a_file(folders):
    study, upload = new_id(), folders.incoming()
    (upload / "scan.png").write_bytes(b"x")
    folders.import_upload(upload / "scan.png", study)
    assert folders.case(study) == folders.input(study) / "scan.png"


def test_only_a_study_s_own_files_are_imported(folders):
    study, upload = new_id(), folders.incoming()
    for name in ("mine/1", "mine/2", "other/1"):
        (upload / name).parent.mkdir(exist_ok=True)
        (upload / name).write_bytes(name.encode())
    folders.import_upload(StudyFiles(upload, (upload / "mine/1", upload / "mine/2"), "study-1"), study)
    found = {path.relative_to(folders.input(study)).as_posix() for path in folders.input(study).rglob("*/*")}
    assert found == {"mine/1", "mine/2"}
    assert (upload / "other/1").exists()


def test_results_appear_completely_or_not_at_all(folders, study):
    with folders.staging_dir() as aside:
        made = made_in(aside)
        assert not folders.run(study, 1).exists()
        assert folders.commit(made, study, 1)
    assert (folders.run(study, 1) / "analysis.json").exists()
    assert not aside.exists()


def test_the_first_results_of_a_revision_stay(folders, study):
    for content, first in ((b"first", True), (b"second", False)):
        with folders.staging_dir() as aside:
            assert folders.commit(made_in(aside, content), study, 1) == first
    assert (folders.run(study, 1) / "analysis.json").read_bytes() == b"first"


def test_results_of_a_removed_study_are_discarded(folders, study):
    with folders.staging_dir() as aside:
        made = made_in(aside)
        folders.remove(study)
        with pytest.raises(FileNotFoundError):
            folders.commit(made, study, 1)
    assert [path for path in folders.data.rglob("*") if path.is_file()] == []
    folders.remove(study)  # twice does no harm


@pytest.mark.parametrize(
    "name", ["..", "../../etc", "", "a" * 15, "x" * 16 + "/", "-rf-rf-rf-rf-rf-", "a/../b/../c/../d"]
)
def test_an_invalid_id_never_becomes_a_path(folders, name):
    for reach in (folders.input, folders.remove, folders.case):
        with pytest.raises(ValueError, match="not a study's id"):
            reach(name)


def test_old_unfinished_uploads_are_removed(folders, study):
    unknown = new_id()
    folders.prepare(unknown)
    upload, slow = folders.incoming(), folders.incoming()
    (upload / "a").touch()
    later = time.time() + STALE_S + 60
    (slow / "just-came").touch()
    os.utime(slow / "just-came", (later, later))
    assert folders.prune({study}) == PruneResult(), "an upload may be under way, a study about to be entered"
    assert folders.prune({study}, now=later) == PruneResult(2, 1), "and what the upload of the study left"
    assert folders.studies() == {study}
    assert slow.exists()
    assert not upload.exists()


def test_a_study_missing_in_the_database_is_moved_to_lost_and_found(folders, study):
    later = time.time() + STALE_S + 60
    for content in (b"first", b"second"):
        (folders.input(study) / "series" / "a.dcm").write_bytes(content)
        assert folders.prune(set(), now=later).moved == 1
        folders.prepare(study)
        (folders.input(study) / "series").mkdir()
    found = {path.read_bytes() for path in (folders.data / "lost+found").rglob("a.dcm")}
    assert found == {b"first", b"second"}


def test_only_the_owner_can_read_the_folder(tmp_path):
    assert Folders(tmp_path / "new").data.stat().st_mode & 0o077 == 0
