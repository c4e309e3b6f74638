"""Connection errors are one line."""

import shutil
import subprocess

import pytest
from client.scripted import STUDY, service
from ports import free_ports

from tumorscope.client import Client, Refused, Unavailable
from tumorscope.client.connection import is_encrypted
from tumorscope.core.errors import TumorscopeError


def error_of(address, **who):
    with Client(address, **who) as client, pytest.raises(TumorscopeError) as caught:
        client.study(STUDY)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(address)
    return caught.value


def test_a_service_that_is_not_running():
    error = error_of(f"http://127.0.0.1:{free_ports(1)[0]}")
    assert isinstance(error, Unavailable)
    assert "no connection (refused); is the service running?" in str(error)


def test_a_host_that_does_not_exist(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    assert "no connection (no such host)" in str(error_of("http://nowhere.invalid:8000"))


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, Refused, "access denied; check the token, or user and password"),
        (403, Refused, "the service's own line"),
        (404, Refused, "the service's own line"),
        (500, Unavailable, "the service's own line; try again later"),
        (503, Unavailable, "the service's own line; try again later"),
    ],
)
def test_the_service_s_error_text_is_shown(status, kind, words):
    with service(lambda asked: asked.response({"detail": "the service's own line"}, status)) as address:
        error = error_of(address)
    assert type(error) is kind
    assert str(error) == f"{address}: {words}"
    if isinstance(error, Refused):
        assert error.status == status


def test_terminal_control_characters_are_removed():
    with service(lambda asked: asked.response({"detail": "a\x1b[2Jb\nc" + "d" * 9999}, 400)) as address:
        text = str(error_of(address))
    assert "a [2Jb c" in text
    assert text.isprintable()
    assert len(text) < 600


@pytest.mark.parametrize("content", [{"hello": "world"}, [], {"id": "../../x", "name": "x", "state": "done"}])
def test_a_response_of_another_service_is_reported(content):
    with service(lambda asked: asked.response(content)) as address:
        assert "is not from a Tumorscope service; check the address" in str(error_of(address))


def test_a_redirect_is_reported_and_not_followed():
    asked_there = []
    with (
        service(lambda asked: asked_there.append(asked.path)) as other,
        service(lambda asked: asked.response({}, 308, Location=f"{other}/x")) as address,
    ):
        error = error_of(address, token="secret")
    assert f"redirects to {other}/x; use that address" in str(error)
    assert asked_there == []


def test_an_interrupted_response_is_reported():
    def half(asked):
        asked.send_response(200)
        asked.send_header("Content-Length", "1000")
        asked.end_headers()
        asked.wfile.write(b"{")
        asked.cut()

    with service(half) as address:
        error = error_of(address)
    assert isinstance(error, Unavailable)
    assert "the connection was interrupted" in str(error)


def test_a_service_without_tls_is_reported(monkeypatch):
    with service(lambda asked: asked.response({})) as address:
        error = error_of(address.replace("http://", "https://"))
    assert isinstance(error, Refused)
    assert "does not speak TLS" in str(error)


def test_token_and_password_are_sent_with_every_request():
    seen = []

    def note(asked):
        seen.append(asked.headers.get("Authorization"))
        asked.response({"detail": "no"}, 404)

    with service(note) as address:
        error_of(address, token="secret")
        error_of(address, user=("ann", "pass"))
        error_of(address)
    assert seen == ["Bearer secret", "Basic YW5uOnBhc3M=", None]


def test_loopback_addresses_bypass_the_proxy(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_ports(1)[0]}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with service(lambda asked: asked.response({"detail": "here"}, 404)) as address:
        assert str(error_of(address)).endswith("here")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_a_certificate_of_a_named_authority_is_trusted(tmp_path, monkeypatch):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subprocess.run([*made, "-keyout", key, "-out", certificate, *subject], check=True, capture_output=True)
    with service(lambda asked: asked.response({"detail": "here"}, 404), tls=(certificate, key)) as address:
        address = address.replace("http://127.0.0.1", "https://localhost")
        assert "its certificate is not trusted" in str(error_of(address))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert str(error_of(address)).endswith("here")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("localhost:8000", "not the address of a service; use one such as http://"),
        ("ftp://x", "not the address of a service"),
        ("http://[", "not the address of a service"),
        ("http://ann:pass@host", "contains a user or password"),
        ("http://host/?a=b", "without a query"),
    ],
)
def test_an_invalid_address_is_reported_without_a_request(address, words):
    with pytest.raises(TumorscopeError, match=words) as caught:
        Client(address)
    assert "pass@" not in str(caught.value)


@pytest.mark.parametrize("token", ["", "a b", "a\nb", "ä"])
def test_a_token_invalid_in_a_header_is_refused(token):
    with pytest.raises(TumorscopeError, match="the token is invalid"):
        Client("http://127.0.0.1", token=token)


def test_token_and_user_exclude_each_other():
    with pytest.raises(TumorscopeError, match="either a token or a user"):
        Client("http://127.0.0.1", token="a", user=("b", "c"))


@pytest.mark.parametrize("study", ["", "../x", "a/b", "-rf", "a b", "a?b"])
def test_an_invalid_id_is_not_requested(study):
    with Client("http://127.0.0.1:1") as client, pytest.raises(TumorscopeError, match="not a study's id"):
        client.delete(study)


def test_encrypted_addresses():
    assert [is_encrypted(address) for address in ("https://a", "http://127.0.0.1:1", "http://a")] == [
        True,
        True,
        False,
    ]
