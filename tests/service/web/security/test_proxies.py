"""The service below a path, set by an option or by a trusted proxy."""

import pytest
from fastapi.testclient import TestClient

from tumorscope.core.errors import TumorscopeError
from tumorscope.service.settings import service_settings
from tumorscope.service.web import create_app
from tumorscope.service.web.routes import page

HERE = "http://127.0.0.1:8000"
TOKEN = "a-token-that-nobody-guesses"


@pytest.fixture
def below(analyzed):
    """A client of a service with one analyzed study, with these settings, from this address."""

    def make(client="10.9.1.1", **given):
        app = create_app(service_settings(data=analyzed.data, **given))
        return TestClient(app, base_url=HERE, client=(client, 1), follow_redirects=False)

    return make


def hrefs(response):
    return [each["href"] for each in [*response.json()["images"], *response.json()["files"]]]


@pytest.mark.parametrize("cut_off", [True, False])
@pytest.mark.parametrize("said_by", ["option", "header"])
def test_everything_works_below_a_path(below, analyzed, cut_off, said_by):
    root, headers = "/mri/tumor", {}
    if said_by == "option":
        client = below(root_path="mri/tumor/")
    else:
        client, headers = below(trusted_proxies="10.9.0.0/16"), {"x-forwarded-prefix": root}
    seen = "" if cut_off else root

    def get(address):
        return client.get(seen + address, headers=headers)

    study = get(analyzed.at)
    assert {href.partition("/api/")[0] for href in hrefs(study)} == {root}
    for href in hrefs(study):
        assert get(href.removeprefix(root)).status_code == 200
    assert get("/").status_code == get("/docs").status_code == get("/healthz").status_code == 200
    assert get("/openapi.json").json()["servers"] == [{"url": root}]
    assert get(f"{analyzed.at}/events").text.startswith("event: study")
    assert get("/nothing").status_code == 404


def test_the_path_itself_redirects_to_the_page(below):
    response = below(root_path="/tumor").get("/tumor?a=b")
    assert (response.status_code, response.headers["location"]) == (308, "/tumor/?a=b")
    assert response.headers["x-content-type-options"] == "nosniff"


def test_pages_contain_only_relative_urls(client):
    """Even if the path is not configured."""
    for text in (page._DOCS, page._DOCS_START, page._NOT_BUILT, client.get("/").text):
        for sign in ('href="/', 'src="/', 'url: "/'):
            assert sign not in text


@pytest.mark.parametrize("trusted", ["", "127.0.0.1", "10.8.0.0/16,192.168.0.0/16"])
def test_a_header_of_an_untrusted_client_is_ignored(below, analyzed, trusted):
    client = below(trusted_proxies=trusted)
    response = client.get(analyzed.at, headers={"x-forwarded-prefix": "/evil"})
    assert all(href.startswith("/api/") for href in hrefs(response))


@pytest.mark.parametrize(
    ("header", "root"),
    [
        ("/tumor/", "/tumor"),
        ("tumor", "/tumor"),
        ("/mri, /tumor", "/mri/tumor"),
        ("//evil.example", "/evil.example"),
        ("/", ""),
        ("", ""),
        ("/../x", ""),
        ("/a b", ""),
        ("https://evil.example/", ""),
        ("/<script>", ""),
        ("/api", ""),
    ],
)
def test_only_a_plain_path_is_accepted_from_a_header(below, analyzed, header, root):
    response = below(trusted_proxies="10.9.1.1").get(analyzed.at, headers={"x-forwarded-prefix": header})
    assert hrefs(response)[0].startswith(f"{root}/api/")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"root_path": "/a/../b"}, "root_path: write a path such as /tumor"),
        ({"root_path": "https://x.example/"}, "root_path: write a path such as /tumor"),
        ({"root_path": "/api/x"}, "root_path: /api is a path of the service itself"),
        ({"trusted_proxies": "proxy.example"}, "trusted_proxies.0: write a proxy's address or network"),
    ],
)
def test_an_invalid_path_or_network_is_reported_in_one_line(given, said):
    with pytest.raises(TumorscopeError, match=said):
        service_settings(**given)


def test_any_address_of_a_network_may_define_it():
    assert service_settings(trusted_proxies="10.1.2.3/8, ::1").trusted_proxies == ("10.0.0.0/8", "::1/128")


def test_an_ipv4_proxy_is_recognized_on_an_ipv6_socket(below, analyzed):
    """A service that listens on IPv4 and IPv6 sees IPv4 addresses as IPv4-mapped IPv6 addresses."""
    client = below(client="::ffff:10.9.1.1", trusted_proxies="10.9.1.1")
    assert hrefs(client.get(analyzed.at, headers={"x-forwarded-prefix": "/tumor"}))[0].startswith("/tumor/api/")


@pytest.mark.parametrize("address", ["/tumor/", "/tumor/api/studies", "/tumor/docs", "/api/studies", "/tumor/healthz/"])
def test_authentication_is_required_below_a_path(tmp_path, address):
    app = create_app(service_settings(data=tmp_path / "data", token=TOKEN, root_path="/tumor"))
    client = TestClient(app, base_url=HERE)
    assert client.get(address).status_code == 401
    assert client.get(address, headers={"authorization": f"Bearer {TOKEN}"}).status_code in (200, 404)
    assert client.get("/tumor/healthz").status_code == client.get("/healthz").status_code == 200
