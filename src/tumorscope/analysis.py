"""The straight line from a scan to findings: prepare, infer, outline, measure."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.special import expit

from tumorscope.bundles import Bundle, Card, OperatingPoint
from tumorscope.engine import Answers, Engine
from tumorscope.errors import TumorscopeError
from tumorscope.measuring.lesions import Lesion, drop_small, find_lesions
from tumorscope.notice import NOTICE
from tumorscope.preparing import prepare
from tumorscope.preparing.framing import Framing
from tumorscope.scan import Scan


@dataclass(frozen=True)
class SliceFinding:
    """What was found in one slice.

    Attributes:
        index: place in the scan, from zero.
        name: the file it came from, where slices are files.
        tumor_probability: that the slice shows a tumour, by the presence output.
        mask_probability: the largest probability of any of its pixels, by the mask output.
        area_px, area_mm2: of the mask in this slice; mm² where the pixel size is known.
    """

    index: int
    name: str | None
    tumor_probability: float
    mask_probability: float | None
    area_px: int
    area_mm2: float | None


@dataclass(frozen=True, eq=False)
class Analysis:
    """Everything that was found in one scan.

    Attributes:
        scan: what was analysed.
        bundle: what it was analysed with.
        runtime, precision: how the network was run.
        mask: boolean ``(slice, row, column)`` on the scan's grid.
        slices: one finding a slice.
        lesions: the mask's separate parts, the largest first.
        tumor_present: whether any slice reaches the bundle's operating point.
        tumor_probability: the largest of any slice.
        volume_mm3: of the mask, or None where the voxel size is not known.
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
    notice: str = NOTICE


def analyze(scan: Scan, engine: Engine, on_slices: Callable[[int], None] = lambda done: None) -> Analysis:
    """Find, outline and measure tumours in a scan.

    Presence decides first: a slice whose tumour probability stays below the bundle's
    operating point gets no mask, whatever its pixels say. Both probabilities are kept.

    Args:
        scan: from :func:`tumorscope.reading.open_scan`.
        engine: a loaded bundle.
        on_slices: called with the number of slices just done, for a progress bar.

    Raises:
        TumorscopeError: the scan lacks a sequence that the bundle cannot do without.
    """
    card = engine.bundle.card
    clock = _Stages()
    voxels, warnings = arrange_channels(scan, card)
    spacing = scan.spacing_mm
    prepared = prepare(voxels, card.preparation, 1.0 if spacing is None else spacing[1] / spacing[2])
    clock.stage("preparing")
    answers = engine.run(prepared.pictures, on_slices)
    clock.stage("inference")
    probability = _slice_probability(answers, card)
    mask, dropped = _outline(answers, probability, card, prepared.framing)
    clock.stage("outlining")
    lesions = find_lesions(mask, scan, probability)
    areas = mask.sum(axis=(1, 2))
    pixel_area = scan.pixel_area_mm2
    tops = None if answers.mask is None else answers.mask.max(axis=(1, 2))
    slices = tuple(
        SliceFinding(
            index=index,
            name=scan.slice_names[index] if scan.slice_names else None,
            tumor_probability=float(probability[index]),
            mask_probability=None if tops is None else float(tops[index]),
            area_px=int(area),
            area_mm2=None if pixel_area is None else round(float(area * pixel_area), 2),
        )
        for index, area in enumerate(areas)
    )
    present = bool((probability >= card.operating_point.presence).any())
    volume = scan.voxel_volume_mm3
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
        tumor_probability=float(probability.max()),
        volume_mm3=None if volume is None else round(float(areas.sum() * volume), 2),
        warnings=(*scan.notes, *warnings, *_doubts(scan, card, present, mask, dropped)),
        timing_ms=clock.timing_ms,
    )


def arrange_channels(scan: Scan, card: Card) -> tuple[np.ndarray, list[str]]:
    """The scan's channels in the order the network expects, and what was assumed for that.

    A single channel of unknown sequence is taken for the one that may stand in for all
    others; as many unknown channels as the network takes are taken in its order.

    Returns:
        ``(slice, row, column, sequence)``, and warnings.

    Raises:
        TumorscopeError: naming the sequence that is missing.
    """
    wanted, have = card.inputs.sequences, scan.sequences
    warnings: list[str] = []
    if set(have) == {"unknown"}:
        if len(have) == len(wanted):
            have = wanted
            if len(wanted) > 1:
                warnings.append(f"sequences are not named in the file; taken as {', '.join(wanted)} in this order")
        elif len(have) == 1 and len(set(card.inputs.stands_in.values())) == 1:
            have = (next(iter(card.inputs.stands_in.values())),)
            warnings.append(f"the sequence is not named in the file; taken as {have[0]}")
    channels = []
    for sequence in wanted:
        substitute = card.inputs.stands_in.get(sequence)
        if sequence in have:
            channels.append(have.index(sequence))
        elif substitute in have:
            channels.append(have.index(substitute))
            warnings.append(f"{sequence} is missing; {substitute} stands in its place")
        else:
            raise TumorscopeError(
                f"{scan.case}: the sequence {sequence} is missing (bundle {card.name} takes {', '.join(wanted)}; "
                f"the scan has {', '.join(scan.sequences)}); add it with --sequence or name channels with --channels"
            )
    return scan.voxels[..., channels], warnings


def presence_probability(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities from a presence output's logits, made honest by the bundle's temperature."""
    return expit(np.asarray(logits, np.float64) / temperature)


def outline_at_network_size(
    mask_probability: np.ndarray, slice_probability: np.ndarray, point: OperatingPoint
) -> tuple[np.ndarray, int]:
    """What the operating point makes of a scan: presence first, then pixels, then specks.

    The evaluation chooses operating points with this very function.

    Args:
        mask_probability: ``(slice, size, size)``.
        slice_probability: ``(slice,)``.
        point: the thresholds.

    Returns:
        Boolean mask ``(slice, size, size)``, and how many specks were left out of it.
    """
    marked = (slice_probability >= point.presence)[:, None, None] & (mask_probability >= point.mask)
    return drop_small(marked, point.smallest_lesion_px)


def _slice_probability(answers: Answers, card: Card) -> np.ndarray:
    if answers.presence is not None:
        return presence_probability(answers.presence, card.operating_point.temperature)
    assert answers.mask is not None  # a card names at least one output
    return answers.mask.max(axis=(1, 2))


def _outline(answers: Answers, probability: np.ndarray, card: Card, framing: Framing) -> tuple[np.ndarray, int]:
    """The mask on the scan's grid, and how many specks were left out."""
    point = card.operating_point
    mask = np.zeros((len(probability), *framing.shape), bool)
    if answers.mask is None:
        return mask, 0
    kept, dropped = outline_at_network_size(answers.mask, probability, point)
    for index in np.flatnonzero(kept.any(axis=(1, 2))):
        # Pixels below the threshold stay, as the enlarged outline lies between them and the kept ones.
        speck = (answers.mask[index] >= point.mask) & ~kept[index]
        mask[index] = framing.restore(np.where(speck, 0, answers.mask[index])) >= point.mask
    return mask, dropped


def _doubts(scan: Scan, card: Card, present: bool, mask: np.ndarray, dropped: int) -> list[str]:
    doubts = []
    if scan.affine is None:
        doubts.append("the file does not give the voxel size; sizes are in pixels")
    if present and "mask" in card.outputs and not mask.any():
        doubts.append("a slice reaches the operating point for presence, but no pixel reaches the one for the mask")
    if dropped:
        smallest = card.operating_point.smallest_lesion_px
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
