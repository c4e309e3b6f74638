"""TCP ports for the servers of tests."""

from __future__ import annotations

import socket
import sys

_reserved: list[socket.socket] = []


def free_ports(count: int) -> list[int]:
    """TCP ports of 127.0.0.1 that nobody listens on, and that nobody else gets while these tests run.

    A socket stays bound to each and never listens: connections are refused, no other process is given the port when it
    asks for any, and a server that asks for this one gets it, since all of them set ``SO_REUSEADDR``.
    """
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in sockets]
    if sys.platform == "linux":
        _reserved.extend(sockets)
    else:  # where a bound port cannot be bound again
        for each in sockets:
            each.close()
    return ports
