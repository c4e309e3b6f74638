"""A web service on this machine that answers as a test says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass(frozen=True)
class Request:
    """What a client asked."""

    method: str
    path: str
    authorization: str
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What it is told; ``length`` may claim more than there is."""

    status: int = 200
    content: bytes = b""
    kind: str = "application/dicom+json"
    length: int | None = None


@contextmanager
def web_service(answer: Callable[[Request], Answer]) -> Iterator[str]:
    """The service's address, for as long as it runs."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self._body()
            told = answer(Request(self.command, self.path, self.headers.get("Authorization", ""), body))
            self.send_response(told.status)
            self.send_header("Content-Type", told.kind)
            self.send_header("Content-Length", str(len(told.content) if told.length is None else told.length))
            self.end_headers()
            self.wfile.write(told.content)

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        do_GET = do_POST = _serve  # noqa: N815

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/dicom-web"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
