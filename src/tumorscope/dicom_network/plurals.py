"""Plurals in log messages."""

from __future__ import annotations


def counted(count: int, thing: str) -> str:
    """A number with its noun.

    >>> counted(1, "image"), counted(20, "image")
    ('1 image', '20 images')
    """
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
