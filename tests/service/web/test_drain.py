import socket

import pytest

from tumorscope.service.web import drain


def response_to(address, head: str, body: bytes) -> bytes:
    """The response that a client reads after it has sent everything, as browsers do."""
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(head.encode() + body)
        pieces = []
        while piece := connection.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)


def post(length: int, *headers: str) -> str:
    lines = ["POST /api/studies HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {length}", *headers]
    return "\r\n".join(lines) + "\r\n\r\n"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (["Content-Type: text/plain"], b"415"),
        (["Origin: https://evil.example"], b"403"),
    ],
)
def test_a_rejection_reaches_a_client_that_is_still_sending(running, headers, status):
    """Otherwise the connection is reset and the reason is lost."""
    size = 20 << 20
    response = response_to(running, post(size, *headers), bytes(size))
    assert response.split()[1] == status
    assert b'{"detail":"' in response


def test_draining_ends_after_a_timeout(running, monkeypatch):
    monkeypatch.setattr(drain, "MAX_S", 0.2)
    with socket.create_connection(running, timeout=30) as connection:
        connection.sendall(post(1 << 40, "Content-Type: text/plain").encode())
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert b"415" in received
