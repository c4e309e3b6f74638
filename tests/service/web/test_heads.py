"""HEAD returns the headers of GET without the body."""

import http.client

import pytest


@pytest.mark.parametrize(
    "address",
    ["", "/analysis", "/report.pdf", "/panel.png", "/results.zip", "/images/flair.nii.gz", "/events", "/mask.png"],
)
def test_head_has_the_status_and_the_headers_of_get(analyzed, address):
    got, head = (analyzed.client.request(method, analyzed.at + address) for method in ("GET", "HEAD"))
    assert head.content == b""
    assert head.status_code == got.status_code
    assert dict(head.headers) == dict(got.headers)


@pytest.mark.parametrize(
    ("address", "status"),
    [("/", 200), ("/docs", 200), ("/healthz", 200), ("/readyz", 200), ("/metrics", 200), ("/api/studies", 200),
     ("/openapi.json", 200), ("/nothing", 404), ("/api/studies/AAAAAAAAAAAAAAAA", 404),
     ("/api/studies/AAAAAAAAAAAAAAAA/retry", 405)],
)  # fmt: skip
def test_head_works_for_every_route_with_get(client, address, status):
    assert client.head(address).status_code == client.get(address).status_code == status


def test_no_byte_follows_the_head_and_the_connection_stays_usable(running, caplog):
    connection = http.client.HTTPConnection(*running)
    for _ in range(3):
        connection.request("HEAD", "/api/about")
        response = connection.getresponse()
        assert response.status == 200
        assert int(response.getheader("content-length")) > 100
        assert response.read() == b""
    assert "HEAD /api/about - 200" in caplog.text
    connection.close()


def test_head_supports_ranges_and_etags(analyzed):
    part = analyzed.client.head(f"{analyzed.at}/report.pdf", headers={"range": "bytes=0-9"})
    assert (part.status_code, part.headers["content-length"]) == (206, "10")
    tag = analyzed.client.head(f"{analyzed.at}/report.pdf").headers["etag"]
    assert analyzed.client.head(f"{analyzed.at}/report.pdf", headers={"if-none-match": tag}).status_code == 304
