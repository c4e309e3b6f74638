"""A service with scripted responses and failures."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

ABOUT = {"version": "1", "notice": "", "keep_days": 30, "upload_bytes": 2**30, "upload_files": 100}
STUDY = "aaaaaaaaaaaaaaaa"


class Asked(BaseHTTPRequestHandler):
    """A request with methods to respond."""

    def response(self, content: Any, status: int = 200, **headers: str) -> None:
        """JSON, whole."""
        body = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def body(self) -> bytes:
        """What was sent."""
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def begin_events(self) -> None:
        """The head of server-sent events."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()

    def tell(self, content: Any) -> None:
        """One event."""
        self.wfile.write(f"event: study\ndata: {json.dumps(content)}\n\n".encode())
        self.wfile.flush()

    def cut(self) -> None:
        """Break the connection off."""
        self.close_connection = True
        self.connection.close()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


def study(state: str = "queued", done: int = 0, **changes: Any) -> dict[str, Any]:
    """A study as in the service's responses."""
    return {
        "id": STUDY,
        "name": "case",
        "state": state,
        "progress": {"stage": "inference" if state == "analyzing" else None, "done": done, "total": 9},
        "failure": "too dark" if state == "failed" else None,
        "bundle": "auto",
        "created": "2026-01-01T00:00:00Z",
        "changed": "2026-01-01T00:00:00Z",
        "expires": None,
        "revision": int(state == "done"),
        "summary": None,
        "notice": "",
        **changes,
    }


@contextmanager
def service(response: Callable[[Asked], None], tls: tuple[Path, Path] | None = None) -> Iterator[str]:
    """Run a service and yield its address; it responds to ``/api/about`` by itself.

    Args:
        response: to every other request.
        tls: a certificate and its key.
    """

    class Handler(Asked):
        def _serve(self) -> None:
            if self.path == "/api/about":
                self.response(ABOUT)
            else:
                response(self)

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
