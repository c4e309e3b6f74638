"""ONNX Runtime sessions, set up alike everywhere, and the reasons why a model cannot be loaded."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

OPSET = 20
"""The opset of exported models: the oldest ONNX Runtime that ``pyproject.toml`` allows knows up to 21."""

_LONGEST_REASON = 500
_SOURCE_LOCATION = re.compile(r"\S*\.(?:cc|cpp|h|hpp):\d+:?(?: \w+ [\w:]+\(.*?\)(?= [A-Z]))?")
"""A location in C++ source and the signature of its function."""


def open_session(content: bytes, threads: int, *, spinning: bool = False) -> InferenceSession:
    """A model's bytes, loaded by ONNX Runtime.

    Args:
        content: an ONNX file.
        threads: how many compute one operator.
        spinning: waiting threads keep their cores busy, faster on an otherwise idle machine only
            (``docs/performance.md``).
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spinning else "0")
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def runtime_reason(error: Exception) -> str:
    """A runtime's own reason for an error, as one line without locations in its source.

    >>> runtime_reason(RuntimeError("Load model failed:/src/core/model.cc:150 Opset 99 is under development"))
    'Load model failed: Opset 99 is under development'
    """
    line = " ".join(_SOURCE_LOCATION.sub(" ", " ".join(str(error).replace(":/", ": /").split())).split())
    line = line or type(error).__name__
    return line if len(line) <= _LONGEST_REASON else f"{line[:_LONGEST_REASON]}…"
