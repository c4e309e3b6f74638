"""The service itself, on this machine, for as long as a test needs it; and a wire that breaks."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import uvicorn
from ports import free_ports

from tumorscope.service.settings import ServiceSettings, service_settings
from tumorscope.service.web import create_app
from tumorscope.service.worker import run_worker


class Service:
    """The web process's part and a worker, each in a thread, to be started and stopped at will.

    Args:
        data: its folder.
        settings: what differs from the defaults.
    """

    def __init__(self, data: Path, **settings: Any) -> None:
        (port,) = free_ports(1)
        self.settings: ServiceSettings = service_settings(data=data, port=port, **settings)
        self.address = f"http://127.0.0.1:{port}"
        self._stop: list[Callable[[], None]] = []
        self._stop_worker: list[Callable[[], None]] = []

    def start(self) -> None:
        """Respond to requests; returns at once."""
        app = create_app(self.settings)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        listening = socket.create_server(("127.0.0.1", self.settings.port))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)

        def stop() -> None:
            app.state.backend.stopping.set()
            server.should_exit = True
            thread.join(20)
            listening.close()

        thread.start()
        self._stop.append(stop)

    def stop(self) -> None:
        """Respond no more, as when the service is restarted."""
        while self._stop:
            self._stop.pop()()

    def start_worker(self) -> None:
        """Analyze."""
        stop = threading.Event()
        thread = threading.Thread(target=run_worker, args=(self.settings, stop), daemon=True)

        def end() -> None:
            stop.set()
            thread.join(60)

        thread.start()
        self._stop_worker.append(end)

    def stop_worker(self) -> None:
        """Analyze no more."""
        while self._stop_worker:
            self._stop_worker.pop()()


@contextmanager
def running_service(data: Path, *, worker: bool = True, **settings: Any) -> Iterator[Service]:
    """A service with its worker."""
    service = Service(data, **settings)
    service.start()
    if worker:
        service.start_worker()
    try:
        yield service
    finally:
        service.stop()
        service.stop_worker()


class Wire:
    """A way to a service that can be cut; every connection comes through here.

    Attributes:
        address: to ask instead of the service's.
        cut_after: of the bytes that a client sends: the connection is cut then, once.
        lose_response: the next response to a POST does not come back, once; the request arrives whole.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self.cut_after: int | None = None
        self.lose_response = False
        self.cuts = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._to))
                seen = {"posts": 0}
                threading.Thread(target=self._forth, args=(client, server, seen), daemon=True).start()
                threading.Thread(target=self._back, args=(server, client, seen), daemon=True).start()

    def _forth(self, client: socket.socket, server: socket.socket, seen: dict[str, int]) -> None:
        sent = 0
        with suppress(OSError):
            while chunk := client.recv(2**16):
                seen["posts"] += chunk.startswith(b"POST ")
                sent += len(chunk)
                if self.cut_after is not None and sent > self.cut_after:
                    self.cut_after, self.cuts = None, self.cuts + 1
                    _cut(client, server)
                    return
                server.sendall(chunk)
        _cut(server)

    def _back(self, server: socket.socket, client: socket.socket, seen: dict[str, int]) -> None:
        with suppress(OSError):
            while chunk := server.recv(2**16):
                if self.lose_response and seen["posts"]:
                    self.lose_response, self.cuts = False, self.cuts + 1
                    break
                client.sendall(chunk)
        _cut(client, server)


def _cut(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


@contextmanager
def wire_to(service: Service) -> Iterator[Wire]:
    """A wire to a service."""
    wire = Wire(service.settings.port)
    try:
        yield wire
    finally:
        wire.close()
