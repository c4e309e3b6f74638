"""One case from its files to its folder of results: the same steps for the command line, the service, the DICOM
node and a cluster.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from tumorscope.core.faults import FAULT_LOG, failure_line
from tumorscope.core.files import safe_name
from tumorscope.core.note import Note
from tumorscope.core.scan import Scan
from tumorscope.inference.analysis import Analysis
from tumorscope.inference.engine_pool import ChosenEngine, EnginePool
from tumorscope.inference.full_study import analyze_study
from tumorscope.inference.labels import ENHANCING_TUMOR
from tumorscope.inference.sequence_completion import with_recognized_sequences
from tumorscope.inference.tumor_type import TypeFinding
from tumorscope.io import find_mask, open_scan, read_mask
from tumorscope.io.case_names import public_names
from tumorscope.io.dicom.studies import StudyFiles
from tumorscope.measurement.rulers import Ruler
from tumorscope.reporting.agreement import compare
from tumorscope.reporting.bids import write_bids
from tumorscope.reporting.outputs import OutputOptions
from tumorscope.reporting.results import write_results
from tumorscope.reporting.wording import size_text
from tumorscope.studies.located_analysis import with_location
from tumorscope.studies.revision import revise


@dataclass(frozen=True)
class Case:
    """Something to analyze: a path, a study among others, or several files that are one scan's sequences.

    Attributes:
        path: a file, a folder, or the files of one study; None where ``sequences`` names the files.
        sequences: files by sequence.
        segmentation: a person's correction, boolean ``(slice, row, column)``, which replaces the network's.
        rulers: distances that the person had drawn.
        incomplete: why images may be missing; None where the case is complete.
        within: the folder that tells it from other cases of its name, such as ``Patient-002`` of ``week-044``; empty
            where no other has it.
    """

    path: Path | StudyFiles | None
    sequences: Mapping[str, Path] | None = None
    segmentation: np.ndarray | None = None
    rulers: tuple[Ruler, ...] = ()
    incomplete: str | None = None
    within: str = ""

    @property
    def label(self) -> str:
        """The name to show before the case has been read."""
        return ", ".join(file.name for file in (self.sequences or {}).values()) if self.path is None else self.path.name

    def named(self, name: str) -> str:
        """The scan's name, behind that of the folder that tells it from others."""
        return f"{self.within}_{name}" if self.within else name


@dataclass(frozen=True)
class AnalysisOptions:
    """How every case is read, assessed and written.

    Attributes:
        truth: the true mask, for a single case.
        find_truth: without ``truth``, use the mask stored beside the scan, if there is one.
        channels: the sequences of a file's channels.
        register: co-register a case's series or volumes by their images.
        spacing_mm: column, row and slice spacing, for files that do not state it.
        stated: the sequence of files by name, or of DICOM series by description, number or UID.
        explain: write class activation maps.
        input_check: skip inputs that do not look like brain MRI.
        flips: average the network's outputs over left-right flips.
        location: name the lobe and hemisphere of every lesion by an atlas, and mask the brain.
        outputs: files to write besides the image panel, mask, report and ``analysis.json``.
        bids: a BIDS derivative data set that every case is added to.
    """

    truth: Path | None = None
    find_truth: bool = True
    channels: Sequence[str] | None = None
    register: bool = False
    spacing_mm: tuple[float, float, float] | None = None
    stated: Mapping[str, str] | None = None
    explain: bool = False
    input_check: bool = True
    flips: bool = False
    location: bool = False
    outputs: OutputOptions = field(default_factory=OutputOptions)
    bids: Path | None = None


@dataclass(frozen=True)
class Findings:
    """The part of an analysis that a batch keeps: numbers and words, but neither scan nor mask.

    Attributes:
        rejection, tumor_present, tumor_probability, tumor_type, volume_mm3, runtime, precision,
            bundle_reason, warnings: as in the analysis.
        enhancing_volume_mm3: of the enhancing tumor; None where it is not known or one bundle analyzed the scan.
        size: of the mask, in words; None without lesions.
        lesions, slices: their numbers.
        bundle, bundle_sha256: the bundle of the analysis; two bundles are joined by ``+``.
    """

    rejection: Note | None
    tumor_present: bool | None
    tumor_probability: float | None
    tumor_type: TypeFinding | None
    volume_mm3: float | None
    enhancing_volume_mm3: float | None
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
        """Summarize an analysis."""
        return cls(
            rejection=analysis.rejection,
            tumor_present=analysis.tumor_present,
            tumor_probability=analysis.tumor_probability,
            tumor_type=analysis.tumor_type,
            volume_mm3=analysis.volume_mm3,
            enhancing_volume_mm3=next(
                (part.volume_mm3 for part in analysis.parts if part.label == ENHANCING_TUMOR), None
            ),
            size=size_text(analysis) if analysis.lesions else None,
            lesions=len(analysis.lesions),
            slices=len(analysis.slices),
            bundle="+".join(each.bundle.name for each in analysis.by_bundle),
            bundle_sha256="+".join(each.bundle.sha256 for each in analysis.by_bundle),
            runtime=analysis.runtime,
            precision=analysis.precision,
            bundle_reason=analysis.bundle_reason,
            warnings=analysis.warnings,
        )


@dataclass(frozen=True)
class CaseResult:
    """A case that has been analyzed and written.

    Attributes:
        analysis: with its scan and mask.
        folder: of the results.
        dice: overlap with the true mask; None without one.
    """

    analysis: Analysis
    folder: Path
    dice: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What a batch keeps of a case: its findings and their folder, or one line that gives the reason for the failure."""

    case: str
    findings: Findings | None = None
    folder: Path | None = None
    dice: float | None = None
    failure: str | None = None


Stage = Literal["reading", "analyzing", "writing"]


@dataclass(frozen=True)
class CaseProgress:
    """How far the processing of a case has come.

    Attributes:
        stage: the current one.
        done, total: DICOM headers while ``reading``, slices while ``analyzing``, else 0.
        name: of the case; None until it has been read.
    """

    stage: Stage
    done: int = 0
    total: int = 0
    name: str | None = None


def _ignore(progress: CaseProgress) -> None:
    """Report nothing."""


def run_case(
    case: Case,
    engines: EnginePool,
    out: Path,
    options: AnalysisOptions,
    unused: Callable[[str], str],
    on_progress: Callable[[CaseProgress], None] = _ignore,
) -> Outcome:
    """Process one case of several, see :func:`process_case`; its failure does not stop the others.

    A fault of the program adds its traceback to ``_faults.log`` in ``out``.

    Args:
        case, engines, out, options, on_progress: as for :func:`process_case`.
        unused: from a safe name the one that the case gets: two files of one name must not
            write into one folder.
    """
    try:
        result = process_case(
            case, engines, out, options, lambda name: unused(safe_name(case.named(name))), on_progress
        )
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic in a library written in Rust is not an Exception
        return failed(case, error, out)
    return Outcome(result.analysis.scan.case, Findings.of(result.analysis), result.folder, result.dice)


def failed(case: Case, error: BaseException, out: Path) -> Outcome:
    """The outcome of a case that an error has ended; its text names no patient."""
    names = public_names(case.path, case.sequences)
    return Outcome(case.named(names.label), failure=names.hide(failure_line(error, names.label, out / FAULT_LOG)))


def process_case(
    case: Case,
    engines: EnginePool,
    out: Path,
    options: AnalysisOptions | None = None,
    name: Callable[[str], str] = str,
    on_progress: Callable[[CaseProgress], None] = _ignore,
) -> CaseResult:
    """Read, analyze and write one case.

    Args:
        case: the input.
        engines: the loaded bundles.
        out: where the case's own folder goes.
        options: how; the defaults if None.
        name: from the scan's name the one that its results get.
        on_progress: receives every step; an exception that it raises ends the processing before
            anything more is written.

    Raises:
        TumorscopeError: the case cannot be analyzed; one line with the reason.
    """
    options = options or AnalysisOptions()
    needed = {sequence for bundle in engines.bundles for sequence in bundle.card.inputs.sequences}
    scan, true_mask, reading_ms = _read(case, options, needed, name, on_progress)
    chosen = engines.for_scan(scan)
    analysis = _analyze(scan, chosen, options, on_progress)
    analysis = dataclasses.replace(analysis, timing_ms={"reading": reading_ms, **analysis.timing_ms})
    if case.segmentation is not None:
        analysis = revise(analysis, [each.engine for each in chosen], case.segmentation)
        analysis = dataclasses.replace(analysis, rulers=case.rulers)
    if options.location:
        analysis = with_location(analysis)
    if case.incomplete is not None:
        analysis = _incomplete(analysis, case.incomplete)
    on_progress(CaseProgress("writing", name=scan.case))
    written = write_results(analysis, out, true_mask, options.outputs)
    if options.bids is not None:
        write_bids(analysis, options.bids)
    segmented = "mask" in analysis.bundle.card.outputs
    dice = compare(analysis.mask, true_mask).dice if segmented and true_mask is not None else None
    return CaseResult(analysis, written["analysis"].parent, dice)


def _read(
    case: Case,
    options: AnalysisOptions,
    needed: Collection[str],
    name: Callable[[str], str],
    on_progress: Callable[[CaseProgress], None],
) -> tuple[Scan, np.ndarray | None, float]:
    """The scan under its new name, the true mask, and the time both took in milliseconds."""
    started = time.perf_counter()
    on_progress(CaseProgress("reading"))
    scan = open_scan(
        case.path,
        sequences=case.sequences,
        channels=options.channels,
        register=options.register,
        spacing_mm=options.spacing_mm,
        stated=options.stated,
        needed=needed,
        on_files=lambda done, total: on_progress(CaseProgress("reading", done, total)),
    )
    scan = with_recognized_sequences(dataclasses.replace(scan, case=name(scan.case)))
    return scan, _true_mask(scan, options), round((time.perf_counter() - started) * 1000, 2)


def _analyze(
    scan: Scan,
    chosen: Sequence[ChosenEngine],
    options: AnalysisOptions,
    on_progress: Callable[[CaseProgress], None],
) -> Analysis:
    slices, done = scan.shape[0] * len(chosen), 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        on_progress(CaseProgress("analyzing", done, slices, scan.case))

    advance(0)
    return analyze_study(
        scan,
        chosen,
        advance,
        explain=options.explain,
        probabilities=options.outputs.fractional or options.bids is not None,
        input_check=options.input_check,
        flips=options.flips,
    )


def _incomplete(analysis: Analysis, reason: str) -> Analysis:
    warning = Note("incomplete_study", f"images of this study may be missing: {reason}")
    return dataclasses.replace(analysis, incomplete=reason, warnings=(warning, *analysis.warnings))


def _true_mask(scan: Scan, options: AnalysisOptions) -> np.ndarray | None:
    truth = options.truth
    if truth is None:
        return find_mask(scan) if options.find_truth else None
    return read_mask(truth, scan)
