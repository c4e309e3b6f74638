"""Studies are fetched from allowed archives only, and then analyzed like uploads."""

import json

import pytest
from dicom_making import uid
from dicom_network.running import small_series
from dicom_network.web import study_archive

from tumorscope.core.errors import TumorscopeError
from tumorscope.service.catalog_records import new_id
from tumorscope.service.remote_archives import check_address, fetch_study
from tumorscope.service.settings import service_settings
from tumorscope.service.study_job import process


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


def test_a_study_is_fetched_once_and_then_analyzed_like_an_upload(
    tmp_path, settings, catalog, folders, engines, monkeypatch
):
    def broken(*_args, **_kwargs):
        raise TumorscopeError("something else is wrong")

    study = new_id()
    with study_archive(small_series(tmp_path / "in")) as url:
        address = f"{url}/studies/{uid('study')}"
        assert check_address(address, settings) == uid("study")
        folders.prepare(study)
        catalog.create(study, "study-1", "auto", fetch=address)
        monkeypatch.setattr("tumorscope.studies.case.analyze_study", broken)
        assert process(study, settings, catalog, folders, engines) == "failed"
        assert len(list(folders.input(study).rglob("*.dcm"))) == 4
        monkeypatch.undo()
    catalog.retry(study)
    assert process(study, settings, catalog, folders, engines) == "done", "the archive is not needed any more"
    assert catalog.get(study).summary["slices"] == 4
    assert {"sr.dcm", "capture.dcm"} <= {path.name for path in folders.run(study, 1).iterdir()}


def test_an_unreachable_archive_fails_the_study_which_can_be_retried(tmp_path, settings, catalog, folders, engines):
    study = new_id()
    folders.prepare(study)
    catalog.create(study, "study-1", "auto", fetch="http://127.0.0.1:1/dicom-web/studies/1.2.3")
    assert process(study, settings, catalog, folders, engines) == "failed"
    assert "no connection" in catalog.get(study).failure
    assert catalog.retry(study).state == "fetching"


@pytest.mark.parametrize(
    "address",
    [
        "https://a.example/dicom-web",
        "https://a.example/dicom-web/studies/",
        "https://a.example/dicom-web/studies/1.2/series/3",
        "https://a.example/dicom-web/studies/../../x",
        "https://a.example/dicom-web/studies/1.2?x=1",
        "file:///etc/studies/1.2",
        "ftp://a.example/studies/1.2",
        "https://user:secret@a.example/studies/1.2",
        "nonsense",
    ],
)
def test_an_invalid_study_address_is_rejected_without_a_request(settings, address):
    with pytest.raises(TumorscopeError) as caught:
        check_address(address, settings)
    assert "secret" not in str(caught.value)


def test_a_service_on_the_network_fetches_only_from_configured_archives(tmp_path):
    address = "https://a.example/dicom-web/studies/1.2"
    check_address(address, service_settings(data=tmp_path))
    public = service_settings(data=tmp_path, host="0.0.0.0")
    with pytest.raises(TumorscopeError, match="not fetched from this address"):
        check_address(address, public)
    with pytest.raises(TumorscopeError, match="not fetched from this address"):
        fetch_study(address, tmp_path / "out", public, lambda done, total: None)
    named = service_settings(data=tmp_path, host="0.0.0.0", archives=["pacs=https://a.example/dicom-web/"])
    assert check_address(address, named) == "1.2"
    for other in ("https://a.example.evil/dicom-web", "http://a.example/dicom-web", "http://169.254.169.254"):
        with pytest.raises(TumorscopeError, match="not fetched from this address"):
            check_address(f"{other}/studies/1.2", named)


def test_a_worker_gets_the_host_of_the_web_process(tmp_path, monkeypatch):
    """The allowed archives depend on the host, so a worker must know it."""
    for name, value in service_settings(data=tmp_path, host="0.0.0.0").environment().items():
        monkeypatch.setenv(name, value)
    with pytest.raises(TumorscopeError, match="not fetched"):
        check_address("https://a.example/studies/1.2", service_settings())


def test_the_archive_s_password_is_read_from_its_file(tmp_path, folders, settings):
    files, asked = small_series(tmp_path / "in"), []
    (tmp_path / "password").write_text("hidden\n")
    with study_archive(files, asked) as url:
        (settings.data / "destinations.yaml").write_text(
            json.dumps({"pacs": {"to": url, "user": "anna", "password_file": str(tmp_path / "password")}})
        )
        named = settings.model_copy(update={"archives": ("pacs",)})
        fetch_study(f"{url}/studies/{uid('study')}", tmp_path / "out", named, lambda done, total: None)
    assert asked[0].authorization.startswith("Basic ")
