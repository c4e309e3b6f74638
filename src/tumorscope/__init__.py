"""A brain MRI in, findings out. Research use only; not a medical device.

The whole of it in four lines, here on a phantom:

>>> from tumorscope import analyze, load_bundle, load_engine
>>> from tumorscope.datasets.phantom import demo_phantom
>>> analysis = analyze(demo_phantom().scan, load_engine(load_bundle("lgg")))
>>> analysis.tumor_present, len(analysis.lesions)
(True, 1)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tumorscope.core import telemetry

if TYPE_CHECKING:
    from tumorscope.core.errors import TumorscopeError
    from tumorscope.core.scan import Scan
    from tumorscope.inference.analysis import Analysis, analyze
    from tumorscope.inference.bundles import load_bundle
    from tumorscope.inference.engine import load_engine
    from tumorscope.io import open_scan
    from tumorscope.training.loading import load_run as load_run

telemetry.decline()

__version__ = "0.1.0"
__all__ = [
    "Analysis",
    "Scan",
    "TumorscopeError",
    "__version__",
    "analyze",
    "load_bundle",
    "load_engine",
    "open_scan",
]

_HOMES = {
    "Analysis": "inference.analysis",
    "analyze": "inference.analysis",
    "load_bundle": "inference.bundles",
    "load_engine": "inference.engine",
    "TumorscopeError": "core.errors",
    "open_scan": "io",
    "Scan": "core.scan",
    "load_run": "training.loading",  # needs PyTorch, so that it is not in __all__
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: `import tumorscope` stays quick."""
    if name not in _HOMES:
        raise AttributeError(f"module 'tumorscope' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"tumorscope.{_HOMES[name]}"), name)
