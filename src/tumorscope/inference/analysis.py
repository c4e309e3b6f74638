"""From a scan to findings in one line: check the input, prepare, infer, postprocess, measure."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from tumorscope.core.note import Note
from tumorscope.core.scan import Scan
from tumorscope.inference.acquired_slices import SlicePredictions, network_view, on_acquired_slices
from tumorscope.inference.activation_maps import activation_map, no_map_note
from tumorscope.inference.analysis_result import Analysis, SliceFinding, with_compartments
from tumorscope.inference.channels import channel_order, is_of_another_kind, received_sequences, select_channels
from tumorscope.inference.engine import Engine, Predictions
from tumorscope.inference.postprocessing import (
    segment,
    segment_compartments,
    slice_probability,
    slice_types,
    slices_to_localize,
    voxel_probability,
)
from tumorscope.inference.quality_notes import (
    DOUBTFUL_INPUT,
    REJECTED_BY_APPEARANCE,
    plane_notes,
    quality_notes,
    rejection_by_reason,
    rejection_warning,
)
from tumorscope.inference.tumor_type import TypeFinding, carries_type, find_type, tumor_classes
from tumorscope.measurement.lesions import find_lesions, total_volume_mm3, unknown_volumes
from tumorscope.preprocessing import prepare
from tumorscope.preprocessing.input_check import default_input_check, scan_score
from tumorscope.preprocessing.input_check.content import reject_by_content
from tumorscope.preprocessing.sampling import sample_slices


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
    channels, channel_notes = channel_order(scan, card)
    view = network_view(scan)
    viewed = view.forward(scan.voxels)
    # Unevenly spaced slices are analyzed one by one.
    distance = card.preparation.slice_distance_mm if scan.slice_positions is None else None
    sampling = sample_slices(len(viewed), view.spacing_mm and view.spacing_mm[0], distance)
    voxels = select_channels(viewed, sampling.indices, channels)
    check = default_input_check()
    score = scan_score(voxels, check, view.pixel_aspect, enough=check.threshold) if input_check else np.inf
    clock.stage("input_check")
    if score < check.refusal:
        return _rejected(scan, engine, clock.timing_ms, REJECTED_BY_APPEARANCE)
    prepared = prepare(voxels, card.preparation, view.pixel_aspect)
    crop_resize = prepared.crop_resize
    del voxels  # may be a copy, as large as the scan
    clock.stage("preparing")
    # Where slices run across the analyzed ones, their probabilities come from every mask.
    needed = partial(slices_to_localize, card=card, sampled=sampling.stride > 1)
    predictions = engine.run(
        prepared.images,
        on_slices,
        step=sampling.step,
        flips=flips,
        needed=None if probabilities or not view.is_acquired else needed,
    ).spread(sampling)
    del prepared
    clock.stage("inference")
    probability = slice_probability(predictions, card)
    analyzed_mask, removed_components = segment(predictions, probability, card, crop_resize)
    mask = view.inverse(analyzed_mask)
    compartments = segment_compartments(predictions, analyzed_mask, card, crop_resize)
    clock.stage("segmenting")
    types = slice_types(predictions, card)
    positive = (probability >= card.operating_point.presence) | analyzed_mask.any(axis=(1, 2))
    present = bool((probability >= card.operating_point.presence).any())
    # A slice is weighted by its area of tumor, or by its tumor probability where nothing is segmented.
    weights = np.where(positive, analyzed_mask.sum(axis=(1, 2)) if analyzed_mask.any() else probability, 0.0)
    tumor_type = None if types is None else find_type(types, weights, card)
    if tumor_type is not None:
        tumor_type = _checked_type(tumor_type, scan, engine, predictions, probability, weights)
    acquired = on_acquired_slices(predictions, probability, types, tumor_type, crop_resize, view)
    lesions = find_lesions(mask, scan, acquired.tumor)
    activation = activation_map(predictions, card, crop_resize, view) if explain else None
    first = viewed[..., channels[0], None]
    by_radiomics = None if tumor_type is None else engine.classify_by_radiomics(first, analyzed_mask)
    by_radiomics = by_radiomics and by_radiomics.doubted_like(tumor_type)  # it knows the same types only
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
        probability=voxel_probability(predictions, crop_resize, view) if probabilities else None,
        sequences=received_sequences(scan, card),
        flips=flips or card.tta_flip,
    )
    if compartments is not None:
        result = with_compartments(result, [view.inverse(each) for each in compartments])
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
    others = any(name not in (wanted, "unknown") for name, wanted in zip(received, card.inputs.sequences, strict=True))
    if others or is_of_another_kind(scan):
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
        return None if values is None or np.isnan(values[index]) else float(values[index])

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
