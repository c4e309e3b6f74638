"""One case from its files to its folder of results, the same way on one machine and on many."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tumorscope.core.faults import FAULT_LOG, failure_line
from tumorscope.core.files import safe_name
from tumorscope.core.note import Note
from tumorscope.core.scan import Scan
from tumorscope.inference.analysis import Analysis, analyze
from tumorscope.inference.engine_pool import EnginePool
from tumorscope.inference.tumor_type import TypeFinding
from tumorscope.io import find_mask, open_scan, read_mask
from tumorscope.io.case_names import public_names
from tumorscope.io.dicom.grouping import OnFiles
from tumorscope.io.dicom.studies import StudyFiles
from tumorscope.io.formats import file_format
from tumorscope.measurement.alignment import onto_scan
from tumorscope.measurement.label_files import read_labels
from tumorscope.reporting.agreement import compare
from tumorscope.reporting.bids import write_bids
from tumorscope.reporting.outputs import OutputOptions
from tumorscope.reporting.results import write_results
from tumorscope.reporting.wording import size_text


@dataclass(frozen=True)
class Case:
    """An input: a path, one study of several in a folder, or the files of one scan's sequences."""

    path: Path | StudyFiles | None
    sequences: Mapping[str, Path] | None = None

    @property
    def label(self) -> str:
        """Its provisional name, before it has been read."""
        return ", ".join(file.name for file in (self.sequences or {}).values()) if self.path is None else self.path.name


@dataclass(frozen=True)
class AnalysisOptions:
    """How every case is read, assessed and written.

    Attributes:
        truth: the true mask, for a single case.
        channels: the sequences of a file's channels.
        register: rigidly co-register a study's series.
        explain: write class activation maps.
        input_check: reject inputs that do not look like brain MRI.
        outputs: which optional outputs are written.
        bids: a BIDS derivative data set that every case is added to.
    """

    truth: Path | None = None
    channels: Sequence[str] | None = None
    register: bool = False
    explain: bool = False
    input_check: bool = True
    outputs: OutputOptions = field(default_factory=OutputOptions)
    bids: Path | None = None


@dataclass(frozen=True)
class Findings:
    """The findings of an analysis that a batch keeps in memory, without scan and mask.

    Attributes:
        rejection, tumor_present, tumor_probability, tumor_type, volume_mm3, runtime, precision,
            bundle_reason, warnings: as in the analysis.
        size: of the mask as text; None where nothing is segmented.
        lesions, slices: their numbers.
        bundle, bundle_sha256: of the bundle that analyzed it.
    """

    rejection: Note | None
    tumor_present: bool | None
    tumor_probability: float | None
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
    warnings: tuple[Note, ...]

    @classmethod
    def of(cls, analysis: Analysis) -> Findings:
        """The findings of an analysis."""
        return cls(
            rejection=analysis.rejection,
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
    """The result of a case: findings and their folder, or the failure in one line."""

    case: str
    findings: Findings | None = None
    folder: Path | None = None
    dice: float | None = None
    failure: str | None = None


def run_case(
    case: Case,
    engines: EnginePool,
    out: Path,
    options: AnalysisOptions,
    unused: Callable[[str], str],
    *,
    on_files: OnFiles | None = None,
    on_read: Callable[[Scan], None] = lambda scan: None,
    on_slices: Callable[[int], None] = lambda done: None,
) -> Outcome:
    """Analyze one case of several, see :func:`analyze_case`; any error becomes a failure, so that others go on.

    An unexpected error adds its traceback to ``_faults.log`` in ``out``.
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
    """The result of a case that ended with an error; its text is free of patient names."""
    names = public_names(case.path, case.sequences)
    return Outcome(names.label, failure=names.hide(failure_line(error, names.label, out / FAULT_LOG)))


def analyze_case(
    case: Case,
    engines: EnginePool,
    out: Path,
    options: AnalysisOptions,
    unused: Callable[[str], str],
    *,
    on_files: OnFiles | None = None,
    on_read: Callable[[Scan], None] = lambda scan: None,
    on_slices: Callable[[int], None] = lambda done: None,
) -> Outcome:
    """Read, analyze and write one case; its scan is not kept.

    Args:
        case: the input.
        engines: the loaded bundles.
        out: parent of the case's folder.
        options: how the case is read, analyzed and written.
        unused: maps a safe name to one that no other case has, as files of one name must not share a folder.
        on_files: called with the number of DICOM headers read, and their total.
        on_read: called with the scan under its final name.
        on_slices: called with the number of slices just done.

    Raises:
        TumorscopeError: the case cannot be analyzed; one line with the reason.
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
    if truth.is_file() and file_format(truth) == "dicom":
        return onto_scan(read_labels(truth), scan).whole
    return read_mask(truth, scan)
