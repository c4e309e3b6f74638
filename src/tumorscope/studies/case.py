"""One case from its files to its folder of results: the same steps on one machine and on a hundred."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tumorscope.core.faults import FAULT_LOG, failure_line
from tumorscope.core.files import safe_name
from tumorscope.core.scan import Scan
from tumorscope.inference.analysis import Analysis, analyze
from tumorscope.inference.engine_pool import Engines
from tumorscope.inference.tumor_type import TypeFinding
from tumorscope.io import find_mask, open_scan, read_mask
from tumorscope.io.case_names import public_names
from tumorscope.io.dicom.studies import StudyFiles
from tumorscope.io.options import OnFiles
from tumorscope.reporting import compare, write_results
from tumorscope.reporting.bids import write_bids
from tumorscope.reporting.wording import size_text
from tumorscope.reporting.write import Outputs


@dataclass(frozen=True)
class Case:
    """Something to analyze: a path, a study among others, or several files that are one scan's sequences."""

    path: Path | StudyFiles | None
    sequences: Mapping[str, Path] | None = None

    @property
    def label(self) -> str:
        """What to call it before it has been read."""
        return ", ".join(file.name for file in (self.sequences or {}).values()) if self.path is None else self.path.name


@dataclass(frozen=True)
class AnalysisOptions:
    """How every case is read, assessed and written.

    Attributes:
        truth: the true mask, for a single case.
        channels: what the channels of a file show.
        register: lay a study's series onto each other by their images.
        explain: show the activation map.
        input_check: assess only what looks like an MRI of a head.
        outputs: what is written besides the image panel, mask, page and document.
        bids: a BIDS derivative data set that every case is added to.
    """

    truth: Path | None = None
    channels: Sequence[str] | None = None
    register: bool = False
    explain: bool = False
    input_check: bool = True
    outputs: Outputs = field(default_factory=Outputs)
    bids: Path | None = None


@dataclass(frozen=True)
class Findings:
    """What a batch keeps of an analysis: numbers and words, and neither scan nor mask.

    Attributes:
        assessed, tumor_present, tumor_probability, tumor_type, volume_mm3, runtime, precision,
            bundle_reason, warnings: as in the analysis.
        size: of the mask, in words; None where there is none.
        lesions, slices: how many.
        bundle, bundle_sha256: what it was analyzed with.
    """

    assessed: bool
    tumor_present: bool
    tumor_probability: float
    tumor_type: TypeFinding | None
    volume_mm3: float | None
    size: str | None
    lesions: int
    slices: int
    bundle: str
    bundle_sha256: str
    runtime: str
    precision: str
    bundle_reason: str | None
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, analysis: Analysis) -> Findings:
        """The findings of an analysis."""
        return cls(
            assessed=analysis.assessed,
            tumor_present=analysis.tumor_present,
            tumor_probability=analysis.tumor_probability,
            tumor_type=analysis.tumor_type,
            volume_mm3=analysis.volume_mm3,
            size=size_text(analysis) if analysis.lesions else None,
            lesions=len(analysis.lesions),
            slices=len(analysis.slices),
            bundle=analysis.bundle.name,
            bundle_sha256=analysis.bundle.sha256,
            runtime=analysis.runtime,
            precision=analysis.precision,
            bundle_reason=analysis.bundle_reason,
            warnings=analysis.warnings,
        )


@dataclass(frozen=True)
class Outcome:
    """What became of a case: its findings and their folder, or one line that says why there are none."""

    case: str
    findings: Findings | None = None
    folder: Path | None = None
    dice: float | None = None
    failure: str | None = None


def run_case(
    case: Case,
    engines: Engines,
    out: Path,
    options: AnalysisOptions,
    unused: Callable[[str], str],
    *,
    on_files: OnFiles | None = None,
    on_read: Callable[[Scan], None] = lambda scan: None,
    on_slices: Callable[[int], None] = lambda done: None,
) -> Outcome:
    """Analyze one case of several, see :func:`analyze_case`: whatever is wrong with it, the others go on.

    A fault of the program adds its traceback to ``_faults.log`` in ``out``.
    """
    try:
        return analyze_case(
            case, engines, out, options, unused, on_files=on_files, on_read=on_read, on_slices=on_slices
        )
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic in a library written in Rust is not an Exception
        return failed(case, error, out)


def failed(case: Case, error: BaseException, out: Path) -> Outcome:
    """The outcome of a case that an error has ended, in words that name no patient."""
    names = public_names(case.path, case.sequences)
    return Outcome(names.label, failure=names.hide(failure_line(error, names.label, out / FAULT_LOG)))


def analyze_case(
    case: Case,
    engines: Engines,
    out: Path,
    options: AnalysisOptions,
    unused: Callable[[str], str],
    *,
    on_files: OnFiles | None = None,
    on_read: Callable[[Scan], None] = lambda scan: None,
    on_slices: Callable[[int], None] = lambda done: None,
) -> Outcome:
    """Read, assess and write one case; nothing of its scan is kept.

    Args:
        case: what to read.
        engines: the loaded bundles.
        out: where the case's own folder goes.
        options: how.
        unused: from a safe name the one that the case gets: two files of one name must not
            write into one folder.
        on_files: told now and then how many DICOM headers are read, and of how many.
        on_read: told of the scan, under the name that it got.
        on_slices: told of the number of slices just done.

    Raises:
        TumorscopeError: one line that says what is wrong with this case.
    """
    started = time.perf_counter()
    scan = open_scan(
        case.path,
        sequences=case.sequences,
        channels=options.channels,
        register=options.register,
        on_files=on_files,
    )
    scan = dataclasses.replace(scan, case=unused(safe_name(scan.case)))
    true_mask = _true_mask(scan, options.truth)
    reading_ms = round((time.perf_counter() - started) * 1000, 2)
    on_read(scan)
    engine, reason = engines.for_scan(scan)
    analysis = analyze(
        scan,
        engine,
        on_slices,
        explain=options.explain,
        probabilities=options.outputs.fractional or options.bids is not None,
        input_check=options.input_check,
    )
    timing_ms = {"reading": reading_ms, **analysis.timing_ms}
    analysis = dataclasses.replace(analysis, timing_ms=timing_ms, bundle_reason=reason)
    written = write_results(analysis, out, true_mask, options.outputs)
    if options.bids is not None:
        write_bids(analysis, options.bids)
    segmented = "mask" in engine.bundle.card.outputs
    dice = compare(analysis.mask, true_mask).dice if segmented and true_mask is not None else None
    return Outcome(scan.case, Findings.of(analysis), written["analysis"].parent, dice)


def _true_mask(scan: Scan, truth: Path | None) -> np.ndarray | None:
    if truth is None:
        return find_mask(scan)
    return read_mask(truth, scan)
