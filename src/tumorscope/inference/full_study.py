"""A scan with FLAIR and T1c, analyzed by a bundle for each: one analysis with two labels.

The labels are BraTS's regions *whole tumor* and *enhancing tumor* (:mod:`tumorscope.inference.labels`). Four rules:

- The enhancing tumor is what the T1c network segments, as far as it takes up contrast
  (:mod:`tumorscope.inference.enhancement`). The type is the T1c network's.
- Parts of it that do not touch what the FLAIR network segments count from :data:`SMALLEST_MM` across.
- The whole tumor is the union of what the FLAIR network segments and the enhancing tumor: it contains the enhancing
  tumor by definition, and a tumor that only one network finds must not vanish. On eleven patients of BraTS the union
  has the FLAIR network's mean Dice (0.88 both), which it would lose if all of the T1c network's mask were added (0.83).
- A tumor is present where either network finds one. Where they disagree, notes say so, and come first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from scipy import ndimage

from tumorscope.core.geometry import Geometry
from tumorscope.core.note import Note
from tumorscope.core.scan import Scan
from tumorscope.inference.analysis import analyze
from tumorscope.inference.analysis_result import Analysis, with_mask
from tumorscope.inference.engine_pool import ChosenEngine
from tumorscope.inference.enhancement import enhancing_part
from tumorscope.inference.labels import ENHANCING_TUMOR, WHOLE_TUMOR
from tumorscope.measurement.diameters import find_diameters
from tumorscope.measurement.lesions import label_lesions, unknown_volumes

APART_MM = 10.0
"""Enhancing lesions farther than this from the FLAIR network's mask are reported as apart: RANO's smallest measurable
diameter, and more than the distance of the slices that networks are trained on."""

SMALLEST_MM = 5.0
"""Enhancing parts that do not touch the FLAIR network's mask count from this perpendicular diameter on (pixels where
the voxel size is not known): no version of RANO measures smaller ones, and most are vessels and dura."""

_LEAST_SHARED = 0.5
"""Networks disagree on the place if less than this share of the T1c network's mask is in the FLAIR network's."""

UPTAKE_UNKNOWN = Note(
    "uptake_unknown",
    "there is no T1 before contrast to compare with: the enhancing tumor is all that the T1c network segments, with the "
    "necrosis that it encloses",
)


def analyze_study(
    scan: Scan,
    engines: Sequence[ChosenEngine],
    on_slices: Callable[[int], None] = lambda done: None,
    *,
    explain: bool = False,
    probabilities: bool = False,
    input_check: bool = True,
    flips: bool = False,
) -> Analysis:
    """Analyze a scan with one bundle, or with two that complement each other.

    Args:
        scan: from :func:`tumorscope.io.open_scan`.
        engines: from :meth:`~tumorscope.inference.engine_pool.EnginePool.for_scan`.
        on_slices, explain, probabilities, input_check, flips: as for :func:`~tumorscope.inference.analysis.analyze`;
            every slice is counted once for each bundle, the input is checked once, and the activation map is the
            first bundle's.

    Raises:
        TumorscopeError: the scan lacks a sequence that a bundle requires.
    """
    first, *others = engines
    whole = analyze(
        scan,
        first.engine,
        on_slices,
        explain=explain,
        probabilities=probabilities,
        input_check=input_check,
        flips=flips,
    )
    whole = replace(whole, bundle_reason=first.reason)
    if not others or not whole.assessed:
        return whole
    second = others[0]
    t1c = analyze(scan, second.engine, on_slices, probabilities=probabilities, input_check=False, flips=flips)
    return combine(whole, replace(t1c, bundle_reason=second.reason))


def combine(whole: Analysis, t1c: Analysis) -> Analysis:
    """Two analyses of one scan as one with two labels.

    Args:
        whole: by the FLAIR network.
        t1c: by the T1c network.
    """
    scan = whole.scan
    enhancing = enhancing_part(scan, t1c.mask, ~(whole.mask | t1c.mask))
    kept, left_out = _without_small_parts(t1c.mask if enhancing is None else enhancing, whole.mask, scan)
    part = with_mask(replace(t1c, label=ENHANCING_TUMOR), kept)
    mask = whole.mask | part.mask
    merged = with_mask(replace(whole, label=WHOLE_TUMOR), mask, part.slices)
    leading = whole if whole.tumor_present or not t1c.tumor_present else t1c
    known = set(whole.warnings)
    return replace(
        merged,
        tumor_present=bool(whole.tumor_present or t1c.tumor_present),
        tumor_probability=leading.tumor_probability,
        tumor_type=t1c.tumor_type,
        radiomics_classifier=t1c.radiomics_classifier,
        warnings=(
            *disagreements(whole, t1c, part),
            *([UPTAKE_UNKNOWN] if enhancing is None else []),
            *left_out,
            *merged.warnings,
            *(note for note in t1c.warnings if note not in known and note not in unknown_volumes(t1c.lesions)),
        ),
        timing_ms={stage: spent + t1c.timing_ms.get(stage, 0.0) for stage, spent in whole.timing_ms.items()},
        parts=(part,),
    )


def _without_small_parts(enhancing: np.ndarray, whole: np.ndarray, scan: Scan) -> tuple[np.ndarray, list[Note]]:
    """The enhancing tumor without the vessels and strips of dura that a T1c network takes for more of it."""
    spacing = None if scan.spacing_mm is None else scan.spacing_mm[1:]
    labels, sizes = label_lesions(enhancing)
    small = np.zeros(len(sizes), bool)
    touching = set(np.unique(labels[whole]))
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if number not in touching:
            found = find_diameters(labels[box] == number, spacing or (1.0, 1.0), (0, 0, 0))
            small[number] = found is None or found.perpendicular.length < SMALLEST_MM
    count = int(small.sum())
    if not count:
        return enhancing, []
    what = f"{count} enhancing {'part' if count == 1 else 'parts'} outside of the mask on FLAIR"
    unit = "pixels" if spacing is None else "mm"
    note = Note("small_components", f"{what}, under {SMALLEST_MM:g} {unit} across, left out")
    return enhancing & ~small[labels], [note]


def disagreements(whole: Analysis, t1c: Analysis, enhancing: Analysis) -> tuple[Note, ...]:
    """Where the two networks disagree.

    Args:
        whole, t1c: as the networks made them.
        enhancing: the second with the enhancing tumor alone.
    """
    names = f"bundle {whole.bundle.name}", f"bundle {t1c.bundle.name}"
    notes = []
    if whole.tumor_present != t1c.tumor_present:
        notes.append(_one_finds_none(*names, bool(whole.tumor_present)))
    elif whole.mask.any() and t1c.mask.any():
        shared = np.count_nonzero(whole.mask & t1c.mask) / np.count_nonzero(t1c.mask)
        if shared < _LEAST_SHARED:
            text = f"{names[0]} on FLAIR and {names[1]} on T1 with contrast segment different places: {100 * shared:.0f} % of the second mask is in the first"
            notes.append(Note("networks_disagree", text))
    return (*notes, *_outside(whole, enhancing), *_apart(whole, enhancing))


def _one_finds_none(flair: str, t1c: str, on_flair: bool) -> Note:
    finds, misses = (f"{flair} finds a tumor on FLAIR", f"{t1c} finds none on T1 with contrast")
    why = "the tumor may not enhance, or one of them is wrong"
    if not on_flair:
        finds, misses = (f"{t1c} finds a tumor on T1 with contrast", f"{flair} finds none on FLAIR")
        why = "FLAIR may not show it, or one of them is wrong"
    return Note("networks_disagree", f"{finds} and {misses}: {why}")


def _outside(whole: Analysis, enhancing: Analysis) -> list[Note]:
    """What the enhancing tumor adds to the FLAIR network's mask."""
    outside = enhancing.mask & ~whole.mask
    voxels = int(np.count_nonzero(outside))
    if not voxels or not whole.mask.any():
        return []
    geometry = whole.scan.geometry
    share = 100 * voxels / np.count_nonzero(enhancing.mask)
    size = (
        f"{voxels:,} voxels" if geometry is None else f"{geometry.volume_mm3(outside.sum(axis=(1, 2))) / 1000:.2g} ml"
    )
    return [
        Note(
            "enhancing_outside",
            f"{share:.0f} % of the enhancing tumor ({size}) was outside of the mask on FLAIR, and was added to the "
            "whole tumor",
        )
    ]


def _apart(whole: Analysis, enhancing: Analysis) -> list[Note]:
    """Enhancing lesions far from the FLAIR network's mask."""
    geometry = whole.scan.geometry
    if geometry is None or not whole.mask.any() or not enhancing.mask.any():
        return []
    distances = _distances_mm(whole.mask, enhancing, geometry)
    far = [distance for distance in distances if distance > APART_MM]
    if not far:
        return []
    what = "an enhancing lesion is" if len(far) == 1 else f"{len(far)} enhancing lesions are"
    which = f"{max(far):.0f} mm away" if len(far) == 1 else f"up to {max(far):.0f} mm away"
    return [Note("enhancing_apart", f"{what} {which} from the mask on FLAIR")]


def _distances_mm(whole: np.ndarray, enhancing: Analysis, geometry: Geometry) -> list[float]:
    """From each enhancing lesion that does not touch a mask, the distance of the nearest voxels' centers."""
    labels, sizes = label_lesions(enhancing.mask)
    touching = set(np.unique(labels[whole]))
    alone = [number for number in range(1, len(sizes)) if number not in touching]
    if not alone:
        return []
    from scipy.spatial import KDTree  # a sixth of a second at every start of the program, if it were above

    tree = KDTree(geometry.to_mm(np.argwhere(whole & np.logical_not(ndimage.binary_erosion(whole)))))
    return [float(tree.query(geometry.to_mm(np.argwhere(labels == number)))[0].min()) for number in alone]
