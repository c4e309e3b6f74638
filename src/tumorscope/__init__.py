"""A brain MRI in, findings out. Research use only; not a medical device.

The whole of it in three lines, here on a phantom; a path of a scan does as well:

>>> import tumorscope
>>> from tumorscope.datasets.phantom import demo_phantom
>>> analysis = tumorscope.analyze(demo_phantom().scan, "lgg")
>>> analysis.tumor_present, len(analysis.lesions)
(True, 1)

``tumorscope.save(analysis, folder)`` writes the files that the command writes, ``tumorscope.plot(analysis)`` draws them.
``train``, ``evaluate`` and ``load_run`` need the extra ``train``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tumorscope.core import telemetry

if TYPE_CHECKING:
    from tumorscope.core.errors import TumorscopeError
    from tumorscope.core.scan import Scan
    from tumorscope.inference.analysis import Analysis
    from tumorscope.inference.bundles import load_bundle
    from tumorscope.inference.engine import load_engine
    from tumorscope.interface.analyzing import analyze
    from tumorscope.interface.evaluating import evaluate
    from tumorscope.interface.plotting import plot
    from tumorscope.interface.saving import save
    from tumorscope.interface.training import load_run, train
    from tumorscope.io import open_scan

telemetry.decline()

__version__ = "0.2.0"
__all__ = [
    "analyze",
    "open_scan",
    "plot",
    "save",
    "load_bundle",
    "load_engine",
    "train",
    "load_run",
    "evaluate",
    "Analysis",
    "Scan",
    "TumorscopeError",
    "__version__",
]

_HOMES = {
    "Analysis": "inference.analysis",
    "Scan": "core.scan",
    "TumorscopeError": "core.errors",
    "analyze": "interface.analyzing",
    "evaluate": "interface.evaluating",
    "load_bundle": "inference.bundles",
    "load_engine": "inference.engine",
    "load_run": "interface.training",
    "open_scan": "io",
    "plot": "interface.plotting",
    "save": "interface.saving",
    "train": "interface.training",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: `import tumorscope` stays quick."""
    if name not in _HOMES:
        raise AttributeError(f"module 'tumorscope' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"tumorscope.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """The public names, whether or not they have been imported."""
    return sorted(__all__)
