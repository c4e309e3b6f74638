"""A patient has one key in an installation, and the key is not the patient."""

import stat
import threading

import pytest
from dicom_making import PATIENT_ID, Grid, write_series

from tumorscope.core.note import texts
from tumorscope.io import open_scan
from tumorscope.io.dicom.patient_key import SALT_VARIABLE, patient_key, read_identity, salt_file, study_identity

SMALL = Grid(shape=(4, 32, 32))


@pytest.fixture
def salt(monkeypatch, tmp_path):
    monkeypatch.setenv(SALT_VARIABLE, str(tmp_path / "etc" / "salt"))
    return tmp_path / "etc" / "salt"


def scan_of(folder, **attributes):
    write_series(folder, grid=SMALL, **attributes)
    return open_scan(folder)


def test_studies_of_one_patient_have_one_key_and_others_another(salt, tmp_path):
    first = scan_of(tmp_path / "a", study="a").study
    second = scan_of(tmp_path / "b", study="b", StudyDate="20260301").study
    other = scan_of(tmp_path / "c", study="c", PatientID="PAT-0002").study
    assert first.patient_key == second.patient_key != other.patient_key
    assert second.date == "2026-03-01"
    assert PATIENT_ID not in first.patient_key
    stated = read_identity(next((tmp_path / "b").iterdir()))
    assert (stated.patient_key, stated.date) == (second.patient_key, second.date)


def test_another_installation_has_other_keys_and_says_that_they_are_other_ones(salt, tmp_path):
    before = scan_of(tmp_path / "a").study.patient_key
    salt.unlink()
    after = scan_of(tmp_path / "a").study.patient_key
    assert before.split("-")[0] != after.split("-")[0]
    assert before.split("-")[1] != after.split("-")[1]


def test_the_salt_is_made_once_for_its_owner_alone_however_many_ask_for_it_at_once(salt):
    start, keys = threading.Barrier(8), []

    def ask():
        start.wait()
        keys.append(study_identity(PATIENT_ID, {})[0].patient_key)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert keys == [patient_key(PATIENT_ID, salt.read_bytes().strip())] * 8
    assert stat.S_IMODE(salt.stat().st_mode) == 0o600
    assert len(salt.read_text().strip()) == 64
    assert list(salt.parent.iterdir()) == [salt]


@pytest.mark.parametrize(("value", "date"), [("2026.03.01", "2026-03-01"), ("", None), (None, None), ("202603", None)])
def test_a_date_that_is_none_is_left_out(salt, tmp_path, value, date):
    assert scan_of(tmp_path / "a", StudyDate=value).study.date == date


@pytest.mark.parametrize("patient", [None, "", " "])
def test_without_a_patient_id_there_is_no_key_and_no_salt_is_made(salt, tmp_path, patient):
    scan = scan_of(tmp_path / "a", PatientID=patient)
    assert scan.study.patient_key is None
    assert not salt.exists()
    assert not [note for note in texts(scan.notes) if "key" in note]


def test_a_salt_that_cannot_be_made_or_is_damaged_is_a_note_and_no_key(salt, tmp_path):
    salt.parent.write_text("a file is in the way")
    scan = scan_of(tmp_path / "a")
    assert scan.study.patient_key is None
    [note] = [note for note in texts(scan.notes) if "no patient key" in note]
    assert SALT_VARIABLE in note
    salt.parent.unlink()
    salt.parent.mkdir()
    salt.write_text("short")
    assert scan_of(tmp_path / "a").study.patient_key is None


def test_without_a_variable_the_salt_is_in_the_users_configuration_folder(monkeypatch, tmp_path):
    monkeypatch.delenv(SALT_VARIABLE)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert salt_file() == tmp_path / "tumorscope" / "patient-salt"
