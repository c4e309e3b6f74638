"""Docstrings as the site shows them, used by mkdocstrings (``extensions`` in ``mkdocs.yml``)."""

from __future__ import annotations

import re
from typing import Any

import griffe

_SHARED = re.compile(r"^(?P<indent> +)(?P<names>\w+(?:, \w+)+): (?P<text>.*(?:\n(?P=indent) +.*)*)", re.MULTILINE)
_ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):(?=`)")


class ReadableDocstrings(griffe.Extension):
    """One line for each parameter of several that share a description, and no roles of Sphinx."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = readable(obj.docstring.value)


def readable(text: str) -> str:
    """The docstring in what mkdocstrings understands.

    >>> print(readable("    x, y: see :func:`open_scan`."))
        x: see `open_scan`.
        y: see `open_scan`.
    """
    return _ROLE.sub("", _SHARED.sub(_one_each, text))


def _one_each(found: re.Match[str]) -> str:
    return "\n".join(f"{found['indent']}{name}: {found['text']}" for name in found["names"].split(", "))
