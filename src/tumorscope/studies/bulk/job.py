"""The settings that all workers of a bulk analysis share, kept in its folder."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.files import save_whole
from tumorscope.inference.bundles import Bundle, load_bundle, shipped_bundles
from tumorscope.inference.engine import EngineName, PrecisionName, int8_is_exact, openvino_available
from tumorscope.studies.case import AnalysisOptions

FOLDER = "_bulk"
"""Beside the cases' folders; no case has this name, as safe names do not begin with an underscore."""
_SETTINGS_FILE = "job.json"


@dataclass(frozen=True)
class Job:
    """The settings of a bulk analysis.

    Attributes:
        out: the folder of all results, the same for all machines.
        bundle: a name, a folder, or ``auto``.
        engine, precision: how to run it; ``auto`` is decided by the machine.
        options: how cases are read, analyzed and written.
        machine: what ``auto`` means on the machine where the job was started.
    """

    out: Path
    bundle: str
    engine: EngineName
    precision: PrecisionName
    options: AnalysisOptions
    machine: str

    @property
    def folder(self) -> Path:
        """The folder of the job's own files."""
        return self.out / FOLDER


def machine_kind(engine: EngineName, precision: PrecisionName) -> str:
    """What ``auto`` means on this machine: machines of one kind give the same results to the bit.

    >>> machine_kind("onnxruntime", "float")
    'onnxruntime, float'
    """
    runtime = engine if engine != "auto" else "openvino" if openvino_available() else "onnxruntime"
    chosen = precision if precision != "auto" else "int8 where available" if int8_is_exact(runtime) else "float"
    return f"{runtime}, {chosen}"


def analysis_settings(bundles: Sequence[Bundle], machine: str, options: AnalysisOptions) -> dict[str, Any]:
    """The settings on which results depend, as plain values."""
    settings = {
        "bundles": {bundle.name: bundle.sha256 for bundle in bundles},
        "machine": machine,
        **dataclasses.asdict(options),
    }
    # As read back from a file, where a path is a string and a tuple a list.
    return json.loads(json.dumps(settings, default=str))


def keep_settings(job: Job) -> None:
    """Write the settings; all cases of a folder are analyzed with the same ones.

    Raises:
        TumorscopeError: the folder holds results with another bundle or other options.
        BadBundle: there is no such bundle.
    """
    bundles = shipped_bundles() if job.bundle == "auto" else [load_bundle(job.bundle)]
    settings = analysis_settings(bundles, job.machine, job.options)
    path = job.folder / _SETTINGS_FILE
    if not path.exists():
        save_whole(path, (json.dumps(settings, indent=1) + "\n").encode())
        return
    kept = json.loads(path.read_text())
    changed = sorted(name for name in kept.keys() | settings.keys() if kept.get(name) != settings.get(name))
    if changed:
        raise TumorscopeError(
            f"{job.out}: holds a bulk analysis that differs in {', '.join(changed)}; name another folder with -o"
        )
