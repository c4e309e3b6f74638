"""The commands `tumorscope node` and `tumorscope pacs`."""

import sys

import pytest
import typer
from dicom_making import uid
from dicom_network.running import small_series
from dicom_network.web import Response, web_service
from dicom_peers import needs, running_orthanc
from ports import free_ports
from pydicom import dcmread
from typer.testing import CliRunner

from tumorscope.cli import node, pacs
from tumorscope.core.errors import TumorscopeError


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")


def run(*arguments):
    """The output of a command, or the line of its error."""
    result = CliRunner().invoke(pacs.app, [str(each) for each in arguments])
    if isinstance(result.exception, TumorscopeError):
        return result.output, str(result.exception)
    assert result.exit_code == 0, result.output
    return result.output, None


@needs("Orthanc")
def test_pushed_files_can_be_pulled(tmp_path):
    files = small_series(tmp_path / "in")
    with running_orthanc(tmp_path / "orthanc") as peer:
        said, error = run("push", "--url", peer.dicom_web, tmp_path / "in")
        assert (said.strip(), error) == ("Sent 4 of 4 files", None)
        out = tmp_path / "out"
        said, error = run("pull", "--url", peer.dicom_web, "--study", uid("study"), "-o", out)
        assert (said.replace("\n", "").strip(), error) == (f"Fetched 4 objects in 1 series: {out}", None)
        next(out.rglob("*.dcm")).unlink()
        said, _ = run("pull", "--url", peer.dicom_web, "--study", uid("study"), "-o", out)
        assert said.strip().startswith("Fetched 1 object in 1 series, 3 already present")
    assert {dcmread(path).SOPInstanceUID for path in out.rglob("*.dcm")} == {
        dcmread(path).SOPInstanceUID for path in files
    }


def test_files_that_were_not_sent_are_named_and_the_command_fails(tmp_path):
    small_series(tmp_path / "in")
    (tmp_path / "in" / "note.txt").write_text("not DICOM")
    (tmp_path / "in" / ".hidden").write_text("left out")
    with web_service(lambda _request: Response(200)) as url:
        said, error = run("push", "--url", url, tmp_path / "in")
    assert "not sent: note.txt: not a DICOM object" in said
    assert "Sent 4 of 5 files" in said
    assert error == "1 of 5 files were not sent; the lines above say why"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pull", "--url", "nowhere", "--study", "1.2"], "not a DICOMweb address"),
        (["pull", "--url", "http://127.0.0.1:1", "--study", "x"], "the study's UID is invalid"),
        (["pull", "--url", "http://127.0.0.1:1", "--study", "1.2", "--user", "u"], "belong together"),
    ],
)
def test_invalid_arguments_are_one_line(tmp_path, arguments, message):
    _, error = run(*arguments, "-o", tmp_path / "out")
    assert message in error
    assert not (tmp_path / "out").exists()


def test_an_archive_that_is_down_is_one_line(tmp_path):
    _, error = run("push", "--url", f"http://127.0.0.1:{free_ports(1)[0]}/dicom-web", *small_series(tmp_path / "in"))
    assert "no connection (refused); is the service running?" in error


def test_missing_files_are_named(tmp_path):
    _, error = run("push", "--url", "http://127.0.0.1:1", tmp_path / "nowhere.dcm")
    assert error == "nowhere.dcm: no such file or folder; check the path"
    _, error = run("push", "--url", "http://127.0.0.1:1", tmp_path)
    assert "no files in these folders" in error


def test_a_password_over_plain_http_causes_a_note(tmp_path):
    (tmp_path / "password").write_text("hush")
    options = ["--user", "u", "--password-file", tmp_path / "password"]
    said, error = run("push", "--url", f"http://127.0.0.2:{free_ports(1)[0]}", *options, *small_series(tmp_path / "in"))
    assert "sends the password unencrypted" in said
    assert "hush" not in said + error


def start(*arguments):
    app = typer.Typer()
    app.command()(node.command)
    return CliRunner().invoke(app, [str(each) for each in arguments])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--send-to", "orthanc"], "--send-to orthanc: not in "),
        (["--send-to", "x=nowhere"], "nowhere is not an address"),
        (["--aet", "A TITLE THAT IS TOO LONG"], "titles have 1 to 16 plain characters"),
        (["--again", "1.2.3"], "this study was never received"),
        (["--processor", "nowhere:f"], "no such function"),
    ],
)
def test_a_node_that_cannot_start_reports_one_line(tmp_path, arguments, message):
    result = start("--data", tmp_path / "data", "--port", 0, *arguments)
    assert isinstance(result.exception, TumorscopeError)
    assert message in str(result.exception)


def test_a_node_listens_to_this_machine_only_unless_told_otherwise():
    import inspect

    assert inspect.signature(node.command).parameters["host"].default == "127.0.0.1"


def test_the_commands_import_nothing_heavy_before_they_run():
    import subprocess

    program = (
        "import sys; before = set(sys.modules); from tumorscope.cli import node, pacs;"  # coverage has a database
        "late = {'numpy', 'pydicom', 'pynetdicom', 'requests', 'sqlite3'}; print(sorted(late & set(sys.modules) - before))"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
