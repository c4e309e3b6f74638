import pytest

from tumorscope.service.web.security.origins import is_own_origin

OWN = "http://127.0.0.1:8000"


def delete(client, **headers):
    return client.delete("/api/studies/AAAAAAAAAAAAAAAA", headers={k.replace("_", "-"): v for k, v in headers.items()})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": OWN},
        {"origin": OWN, "sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "none"},
    ],
)
def test_the_service_s_page_and_api_clients_may_write(client, headers):
    assert delete(client, **headers).status_code == 404  # it was looked for


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9000"},
        {"origin": "http://localhost:8000"},
        {"origin": "http://127.0.0.1:8000.evil.example"},
        {"origin": "http://127.0.0.1:8000@evil.example"},
        {"origin": "file://"},
        {"origin": ""},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": OWN, "sec_fetch_site": "cross-site"},
        {"origin": "https://evil.example", "sec_fetch_site": "same-origin"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_another_site_cannot_write(client, headers, method):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    response = client.request(method, "/api/studies/AAAAAAAAAAAAAAAA", headers=headers)
    assert response.status_code == 403
    assert list(response.json()) == ["detail"]


def test_a_form_on_another_site_cannot_upload(client, nifti):
    """CORS does not apply to forms: only the origin identifies them."""
    files = {"files": ("flair.nii.gz", nifti)}
    assert client.post("/api/studies", files=files, headers={"origin": "https://evil.example"}).status_code == 403
    assert client.get("/api/studies").json()["total"] == 0


def test_another_site_may_link_here_but_not_embed(client):
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert client.get("/", headers=link).status_code == 200
    for other in ({"sec-fetch-dest": "iframe"}, {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}):
        assert client.get("/", headers=link | other).status_code == 403


def test_no_cors_header_allows_another_site(client):
    for method in ("GET", "OPTIONS"):
        response = client.request(
            method,
            "/api/studies",
            headers={"origin": "https://evil.example", "access-control-request-method": "DELETE"},
        )
        assert not [name for name in response.headers if name.startswith("access-control")]


def test_a_proxy_may_speak_https_for_the_service():
    assert is_own_origin("https://mri.example.org", "mri.example.org")
    assert not is_own_origin("https://mri.example.org:8443", "mri.example.org")
