"""Rate limit for wrong tokens and passwords, per client address."""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

log = logging.getLogger(__name__)

GUESSES = 20
"""Number of wrong credentials that an address may try at once; one more is allowed every ``REFILL_S``."""
REFILL_S = 6.0
_MAX_ADDRESSES = 10_000
_MAX_KNOWN = 1_000

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass
class _Guesses:
    """The state of one address: ``left`` guesses at ``moment``."""

    left: float
    moment: float
    wrong: OrderedDict[bytes, None] = field(default_factory=OrderedDict)
    refusing: bool = False


class Throttle:
    """Counts different wrong credentials per address.

    Repeated use of the same wrong credentials counts once: a client with an outdated token does not lock out
    others. Credentials that were accepted from an address before stay usable while the address is limited, so
    that an attacker behind the same proxy does not lock out users.

    Args:
        clock: in seconds, for tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._guesses: OrderedDict[str, _Guesses] = OrderedDict()
        self._right: OrderedDict[tuple[str, bytes], None] = OrderedDict()

    def wait_s(self, address: str, given: str) -> int:
        """Seconds until these credentials of this address may be checked; 0 if at once."""
        source, digest = source_of(address), _digest(given)
        guesses = self._guesses.get(source)
        if guesses is None or (source, digest) in self._right:
            return 0
        self._refill(guesses)
        if guesses.left >= 1 or digest in guesses.wrong:
            return 0
        if not guesses.refusing:
            log.warning("too many wrong tokens or passwords from %s: rejected for now", source)
            guesses.refusing = True
        return math.ceil((1 - guesses.left) * REFILL_S)

    def accept(self, address: str, given: str) -> None:
        """Record valid credentials."""
        _remember(self._right, (source_of(address), _digest(given)), None, _MAX_KNOWN)

    def reject(self, address: str, given: str) -> None:
        """Record wrong credentials."""
        source, digest = source_of(address), _digest(given)
        guesses = self._guesses.get(source) or _Guesses(GUESSES, self._clock())
        _remember(self._guesses, source, guesses, _MAX_ADDRESSES)
        if digest in guesses.wrong:
            return
        _remember(guesses.wrong, digest, None, 2 * GUESSES)
        self._refill(guesses)
        guesses.left -= 1
        log.warning("a wrong token or password from %s", source)

    def _refill(self, guesses: _Guesses) -> None:
        now = self._clock()
        guesses.left = min(guesses.left + (now - guesses.moment) / REFILL_S, GUESSES)
        guesses.moment = now
        if guesses.left >= 1:
            guesses.refusing = False


def source_of(address: str) -> str:
    """The unit of counting: an IPv4 address, or an IPv6 /64 network, which one customer gets.

    >>> source_of("192.168.1.5"), source_of("2001:db8:1:2:3:4:5:6"), source_of("::ffff:10.0.0.1")
    ('192.168.1.5', '2001:db8:1:2::/64', '10.0.0.1')
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "an unknown address"
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _digest(given: str) -> bytes:
    return hashlib.sha256(given.encode("utf-8", "surrogatepass")).digest()


def _remember(entries: OrderedDict[Key, Value], key: Key, value: Value, most: int) -> None:
    """Insert an entry as the most recent and drop the least recent ones."""
    entries[key] = value
    entries.move_to_end(key)
    while len(entries) > most:
        entries.popitem(last=False)
