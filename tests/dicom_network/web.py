"""A local web service with scripted responses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from pydicom import dcmread


@dataclass(frozen=True)
class Request:
    """A client's request."""

    method: str
    path: str
    authorization: str
    body: bytes


@dataclass(frozen=True)
class Response:
    """The response; ``length`` may exceed the content."""

    status: int = 200
    content: bytes = b""
    kind: str = "application/dicom+json"
    length: int | None = None


@contextmanager
def web_service(response: Callable[[Request], Response]) -> Iterator[str]:
    """Run the service and yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self._body()
            told = response(Request(self.command, self.path, self.headers.get("Authorization", ""), body))
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


def study_archive(
    files: Sequence[Path], asked: list[Request] | None = None, away: Callable[[], bool] = lambda: False
) -> AbstractContextManager[str]:
    """A DICOMweb service with one study, which records requests and can be disabled."""

    def serve(request: Request) -> Response:
        if asked is not None:
            asked.append(request)
        if away():
            return Response(404)
        if "/series/" not in request.path:
            entries = [
                {
                    "00080018": {"vr": "UI", "Value": [str(dcmread(path).SOPInstanceUID)]},
                    "0020000E": {"vr": "UI", "Value": [str(dcmread(path).SeriesInstanceUID)]},
                }
                for path in files
            ]
            return Response(200, json.dumps(entries if "offset=0" in request.path else []).encode())
        content = b"".join(b"\r\n--x\r\nContent-Type: application/dicom\r\n\r\n" + path.read_bytes() for path in files)
        return Response(200, content + b"\r\n--x--", 'multipart/related; type="application/dicom"; boundary=x')

    return web_service(serve)
