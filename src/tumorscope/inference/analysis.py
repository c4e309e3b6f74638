"""The straight line from a scan to findings: prepare, infer, segmentation, measure."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.special import expit

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.notice import NOTICE
from tumorscope.core.scan import Scan
from tumorscope.inference.activation_maps import ActivationMap, activation_map, why_no_map
from tumorscope.inference.bundles import Bundle, Card, OperatingPoint
from tumorscope.inference.engine import Engine, Predictions
from tumorscope.inference.model_card import NO_TUMOR
from tumorscope.inference.tumor_type import (
    TypeFinding,
    class_probability,
    find_type,
    opinion,
    tumor_classes,
    type_probability,
)
from tumorscope.measurement.components import find_components
from tumorscope.measurement.lesions import Lesion, find_lesions, total_volume_mm3, unknown_volumes
from tumorscope.preprocessing import prepare
from tumorscope.preprocessing.axial import View, acquired_plane, axial_view
from tumorscope.preprocessing.crop_resize import CropResize
from tumorscope.preprocessing.input_check import default_input_check, scan_score
from tumorscope.preprocessing.input_check.content import reject_by_content
from tumorscope.preprocessing.sampling import sample_slices

NOT_A_BRAIN = "this does not look like an MRI of a head, so nothing was assessed; if it is one, analyze it again with --no-input-check"


DOUBTFUL_INPUT = "this hardly looks like an MRI of a head; unless it is one, these findings mean nothing"


@dataclass(frozen=True)
class SliceFinding:
    """What was found in one slice.

    Attributes:
        index: place in the scan, from zero.
        name: the file it came from, where slices are files.
        tumor_probability: that the slice shows a tumor, by the presence output, or by the
            class where that says it.
        mask_probability: the largest probability of any of its pixels, by the mask output.
        area_px, area_mm2: of the mask in this slice; mm² where the pixel size is known.
        type_probabilities: of each type if this slice shows a tumor; None without that output.
    """

    index: int
    name: str | None
    tumor_probability: float
    mask_probability: float | None
    area_px: int
    area_mm2: float | None
    type_probabilities: dict[str, float] | None = None


@dataclass(frozen=True, eq=False)
class Analysis:
    """Everything that was found in one scan.

    Attributes:
        scan: what was analyzed.
        bundle: what it was analyzed with.
        runtime, precision: how the network was run.
        mask: boolean ``(slice, row, column)`` on the scan's grid.
        slices: one finding a slice.
        lesions: the mask's separate parts, the largest first.
        tumor_present: whether any slice reaches the bundle's operating point.
        tumor_probability: the largest of any slice.
        volume_mm3: of the mask, or None where the voxel size is not known.
        tumor_type: of the tumor that was found, by the network; None without one, or without
            that output.
        radiomics_classifier: a second opinion on it, by the features of the slice that shows most
            tumor; None where nothing is segmented or the bundle has no such model.
        activation: where the predictions come from, if it was asked for and the bundle can say it.
        probability: of every voxel by the mask output, 0 to 255 for 0 to 1, uint8
            ``(slice, row, column)`` on the scan's grid, if it was asked for and the bundle segmentations.
        assessed: whether the scan was assessed at all; not, where it does not look like an MRI of
            a head. Probabilities are then NaN, and nothing is said to be present or absent.
        bundle_reason: why this bundle was taken, where it was chosen for the scan.
        corrected: whether a person has drawn the segmentation anew; see :mod:`tumorscope.studies.revision`.
        sequences: the scan's name of what each input of the network received.
        incomplete: why images of the study may be missing, where that is known of its transfer; None
            says nothing against it.
        warnings: what a reader of the findings should know.
        timing_ms: by stage, in the order of the stages.
    """

    scan: Scan
    bundle: Bundle
    runtime: str
    precision: str
    mask: np.ndarray
    slices: tuple[SliceFinding, ...]
    lesions: tuple[Lesion, ...]
    tumor_present: bool
    tumor_probability: float
    volume_mm3: float | None
    warnings: tuple[str, ...]
    timing_ms: dict[str, float] = field(default_factory=dict)
    tumor_type: TypeFinding | None = None
    radiomics_classifier: TypeFinding | None = None
    activation: ActivationMap | None = None
    probability: np.ndarray | None = None
    assessed: bool = True
    bundle_reason: str | None = None
    corrected: bool = False
    incomplete: str | None = None
    sequences: tuple[str, ...] = ()
    notice: str = NOTICE


def analyze(
    scan: Scan,
    engine: Engine,
    on_slices: Callable[[int], None] = lambda done: None,
    *,
    explain: bool = False,
    probabilities: bool = False,
    input_check: bool = True,
) -> Analysis:
    """Find, segmentation, measure and name tumors in a scan.

    Presence decides first: a slice whose tumor probability stays below the bundle's
    operating point gets no mask, whatever its pixels say. Both probabilities are kept.

    Args:
        scan: from :func:`tumorscope.io.open_scan`.
        engine: a loaded bundle.
        on_slices: called with the number of slices just done, for a progress bar.
        explain: keep the activation map.
        probabilities: keep the probability of every voxel.
        input_check: first ask whether this looks like an MRI of a head, and assess nothing else.

    Raises:
        TumorscopeError: the scan lacks a sequence that the bundle cannot do without.
    """
    card = engine.bundle.card
    clock = _Stages()
    scan = reject_by_content(scan)
    if input_check and scan.rejection_reason is not None:
        clock.stage("input_check")
        return _not_assessed(scan, engine, clock.timing_ms, rejected_by_header(scan.rejection_reason))
    channels, warnings = arrange_channels(scan, card)
    view = network_view(scan)
    voxels = view.forward(channels)
    # Slices at uneven distances are analyzed one by one.
    distance = card.preparation.slice_distance_mm if scan.slice_positions is None else None
    sampling = sample_slices(len(voxels), view.spacing_mm and view.spacing_mm[0], distance)
    voxels = voxels[sampling.indices]
    looks = scan_score(voxels, default_input_check(), view.pixel_aspect) if input_check else np.inf
    if looks < default_input_check().refusal:
        clock.stage("input_check")
        return _not_assessed(scan, engine, clock.timing_ms, NOT_A_BRAIN)
    clock.stage("input_check")
    prepared = prepare(voxels, card.preparation, view.pixel_aspect)
    clock.stage("preparing")
    predictions = engine.run(prepared.images, on_slices, step=sampling.step).spread(sampling)
    clock.stage("inference")
    evidence = slice_probability(predictions, card)
    analyzed, dropped = _segment(predictions, evidence, card, prepared.crop_resize)
    mask = view.inverse(analyzed)
    clock.stage("segmenting")
    types, names = _types(predictions, card), tumor_classes(card)
    called = (evidence >= card.operating_point.presence) | analyzed.any(axis=(1, 2))
    present = bool((evidence >= card.operating_point.presence).any())
    # A slice supports the type by how much tumor it shows, or by how surely where nothing is segmented.
    weights = np.where(called, analyzed.sum(axis=(1, 2)) if analyzed.any() else evidence, 0.0)
    tumor_type = None if types is None else find_type(types, weights, card)
    if view.is_acquired:
        order = slice(None, None, -1 if view.flips[0] else 1)
        probability, types = evidence[order], None if types is None else types[order]
        tops = None if predictions.mask is None else predictions.mask.max(axis=(1, 2))[order]
    else:
        probability, tops, types = _of_acquired_slices(predictions, evidence, tumor_type, prepared.crop_resize, view)
    lesions = find_lesions(mask, scan, probability)
    areas = mask.sum(axis=(1, 2))
    pixel_area = scan.pixel_area_mm2
    slices = tuple(
        SliceFinding(
            index=index,
            name=scan.slice_names[index] if scan.slice_names else None,
            tumor_probability=float(probability[index]),
            mask_probability=None if tops is None else float(tops[index]),
            area_px=int(area),
            area_mm2=None if pixel_area is None else round(float(area * pixel_area), 2),
            type_probabilities=None if types is None else dict(zip(names, map(float, types[index]), strict=True)),
        )
        for index, area in enumerate(areas)
    )
    second = None if tumor_type is None else second_opinion(engine, view.forward(channels), analyzed)
    volume = total_volume_mm3(lesions, mask, scan)
    activation = activation_map(predictions, card, prepared.crop_resize, view) if explain else None
    if explain and activation is None:
        warnings = (*warnings, why_no_map(card))
    clock.stage("measuring")
    return Analysis(
        scan=scan,
        bundle=engine.bundle,
        runtime=engine.runtime,
        precision=engine.precision,
        mask=mask,
        slices=slices,
        lesions=lesions,
        tumor_present=present,
        tumor_probability=float(evidence.max()),
        volume_mm3=volume,
        warnings=(
            *([DOUBTFUL_INPUT] if looks < default_input_check().threshold else []),
            *_header_warning(scan),
            *_plane_warnings(scan, view, card),
            *scan.notes,
            *warnings,
            *_quality_warnings(scan, card, present, mask, dropped),
            *unknown_volumes(lesions),
        ),
        timing_ms=clock.timing_ms,
        tumor_type=tumor_type,
        radiomics_classifier=second,
        activation=activation,
        probability=_probability(predictions, prepared.crop_resize, view) if probabilities else None,
        sequences=sequences_taken(scan, card),
    )


def rejected_by_header(reason: str) -> str:
    """The warning of a scan whose header says that it is not a structural MRI of a head."""
    return f"{reason}; nothing was assessed. If it is a structural MRI of a head, analyze it with --no-input-check"


def _header_warning(scan: Scan) -> tuple[str, ...]:
    """What the header says against the scan, first among the warnings of an analysis without the input check."""
    return () if scan.rejection_reason is None else (scan.rejection_reason,)


def _not_assessed(scan: Scan, engine: Engine, timing_ms: dict[str, float], why: str) -> Analysis:
    """No finding, and one warning that says why."""
    nothing, pixel_area = float("nan"), scan.pixel_area_mm2
    return Analysis(
        scan=scan,
        bundle=engine.bundle,
        runtime=engine.runtime,
        precision=engine.precision,
        mask=np.zeros(scan.shape, bool),
        slices=tuple(
            SliceFinding(
                index=index,
                name=scan.slice_names[index] if scan.slice_names else None,
                tumor_probability=nothing,
                mask_probability=None,
                area_px=0,
                area_mm2=None if pixel_area is None else 0.0,
            )
            for index in range(scan.shape[0])
        ),
        lesions=(),
        tumor_present=False,
        tumor_probability=nothing,
        volume_mm3=None,
        warnings=(why,),
        sequences=sequences_taken(scan, engine.bundle.card),
        timing_ms=timing_ms,
        assessed=False,
    )


def network_view(scan: Scan) -> View:
    """How the scan is shown to a network; slices at uneven distances stay as they were acquired."""
    if scan.slice_positions is not None:
        return View(spacing_mm=scan.spacing_mm)
    return axial_view(scan.shape, scan.affine)


def arrange_channels(scan: Scan, card: Card) -> tuple[np.ndarray, list[str]]:
    """The scan's channels in the order the network expects, and what was assumed for that.

    A single channel of unknown sequence is taken for the only one that the network takes, or
    for the one that may stand in for all others. Several channels without names are taken for
    nothing: three volumes in one file may as well be three points in time.

    Returns:
        ``(slice, row, column, sequence)``, and warnings.

    Raises:
        TumorscopeError: naming the sequence that is missing.
    """
    channels, warnings = _channel_order(scan, card)
    return scan.voxels[..., channels], warnings


def sequences_taken(scan: Scan, card: Card) -> tuple[str, ...]:
    """The scan's name of what each input of the network receives, substitutes and unknown ones included."""
    return tuple(scan.sequences[channel] for channel in _channel_order(scan, card)[0])


def _channel_order(scan: Scan, card: Card) -> tuple[list[int], list[str]]:
    """For each input of the network the scan's channel, and what was assumed for that; see :func:`arrange_channels`."""
    wanted, have = card.inputs.sequences, scan.sequences
    warnings: list[str] = []
    common = wanted[0] if len(wanted) == 1 else _substitutes_for_all(card)
    if have == ("unknown",) and common is not None:
        have = (common,)
        warnings.append(f"the sequence is not named in the file; taken as {common}")
    named = [name for name in have if name != "unknown" or len(have) == 1]
    channels = []
    for sequence in wanted:
        substitute = next((name for name in card.inputs.substitutes.get(sequence, ()) if name in named), None)
        if sequence in have:
            channels.append(have.index(sequence))
        elif substitute is not None:
            channels.append(have.index(substitute))
            warnings.append(f"{sequence} is missing; {substitute} stands in its place")
        else:
            raise TumorscopeError(
                f"{scan.case}: the sequence {sequence} is missing (bundle {card.name} takes {', '.join(wanted)}; "
                f"the scan has {', '.join(scan.sequences)}); add it with --sequence or name channels with --channels"
            )
    return channels, warnings


def _substitutes_for_all(card: Card) -> str | None:
    """The sequence that may take the place of every other one, if there is one."""
    first = {next(iter(names)) for names in card.inputs.substitutes.values() if names}
    return first.pop() if len(first) == 1 else None


def presence_probability(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities from a presence output's logits, made honest by the bundle's temperature."""
    return expit(np.asarray(logits, np.float64) / temperature)


def postprocess(
    mask_probability: np.ndarray, slice_probability: np.ndarray, point: OperatingPoint
) -> tuple[np.ndarray, int]:
    """What the operating point makes of a scan: detect, then localize, at the level of connected parts.

    A part of the mask stays whole if one of its slices reaches the operating point for presence. The evaluation
    chooses operating points by the same functions.

    Args:
        mask_probability: ``(slice, size, size)``.
        slice_probability: ``(slice,)``.
        point: the thresholds.

    Returns:
        Boolean mask ``(slice, size, size)``, and how many small components were left out of it.
    """
    parts = find_components(mask_probability, slice_probability, point.mask, point.slice_floor)
    kept = parts.kept(point.presence, point.min_component_size_px)
    return kept[parts.labels], int((parts.kept(point.presence, 0) & ~kept).sum())


def _of_acquired_slices(
    predictions: Predictions, evidence: np.ndarray, tumor_type: TypeFinding | None, crop_resize: CropResize, view: View
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Probabilities of the acquired slices where others were analyzed.

    An acquired slice shows a tumor as probably as the pixels in it that the mask output marks, as far as the
    analyzed slices through them show one.

    Returns:
        Tumor and mask probability ``(slice,)`` and type probabilities ``(slice, type)`` of the acquired slices.
    """
    count = crop_resize.shape[view.axes.index(0) - 1]
    types = None if tumor_type is None else np.tile([*tumor_type.probabilities.values()], (count, 1))
    if predictions.mask is None:
        return np.full(count, evidence.max()), None, types
    axis = view.axes.index(0) - 1  # of an analyzed slice, the axis along which acquired slices follow one another
    lines = np.stack([crop_resize.inverse(mask).max(axis=1 - axis) for mask in predictions.mask])
    lines = np.clip(lines, 0, 1)
    marked = np.minimum(lines, evidence[:, None]).max(axis=0)
    order = slice(None, None, -1 if view.flips[axis + 1] else 1)
    return marked[order], lines.max(axis=0)[order], types


def slice_probability(predictions: Predictions, card: Card) -> np.ndarray:
    """That each slice shows a tumor, ``(slice,)``, by whichever output of the network says it.

    Presence says it itself; classes say it where ``notumor`` is among them; else it is the
    mask's most certain pixel. A bundle that only tells types apart takes a tumor for granted.
    """
    point = card.operating_point
    if predictions.presence is not None:
        return presence_probability(predictions.presence, point.temperature)
    if predictions.classes is not None and NO_TUMOR in card.classes:
        return 1 - class_probability(predictions.classes, point.type_temperature)[:, card.classes.index(NO_TUMOR)]
    if predictions.mask is not None:
        return predictions.mask.max(axis=(1, 2))
    return np.ones(len(predictions))


def _types(predictions: Predictions, card: Card) -> np.ndarray | None:
    """``(slice, type)``, or None where the network does not tell types apart."""
    if predictions.classes is None:
        return None
    return type_probability(class_probability(predictions.classes, card.operating_point.type_temperature), card)


def second_opinion(engine: Engine, voxels: np.ndarray, mask: np.ndarray) -> TypeFinding | None:
    """The type by features of the slice with the largest segmentation; None without an segmentation or such a model.

    Args:
        engine: whose bundle may hold a model on features.
        voxels: ``(slice, row, column, sequence)``, from :func:`arrange_channels`.
        mask: boolean ``(slice, row, column)``.
    """
    if engine.radiomics_classifier is None or not mask.any():
        return None
    largest = int(mask.sum(axis=(1, 2)).argmax())
    probabilities = engine.radiomics_classifier.classify(voxels[largest, ..., 0], mask[largest])
    return opinion(probabilities, engine.bundle.card.operating_point.type_confidence)


def _segment(
    predictions: Predictions, probability: np.ndarray, card: Card, crop_resize: CropResize
) -> tuple[np.ndarray, int]:
    """The mask on the analyzed slices' grid, and how many small components were left out."""
    point = card.operating_point
    mask = np.zeros((len(probability), *crop_resize.shape), bool)
    if predictions.mask is None:
        return mask, 0
    kept, dropped = postprocess(predictions.mask, probability, point)
    for index in np.flatnonzero(kept.any(axis=(1, 2))):
        # Pixels below the threshold stay, as the enlarged contour runs between them and the kept ones.
        removed = (predictions.mask[index] >= point.mask) & ~kept[index]
        mask[index] = crop_resize.inverse(np.where(removed, 0, predictions.mask[index])) >= point.mask
    return mask, dropped


def _probability(predictions: Predictions, crop_resize: CropResize, view: View) -> np.ndarray | None:
    """The mask output of every voxel of the scan, in bytes."""
    if predictions.mask is None:
        return None
    bytes_ = np.zeros((len(predictions.mask), *crop_resize.shape), np.uint8)
    for index in np.flatnonzero(predictions.mask.max(axis=(1, 2)) * 255 >= 0.5):
        bytes_[index] = np.clip(crop_resize.inverse(predictions.mask[index]) * 255 + 0.5, 0, 255)
    return view.inverse(bytes_)


def _plane_warnings(scan: Scan, view: View, card: Card) -> list[str]:
    """Thick slices in a plane that the network never saw."""
    plane = acquired_plane(scan.affine)
    if plane is None or plane in card.inputs.planes or not view.is_acquired:
        return []
    return [
        f"the slices are {plane} and too thick to be cut anew, and bundle {card.name} was trained on "
        f"{' and '.join(card.inputs.planes)} slices only; do not rely on these findings"
    ]


def _quality_warnings(scan: Scan, card: Card, present: bool, mask: np.ndarray, dropped: int) -> list[str]:
    doubts = []
    if scan.affine is None:
        doubts.append("the file does not give the voxel size; sizes are in pixels")
    if present and "mask" in card.outputs and not mask.any():
        doubts.append("a slice reaches the operating point for presence, but no pixel reaches the one for the mask")
    if dropped:
        smallest = card.operating_point.min_component_size_px
        doubts.append(f"{dropped} speck(s) under {smallest} pixels at the network's size were left out of the mask")
    return doubts


class _Stages:
    """Times one stage after the other."""

    def __init__(self) -> None:
        self.timing_ms: dict[str, float] = {}
        self._last = time.perf_counter()

    def stage(self, name: str) -> None:
        now = time.perf_counter()
        self.timing_ms[name] = round((now - self._last) * 1000, 2)
        self._last = now
