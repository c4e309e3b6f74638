"""A small reverse proxy that shows a service below a path, as nginx does."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"}


@dataclass
class Shown:
    """A service as the proxy shows it.

    Attributes:
        address: of the proxy, with the path.
        passed: what was asked below the path, without it, by method and path.
        strays: what was asked beside it.
    """

    address: str = ""
    passed: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)


@contextmanager
def shown_below(path: str, service: str, cut_off: bool) -> Iterator[Shown]:
    """The service below a path of a proxy.

    Args:
        path: such as ``/tumor``.
        service: its address.
        cut_off: whether the proxy cuts the path off, and says so by ``X-Forwarded-Prefix``; it then also leads
            from the path to the path with a slash, which the service could not tell apart.
    """
    shown = Shown()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            below = self.path.removeprefix(path)
            if below == self.path or (below and below[0] not in "/?"):
                shown.strays.append(self.path)
                self.send_error(404)
                return
            if cut_off and not below:
                self.send_response(301)
                self.send_header("Location", f"{path}/")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            shown.passed.append(f"{self.command} {below}")
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            headers["X-Forwarded-For"] = self.client_address[0]
            if cut_off:
                headers["X-Forwarded-Prefix"] = path
            connection = http.client.HTTPConnection(urlsplit(service).netloc, timeout=600)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            connection.request(self.command, below if cut_off else self.path, body, headers)
            self._give_back(connection.getresponse())
            connection.close()

        def _give_back(self, response: http.client.HTTPResponse) -> None:
            """The response as it comes: events are not gathered."""
            self.send_response(response.status)
            for name, value in response.getheaders():
                if name.lower() not in {*_HOP_BY_HOP, "date", "server"}:
                    self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()
            while piece := response.read1(1 << 16):
                self.wfile.write(piece)
                self.wfile.flush()
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Not among the test's own lines."""

    for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.pass_on)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        shown.address = f"http://127.0.0.1:{server.server_port}{path}"
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield shown
        finally:
            server.shutdown()
            thread.join()
