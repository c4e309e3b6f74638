"""Nothing leaves the machine: telemetry of libraries is declined before they are imported.

What the installed versions do otherwise, by system-call trace with an empty home folder:

- ONNX Runtime 1.32 keeps a device identifier and a database of events below ``~/.cache/Microsoft`` and sends them.
- OpenVINO 2026.4 imports ``openvino_telemetry``, which keeps a client identifier in ``~/intel`` and looks up
  Google Analytics, unless the user's own file there declines. Where that package is absent OpenVINO does without it.
- Ray sends usage statistics.
"""

from __future__ import annotations

import os
import sys

_SWITCHES = {"ORT_DISABLE_TELEMETRY": "1", "RAY_USAGE_STATS_ENABLED": "0"}
"""Environment variables that the libraries read as they are imported; processes that are started inherit them."""


def decline() -> None:
    """Decline for this process and those that it starts; a variable that the user has set stays as it is."""
    for name, value in _SWITCHES.items():
        os.environ.setdefault(name, value)
    if (
        "onnxruntime" in sys.modules
    ):  # a program imported it first: what it has written stays, but it sends nothing more
        sys.modules["onnxruntime"].disable_telemetry_events()
    # A module that is None counts as not installed; unlike OpenVINO's own opt-out this writes nothing.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
