"""The engines of a run over many scans; each bundle is loaded when a scan first needs it."""

from __future__ import annotations

from typing import NamedTuple

from tumorscope.core.scan import Scan
from tumorscope.inference.bundle_choice import choose_bundles
from tumorscope.inference.bundles import Bundle, load_bundle, shipped_bundles
from tumorscope.inference.engine import Engine, EngineName, PrecisionName, load_engine


class ChosenEngine(NamedTuple):
    """An engine for a scan, and the reason for its bundle; None where the user named it."""

    engine: Engine
    reason: str | None


class EnginePool:
    """Loads each bundle once and chooses for every scan.

    Args:
        bundle: a name, a folder, or ``auto``.
        engine, precision: how to run it.

    Raises:
        BadBundle: there is no such bundle.
    """

    def __init__(self, bundle: str = "auto", engine: EngineName = "auto", precision: PrecisionName = "auto") -> None:
        self._bundles = shipped_bundles() if bundle == "auto" else [load_bundle(bundle)]
        self._choose = bundle == "auto"
        self._engine: EngineName = engine
        self._precision: PrecisionName = precision
        self._loaded: dict[str, Engine] = {}
        if not self._choose:
            self._load(self._bundles[0])  # its errors come before any case is read

    @property
    def bundles(self) -> tuple[Bundle, ...]:
        """The one bundle, or those to choose from."""
        return tuple(self._bundles)

    def for_scan(self, scan: Scan) -> tuple[ChosenEngine, ...]:
        """One engine, or one for each label of a scan that several bundles complement each other on."""
        if not self._choose:
            return (ChosenEngine(self._load(self._bundles[0]), None),)
        choices = choose_bundles(scan, self._bundles)
        return tuple(ChosenEngine(self._load(choice.bundle), choice.reason) for choice in choices)

    def _load(self, bundle: Bundle) -> Engine:
        if bundle.name not in self._loaded:
            self._loaded[bundle.name] = load_engine(bundle, self._engine, self._precision)
        return self._loaded[bundle.name]
