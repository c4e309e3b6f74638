"""Guessing tokens and passwords is slowed down, by the address that it comes from."""

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
"""So many wrong credentials may be tried at once, and one more each:"""
REFILL_S = 6.0
_MOST_ADDRESSES = 10_000
_MOST_KNOWN = 1_000

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass
class _Tries:
    """What one address tried: ``left`` guesses at ``moment``."""

    left: float
    moment: float
    wrong: OrderedDict[bytes, None] = field(default_factory=OrderedDict)
    refusing: bool = False


class Throttle:
    """Counts different wrong credentials by address.

    The same wrong ones again are no guess: a program with an outdated token locks nobody out. Credentials
    that were right from an address before are let through while others are refused there, so that a guesser
    behind the same proxy does not keep people out.

    Args:
        clock: seconds, for tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tries: OrderedDict[str, _Tries] = OrderedDict()
        self._right: OrderedDict[tuple[str, bytes], None] = OrderedDict()

    def wait_s(self, address: str, given: str) -> int:
        """How long this address has to wait until these credentials are looked at; 0 if not at all."""
        source, digest = source_of(address), _digest(given)
        tries = self._tries.get(source)
        if tries is None or (source, digest) in self._right:
            return 0
        self._refill(tries)
        if tries.left >= 1 or digest in tries.wrong:
            return 0
        if not tries.refusing:
            log.warning("too many wrong tokens or passwords from %s: refused for now", source)
            tries.refusing = True
        return math.ceil((1 - tries.left) * REFILL_S)

    def right(self, address: str, given: str) -> None:
        """These credentials let in."""
        _remember(self._right, (source_of(address), _digest(given)), None, _MOST_KNOWN)

    def wrong(self, address: str, given: str) -> None:
        """These did not."""
        source, digest = source_of(address), _digest(given)
        tries = self._tries.get(source) or _Tries(GUESSES, self._clock())
        _remember(self._tries, source, tries, _MOST_ADDRESSES)
        if digest in tries.wrong:
            return
        _remember(tries.wrong, digest, None, 2 * GUESSES)
        self._refill(tries)
        tries.left -= 1
        log.warning("a wrong token or password from %s", source)

    def _refill(self, tries: _Tries) -> None:
        now = self._clock()
        tries.left = min(tries.left + (now - tries.moment) / REFILL_S, GUESSES)
        tries.moment = now
        if tries.left >= 1:
            tries.refusing = False


def source_of(address: str) -> str:
    """Who is counted as one: an IPv4 address, or the network that one customer gets in IPv6.

    >>> source_of("192.168.1.5"), source_of("2001:db8:1:2:3:4:5:6"), source_of("::ffff:10.0.0.1")
    ('192.168.1.5', '2001:db8:1:2::/64', '10.0.0.1')
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "an unknown address"
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))


def _digest(given: str) -> bytes:
    return hashlib.sha256(given.encode("utf-8", "surrogatepass")).digest()


def _remember(where: OrderedDict[Key, Value], key: Key, value: Value, most: int) -> None:
    """Put something last; what has not been used for longest is forgotten."""
    where[key] = value
    where.move_to_end(key)
    while len(where) > most:
        where.popitem(last=False)
