import base64
import logging

import pytest
from service.web.security.conftest import PASSWORD, TOKEN

from tumorscope.core.errors import TumorscopeError


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_a_service_on_the_network_requires_a_secret(make_client):
    for host in ("0.0.0.0", "::", "192.168.1.5", "mri.example.org"):
        with pytest.raises(TumorscopeError, match="needs a token or a user"):
            make_client(host=host)
    make_client(host="0.0.0.0", token=TOKEN)


@pytest.mark.parametrize(
    "authorization",
    [
        f"Bearer {TOKEN}",
        f"bearer {TOKEN}",
        basic(f"ward:{PASSWORD}"),
        basic(f"any:{TOKEN}"),
        basic("müller:passwörter gehen"),
    ],
)
def test_a_token_or_a_user_is_accepted(guarded, authorization):
    assert guarded.get("/api/studies", headers={"authorization": authorization}).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Bearer {PASSWORD}",
        f"Token {TOKEN}",
        TOKEN,
        basic("ward:wrong"),
        basic("ward:"),
        basic("ward"),
        basic(f"other:{PASSWORD}"),
        basic(":"),
        basic(""),
        "Basic ???",
        "Basic é",
        "Basic " + "A" * 10_000,
    ],
)
def test_other_credentials_are_rejected(guarded, authorization):
    response = guarded.get("/api/studies", headers={"authorization": authorization.encode("latin-1")})
    assert response.status_code == 401
    assert list(response.json()) == ["detail"]
    assert response.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/docs",
        "/docs/start.js",
        "/openapi.json",
        "/metrics",
        "/assets/app.js",
        "/api/about",
        "/api/bundles",
        "/api/studies",
        "/api/studies/AAAAAAAAAAAAAAAA",
        "/api/studies/AAAAAAAAAAAAAAAA/report.pdf",
        "/nothing",
        "//healthz",
        "/healthz/",
        "/healthz/../api/studies",
        "/HEALTHZ",
    ],
)
def test_every_path_requires_authentication(guarded, address):
    assert guarded.get(address).status_code == 401


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_every_method_requires_authentication(guarded, method):
    assert guarded.request(method, "/api/studies").status_code == 401


def test_only_monitoring_paths_are_open(guarded):
    assert guarded.get("/healthz").json() == {"status": "ok"}
    assert guarded.get("/readyz").json() == {"status": "ok"}


def test_two_authorization_headers_are_rejected(guarded):
    headers = [("authorization", f"Bearer {TOKEN}"), ("authorization", "Bearer other")]
    assert guarded.get("/api/studies", headers=headers).status_code == 401


def test_an_upload_is_rejected_before_its_body_is_read(guarded, nifti):
    read = []

    def body():
        for _ in range(1000):
            read.append(1)
            yield b"x" * 65536

    assert guarded.post("/api/studies", content=body()).status_code == 401


def test_secrets_are_never_logged(guarded, caplog):
    caplog.set_level(logging.DEBUG)
    guarded.get(f"/api/studies?token={TOKEN}", headers={"authorization": basic(f"ward:{PASSWORD}")})
    guarded.get("/api/studies", headers={"authorization": basic("ward:typo-of-a-password")})
    own = [record.getMessage() for record in caplog.records if record.name.startswith("tumorscope")]
    assert own
    for secret in (TOKEN, PASSWORD, "typo-of-a-password", "ward"):
        assert secret not in "\n".join(own)


def test_the_openapi_document_has_both_security_schemes(guarded):
    document = guarded.get("/openapi.json", headers={"authorization": f"Bearer {TOKEN}"}).json()
    assert {scheme["scheme"] for scheme in document["components"]["securitySchemes"].values()} == {"bearer", "basic"}
    assert document["security"] == [{"token": []}, {"user": []}]
    assert document["paths"]["/healthz"]["get"]["security"] == []
