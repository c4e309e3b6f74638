import pytest

from tumorscope.service.web.routes import page


def directives(policy: str) -> dict[str, list[str]]:
    return {words[0]: words[1:] for words in (part.split() for part in policy.split(";")) if words}


@pytest.fixture
def built(tmp_path, monkeypatch, make_client):
    """A service whose viewer has been built."""
    (tmp_path / "static" / "assets" / "swagger").mkdir(parents=True)
    (tmp_path / "static" / "index.html").write_text("<!doctype html><title>Viewer</title>")
    (tmp_path / "static" / "assets" / "app.js").write_text("let a;")
    (tmp_path / "static" / "assets" / "swagger" / "swagger-ui-bundle.js").write_text("let b;")
    (tmp_path / "secret").write_text("secret")
    monkeypatch.setattr(page, "STATIC", tmp_path / "static")
    return make_client()


@pytest.mark.parametrize(
    "address", ["/", "/docs", "/api/studies", "/api/nothing", "/healthz", "/assets/nothing.js", "/openapi.json"]
)
@pytest.mark.parametrize("host", ["127.0.0.1", "evil.example"])
def test_every_response_has_security_headers(client, address, host):
    headers = client.get(address, headers={"host": host}).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    policy = directives(headers["content-security-policy"])
    assert policy["frame-ancestors"] == ["'none'"]
    assert policy["default-src"] == ["'none'"]
    assert "'unsafe-inline'" not in policy.get("script-src", [])
    assert "'unsafe-eval'" not in headers["content-security-policy"]
    assert "server" not in headers


def test_the_page_runs_its_own_scripts_only(built):
    for address in ("/", "/docs", "/assets/app.js", "/docs/start.js"):
        response = built.get(address)
        assert response.status_code == 200
        policy = directives(response.headers["content-security-policy"])
        assert policy["script-src"] == ["'self'"]
        assert policy["style-src"] == ["'self'"]
        assert policy["base-uri"] == ["'none'"]


def test_the_documentation_page_loads_nothing_from_other_hosts(built):
    text = built.get("/docs").text
    assert "swagger-ui-bundle.js" in text
    assert "http://" not in text
    assert "https://" not in text
    assert "//cdn" not in text
    assert "onload" not in text
    assert "<script>" not in text
    assert "style=" not in text


def test_no_file_outside_the_assets_is_served(built):
    for address in (
        "/assets/../secret",
        "/assets/%2e%2e/%2e%2e/secret",
        "/assets/..%2f..%2fsecret",
        "/assets//etc/passwd",
    ):
        response = built.get(address)
        assert response.status_code == 404
        assert "secret" not in response.text


def test_study_states_are_not_cached(client):
    assert client.get("/api/studies").headers["cache-control"] == "no-store"
