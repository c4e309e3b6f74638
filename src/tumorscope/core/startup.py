"""What libraries would do as they are imported, and the programs do not need."""

from __future__ import annotations

import atexit
import gc
import importlib.util
import os
import sys

_COLLECT_EVERY = 200_000
"""Allocations between two runs of Python's cycle collector. A DICOM study is a hundred thousand small objects, none of
them garbage: every 700, as is usual, the collector takes a fifth of the time of reading and writing one. The libraries
are more than a hundred thousand, too, so that one image is analyzed before the collector looks at them all."""
_UNNEEDED = "openvino.tools.ovc"
"""OpenVINO's converter of models: importing it is half of importing OpenVINO, which does without."""
_POSTPONED = ("numpy.f2py", "numpy.testing", "scipy.special")
"""SciPy's ``ndimage`` imports them, and most analyses do not need them: half of that import."""


def lighten_libraries(*, analyzing: bool, postponing: bool = False) -> None:
    """Before other libraries are imported, for this process and, by environment variables, for those that it starts.

    Args:
        analyzing: it multiplies no matrix that is worth two threads.
        postponing: no threads of it import modules: two of them could meet in one that is half imported.
    """
    gc.set_threshold(_COLLECT_EVERY, *gc.get_threshold()[1:])
    atexit.register(gc.freeze)  # nothing is left to free for: looking for garbage at the end takes 0.1 s
    sys.modules.setdefault(_UNNEEDED, None)  # type: ignore[arg-type]  # counts as not installed, in this process only
    if analyzing:
        # NumPy and SciPy each start threads, which spin for 50 ms before they sleep.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if postponing:
        for name in _POSTPONED:
            _postpone(name)


def _postpone(name: str) -> None:
    """Let a submodule be imported when it is first used, not when it is first imported."""
    spec = None if name in sys.modules else importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    parent, _, child = name.rpartition(".")
    setattr(sys.modules[parent], child, module)
