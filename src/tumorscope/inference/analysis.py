"""From a scan to findings in one line: check the input, prepare, infer, postprocess, measure."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tumorscope.core.note import Note
from tumorscope.core.notice import NOTICE
from tumorscope.core.scan import Scan
from tumorscope.inference.acquired_slices import SlicePredictions, network_view, on_acquired_slices
from tumorscope.inference.activation_maps import ActivationMap, activation_map, no_map_note
from tumorscope.inference.bundles import Bundle
from tumorscope.inference.channels import arrange_channels, received_sequences
from tumorscope.inference.display import Displayed
from tumorscope.inference.engine import Engine, Predictions
from tumorscope.inference.labels import TUMOR
from tumorscope.inference.postprocessing import segment, slice_probability, slice_types, voxel_probability
from tumorscope.inference.quality_notes import (
    DOUBTFUL_INPUT,
    REJECTED_BY_APPEARANCE,
    plane_notes,
    quality_notes,
    rejection_by_reason,
    rejection_warning,
)
from tumorscope.inference.tumor_type import TypeFinding, carries_type, find_type, tumor_classes
from tumorscope.measurement.lesions import Lesion, find_lesions, total_volume_mm3, unknown_volumes
from tumorscope.preprocessing import prepare
from tumorscope.preprocessing.input_check import default_input_check, scan_score
from tumorscope.preprocessing.input_check.content import reject_by_content
from tumorscope.preprocessing.sampling import sample_slices


@dataclass(frozen=True)
class SliceFinding:
    """The findings in one slice.

    Attributes:
        index: position in the scan, from zero.
        name: the file it came from, where slices are files.
        tumor_probability: that the slice shows a tumor, from slice-level detection or from the
            classes; None where the scan was rejected.
        mask_probability: the largest probability of any of its pixels; None without a mask output.
        area_px, area_mm2: of the mask in this slice; mm² where the pixel size is known.
        type_probabilities: of each type if this slice shows a tumor; None without that output.
    """

    index: int
    name: str | None
    tumor_probability: float | None
    mask_probability: float | None
    area_px: int
    area_mm2: float | None
    type_probabilities: dict[str, float] | None = None

    def reaches(self, threshold: float) -> bool:
        """Whether the slice is positive at a threshold of the tumor probability."""
        return self.tumor_probability is not None and self.tumor_probability >= threshold


@dataclass(frozen=True, eq=False, repr=False)
class Analysis(Displayed):
    """All findings in one scan, or the reason why it was not assessed.

    Attributes:
        scan: what was analyzed.
        bundle: what it was analyzed with.
        runtime, precision: how the network was run.
        flips: whether the network's outputs were averaged over left-right flips.
        mask: boolean ``(slice, row, column)`` on the scan's grid.
        slices: one finding per slice.
        lesions: the connected components of the mask, the largest first.
        tumor_present: whether any slice reaches the bundle's operating point; None where the scan was rejected.
        tumor_probability: the largest of any slice; None where the scan was rejected.
        volume_mm3: of the mask, or None where the voxel size is not known.
        tumor_type: predicted by the network; None without a tumor or without that output.
        radiomics_classifier: predicted by the radiomics classifier from the slice that shows most
            tumor; None where nothing is segmented or the bundle has no such classifier.
        activation: the activation map, if it was requested and the bundle provides it.
        probability: of every voxel by the mask output, 0 to 255 for 0 to 1, uint8
            ``(slice, row, column)`` on the scan's grid, if it was requested and the bundle segments.
        brain_mask: the brain by the registered atlas, boolean ``(slice, row, column)``; None where not requested or
            not assessed.
        rejection: why the input check rejected the scan; None where it was assessed. A rejected scan has an
            empty mask, and nothing is reported as present or absent.
        bundle_reason: why this bundle was chosen for the scan; None where the user named it.
        corrected: whether a person has corrected the segmentation; see :mod:`tumorscope.studies.revision`.
        sequences: the scan's name of what each input of the network received.
        incomplete: why images of the study may be missing, where its transfer is known to be incomplete.
        warnings: what a reader of the findings should know.
        timing_ms: by stage, in the order of the stages.
        label: what the mask delineates, see :mod:`tumorscope.inference.labels`.
        parts: further labels, each inside this mask and by another bundle, on the same scan; their masks, lesions,
            slices and probabilities are their own. Empty where one bundle analyzed the scan.
    """

    scan: Scan
    bundle: Bundle
    runtime: str
    precision: str
    mask: np.ndarray
    slices: tuple[SliceFinding, ...]
    lesions: tuple[Lesion, ...]
    tumor_present: bool | None
    tumor_probability: float | None
    volume_mm3: float | None
    warnings: tuple[Note, ...]
    timing_ms: dict[str, float] = field(default_factory=dict)
    tumor_type: TypeFinding | None = None
    radiomics_classifier: TypeFinding | None = None
    activation: ActivationMap | None = None
    probability: np.ndarray | None = None
    brain_mask: np.ndarray | None = None
    rejection: Note | None = None
    bundle_reason: str | None = None
    corrected: bool = False
    incomplete: str | None = None
    sequences: tuple[str, ...] = ()
    flips: bool = False
    notice: str = NOTICE
    label: str = TUMOR
    parts: tuple[Analysis, ...] = ()

    @property
    def labels(self) -> tuple[Analysis, ...]:
        """Every label of a scan that several bundles analyzed, the whole first; this analysis alone otherwise."""
        return (self, *self.parts)

    @property
    def assessed(self) -> bool:
        """Whether the scan passed the input check."""
        return self.rejection is None


def analyze(
    scan: Scan,
    engine: Engine,
    on_slices: Callable[[int], None] = lambda done: None,
    *,
    explain: bool = False,
    probabilities: bool = False,
    input_check: bool = True,
    flips: bool = False,
) -> Analysis:
    """Detect, segment, measure and classify tumors in a scan.

    Slice-level detection comes first: a slice whose tumor probability stays below the bundle's
    operating point gets no mask, whatever its pixels' probabilities. Both probabilities are kept.

    Args:
        scan: from :func:`tumorscope.io.open_scan`.
        engine: a loaded bundle.
        on_slices: called with the number of slices just done, for a progress bar.
        explain: keep the activation map.
        probabilities: keep the probability of every voxel.
        input_check: reject what does not look like an MRI of a head.
        flips: average the network's outputs over left-right flips, see :meth:`tumorscope.inference.engine.Engine.run`.

    Raises:
        TumorscopeError: the scan lacks a sequence that the bundle requires.
    """
    card = engine.bundle.card
    clock = _Stages()
    header_reason, scan = scan.rejection_reason, reject_by_content(scan)
    rejection = rejection_by_reason(scan, header_reason)
    if input_check and rejection is not None:
        clock.stage("input_check")
        return _rejected(scan, engine, clock.timing_ms, rejection)
    channels, channel_notes = arrange_channels(scan, card)
    view = network_view(scan)
    voxels = view.forward(channels)
    # Unevenly spaced slices are analyzed one by one.
    distance = card.preparation.slice_distance_mm if scan.slice_positions is None else None
    sampling = sample_slices(len(voxels), view.spacing_mm and view.spacing_mm[0], distance)
    voxels = voxels[sampling.indices]
    check = default_input_check()
    score = scan_score(voxels, check, view.pixel_aspect, enough=check.threshold) if input_check else np.inf
    clock.stage("input_check")
    if score < check.refusal:
        return _rejected(scan, engine, clock.timing_ms, REJECTED_BY_APPEARANCE)
    prepared = prepare(voxels, card.preparation, view.pixel_aspect)
    clock.stage("preparing")
    predictions = engine.run(prepared.images, on_slices, step=sampling.step, flips=flips).spread(sampling)
    clock.stage("inference")
    probability = slice_probability(predictions, card)
    analyzed_mask, removed_components = segment(predictions, probability, card, prepared.crop_resize)
    mask = view.inverse(analyzed_mask)
    clock.stage("segmenting")
    types = slice_types(predictions, card)
    positive = (probability >= card.operating_point.presence) | analyzed_mask.any(axis=(1, 2))
    present = bool((probability >= card.operating_point.presence).any())
    # A slice is weighted by its area of tumor, or by its tumor probability where nothing is segmented.
    weights = np.where(positive, analyzed_mask.sum(axis=(1, 2)) if analyzed_mask.any() else probability, 0.0)
    tumor_type = None if types is None else find_type(types, weights, card)
    if tumor_type is not None:
        tumor_type = _checked_type(tumor_type, scan, engine, predictions, probability, weights)
    acquired = on_acquired_slices(predictions, probability, types, tumor_type, prepared.crop_resize, view)
    lesions = find_lesions(mask, scan, acquired.tumor)
    activation = activation_map(predictions, card, prepared.crop_resize, view) if explain else None
    by_radiomics = None if tumor_type is None else engine.classify_by_radiomics(view.forward(channels), analyzed_mask)
    if by_radiomics is not None and tumor_type is not None and tumor_type.doubt not in (None, "low_probability"):
        by_radiomics = by_radiomics.doubted(tumor_type.doubt)  # it knows the same types only
    result = Analysis(
        scan=scan,
        bundle=engine.bundle,
        runtime=engine.runtime,
        precision=engine.precision,
        mask=mask,
        slices=_slice_findings(scan, mask, acquired, tumor_classes(card)),
        lesions=lesions,
        tumor_present=present,
        tumor_probability=float(probability.max()),
        volume_mm3=total_volume_mm3(lesions, mask, scan),
        warnings=(
            *([DOUBTFUL_INPUT] if score < check.threshold else []),
            *([] if rejection is None else [rejection]),
            *plane_notes(scan, view, card),
            *scan.notes,
            *channel_notes,
            *([no_map_note(card)] if explain and activation is None else []),
            *quality_notes(scan, card, present, mask, removed_components),
            *unknown_volumes(lesions),
        ),
        timing_ms=clock.timing_ms,
        tumor_type=tumor_type,
        radiomics_classifier=by_radiomics,
        activation=activation,
        probability=voxel_probability(predictions, prepared.crop_resize, view) if probabilities else None,
        sequences=received_sequences(scan, card),
        flips=flips or card.tta_flip,
    )
    clock.stage("measuring")
    return result


def _checked_type(
    finding: TypeFinding,
    scan: Scan,
    engine: Engine,
    predictions: Predictions,
    probability: np.ndarray,
    weights: np.ndarray,
) -> TypeFinding:
    """The type, without a name where the scan gives no ground for one."""
    card = engine.bundle.card
    received = received_sequences(scan, card)
    if any(name not in (wanted, "unknown") for name, wanted in zip(received, card.inputs.sequences, strict=True)):
        return finding.doubted("other_sequence")
    if not carries_type(probability, card.operating_point.presence):
        return finding.doubted("isolated_slice")
    return engine.check_type(finding, predictions, weights)


def _slice_findings(
    scan: Scan, mask: np.ndarray, predictions: SlicePredictions | None, types: tuple[str, ...]
) -> tuple[SliceFinding, ...]:
    """One finding per acquired slice; without predictions, those of a rejected scan."""
    areas, pixel_area = mask.sum(axis=(1, 2)), scan.pixel_area_mm2

    def probability(values: np.ndarray | None, index: int) -> float | None:
        return None if values is None else float(values[index])

    tumor, pixels, by_type = (
        (None, None, None) if predictions is None else (predictions.tumor, predictions.mask, predictions.types)
    )
    return tuple(
        SliceFinding(
            index=index,
            name=scan.slice_names[index] if scan.slice_names else None,
            tumor_probability=probability(tumor, index),
            mask_probability=probability(pixels, index),
            area_px=int(area),
            area_mm2=None if pixel_area is None else round(float(area * pixel_area), 2),
            type_probabilities=None if by_type is None else dict(zip(types, map(float, by_type[index]), strict=True)),
        )
        for index, area in enumerate(areas)
    )


def _rejected(scan: Scan, engine: Engine, timing_ms: dict[str, float], rejection: Note) -> Analysis:
    """No findings, and one warning that states the reason."""
    mask = np.zeros(scan.shape, bool)
    return Analysis(
        scan=scan,
        bundle=engine.bundle,
        runtime=engine.runtime,
        precision=engine.precision,
        mask=mask,
        slices=_slice_findings(scan, mask, None, ()),
        lesions=(),
        tumor_present=None,
        tumor_probability=None,
        volume_mm3=None,
        warnings=(rejection_warning(rejection),),
        timing_ms=timing_ms,
        rejection=rejection,
        sequences=received_sequences(scan, engine.bundle.card),
    )


class _Stages:
    """Times the stages of an analysis."""

    def __init__(self) -> None:
        self.timing_ms: dict[str, float] = {}
        self._last = time.perf_counter()

    def stage(self, name: str) -> None:
        """Note the time since the last stage ended."""
        now = time.perf_counter()
        self.timing_ms[name] = round((now - self._last) * 1000, 2)
        self._last = now
