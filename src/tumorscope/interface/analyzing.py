"""Analyzing a scan and keeping the results, in one line each."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tumorscope.core.scan import Scan
from tumorscope.inference.bundles import Bundle, load_bundle
from tumorscope.inference.engine import Engine, load_engine
from tumorscope.inference.engine_pool import ChosenEngine, EnginePool
from tumorscope.inference.full_study import analyze_study
from tumorscope.io import open_scan

if TYPE_CHECKING:
    from tumorscope.inference.analysis import Analysis

AUTO = "auto"


def analyze(
    scan: Scan | Path | str,
    bundle: Engine | Bundle | Path | str = AUTO,
    on_slices: Callable[[int], None] = lambda done: None,
    *,
    explain: bool = False,
    probabilities: bool = False,
    input_check: bool = True,
    flips: bool = False,
) -> Analysis:
    """Detect, segment, measure and classify tumors in a scan.

    Args:
        scan: a file or folder as for :func:`tumorscope.open_scan`, or a scan that is already open.
        bundle: ``auto`` chooses the shipped bundle for the scan's sequences, and a second one for a study with FLAIR
            and T1c; otherwise a shipped bundle's name, a bundle's folder, or a bundle. For many scans with one
            bundle give the engine from :func:`tumorscope.load_engine`, so that it is loaded once.
        on_slices: called with the number of slices just done, for a progress bar.
        explain: keep the class activation map.
        probabilities: keep the probability of every voxel.
        input_check: reject what does not look like an MRI of a head.
        flips: average the network's outputs over left-right flips, at twice the time.

    Returns:
        The findings. They print as a short table, and show a thumbnail in Jupyter.

    Raises:
        TumorscopeError: the scan cannot be read, there is no such bundle, or it lacks a sequence.

    >>> import tumorscope
    >>> from tumorscope.datasets.phantom import demo_phantom
    >>> print(tumorscope.analyze(demo_phantom().scan, "lgg"))  # doctest: +ELLIPSIS
    finding            Tumor found in ...
    """
    opened = scan if isinstance(scan, Scan) else open_scan(scan)
    return analyze_study(
        opened,
        _engines(opened, bundle),
        on_slices,
        explain=explain,
        probabilities=probabilities,
        input_check=input_check,
        flips=flips,
    )


def _engines(scan: Scan, bundle: Engine | Bundle | Path | str) -> tuple[ChosenEngine, ...]:
    if bundle == AUTO:
        return _shipped().for_scan(scan)
    if not isinstance(bundle, Engine):
        bundle = load_engine(bundle if isinstance(bundle, Bundle) else load_bundle(bundle))
    return (ChosenEngine(bundle, None),)


@cache
def _shipped() -> EnginePool:
    """The shipped bundles, each loaded when a scan first needs it."""
    return EnginePool(AUTO)
