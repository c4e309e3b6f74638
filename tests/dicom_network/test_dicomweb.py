"""Errors of a DICOMweb service are one line."""

import socket

import pytest
from dicom_network.web import Response, web_service
from ports import free_ports

from tumorscope.core.errors import TumorscopeError
from tumorscope.dicom_network import dicomweb
from tumorscope.dicom_network.dicomweb import Credentials, Refused, Unavailable, check_url, connect, one_line_errors


def ask(url, credentials=None):
    client = connect(url, credentials)
    with one_line_errors(client):
        return client.search_for_studies()


@pytest.mark.parametrize(
    ("response", "kind", "message"),
    [
        (Response(401), Refused, r"access denied \(401\); check --user and --password-file, or --token-file"),
        (Response(403), Refused, r"access denied \(403\)"),
        (Response(404), Refused, r"not found \(404\); check the address and the UID"),
        (Response(400), Refused, r"rejected the request \(400\)"),
        (Response(500), Unavailable, r"failed \(500\); try again later"),
        (Response(503), Unavailable, "is busy; try again later"),
        (Response(200, b"<html>welcome</html>", "text/html"), Refused, "the response is not DICOMweb"),
        (Response(200, b"[{", length=1000), Unavailable, "the connection was interrupted"),
    ],
)
def test_an_unusable_response_is_reported(response, kind, message):
    with web_service(lambda _request: response) as url, pytest.raises(kind, match=message) as error:
        ask(url)
    assert str(error.value).startswith(url)
    assert "\n" not in str(error.value)


def test_a_refused_connection_is_reported():
    with pytest.raises(Unavailable, match=r"no connection \(refused\); is the service running\?"):
        ask(f"http://127.0.0.1:{free_ports(1)[0]}/dicom-web")


def test_an_unknown_host_is_reported(monkeypatch):
    def unknown(*_arguments):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setenv("NO_PROXY", "*")
    with pytest.raises(Unavailable, match=r"no connection \(no such host\)"):
        ask("http://no-such-host.invalid/dicom-web")


def test_a_service_without_tls_differs_from_one_that_is_down():
    with (
        web_service(lambda _request: Response()) as url,
        pytest.raises(Refused, match="certificate is not trusted, or"),
    ):
        ask(url.replace("http://", "https://"))


def test_a_service_that_never_responds_times_out(monkeypatch):
    from threading import Event

    monkeypatch.setattr(dicomweb, "RESPONSE_S", 0.2)
    done = Event()
    with web_service(lambda _request: done.wait(10) and Response()) as url:
        try:
            with pytest.raises(Unavailable, match="no data within 0.2 s"):
                ask(url)
        finally:
            done.set()


def test_a_password_and_a_token_come_from_files(tmp_path):
    (tmp_path / "secret").write_text("hush\n\nnot this\n")
    heard = []

    def response(request):
        heard.append(request.authorization)
        return Response(200, b"[]")

    with web_service(response) as url:
        ask(url, Credentials(user="u", password_file=tmp_path / "secret"))
        ask(url, Credentials(token_file=tmp_path / "secret"))
        ask(url)
    assert heard == ["Basic dTpodXNo", "Bearer hush", ""]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("pacs.example.org/dicom-web", "not a DICOMweb address"),
        ("ftp://pacs.example.org", "not a DICOMweb address"),
        ("http://:8042", "not a DICOMweb address"),
        ("http://pacs:port/", "the address is not a URL"),
        ("http://[::1/", "the address is not a URL"),
        ("https://user:secret@pacs.example.org", "contains a user or password; use --user"),
    ],
)
def test_an_invalid_address_is_one_line_without_secrets(url, message):
    with pytest.raises(TumorscopeError, match=message) as error:
        check_url(url)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"user": "u"}, "belong together"),
        ({"password_file": "p"}, "belong together"),
        ({"user": "u", "password_file": "p", "token_file": "t"}, "either a user with a password file, or a token"),
    ],
)
def test_credentials_are_complete(given, message):
    with pytest.raises(TumorscopeError, match=message):
        Credentials(**given)


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe"])
def test_an_unusable_secret_file_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    with pytest.raises(TumorscopeError, match="secret: .*its first line must be the secret"):
        connect("http://127.0.0.1:1/", Credentials(token_file=tmp_path / "secret"))
