import pytest
from fastapi.testclient import TestClient

from tumorscope.service.web.security.hosts import Hosts


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000", "localhost.", "127.0.0.1"]
)
def test_loopback_names_are_accepted(client, host):
    assert client.get("/healthz", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "localhost@evil.example",
        "evil.example#localhost",
        "localhost/../evil.example",
        "localhost:8000:8000",
        "localhost:99999",
        "localhost evil.example",
        "localhost,evil.example",
        "192.168.1.5",
        "[::1",
        "",
        "xn--lcalhost-o4a",
        "lоcalhost".encode(),  # with a Cyrillic letter
    ],
)
def test_a_rebound_host_name_is_rejected(client, host):
    """DNS rebinding: for the browser, the service has the attacker's origin."""
    for address in ("/", "/api/studies", "/healthz"):
        response = client.get(address, headers={"host": host})
        assert response.status_code == 400
        assert response.json() == {
            "detail": "this service does not accept this host name; allow it with --allowed-host"
        }


def test_two_host_headers_are_rejected(client):
    response = client.get("/healthz", headers=[("host", "localhost"), ("host", "evil.example")])
    assert response.status_code == 400


@pytest.mark.parametrize("header", ["x-forwarded-host", "x-original-host", "forwarded", "x-host"])
def test_other_headers_do_not_replace_the_host_header(client, header):
    assert client.get("/healthz", headers={"host": "evil.example", header: "localhost"}).status_code == 400


def test_an_allowed_host_name_is_accepted(make_client):
    client: TestClient = make_client(allowed_hosts=("mri.example.org",))
    assert client.get("/healthz", headers={"host": "mri.example.org"}).status_code == 200
    assert client.get("/healthz", headers={"host": "MRI.example.org:443"}).status_code == 200
    assert client.get("/healthz", headers={"host": "other.example.org"}).status_code == 400


def test_on_the_network_addresses_are_accepted_and_unknown_names_rejected():
    """An IP address cannot be rebound."""
    hosts = Hosts("0.0.0.0", ["mri.example.org"])
    assert hosts.allow("192.168.1.5:8000")
    assert hosts.allow("[fe80::1]:8000")
    assert hosts.allow("mri.example.org")
    assert not hosts.allow("evil.example")
