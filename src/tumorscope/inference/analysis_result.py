"""The findings in one scan as values: of every slice, of the whole scan, and of the labels inside the tumor."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

import numpy as np

from tumorscope.core.note import Note
from tumorscope.core.notice import NOTICE
from tumorscope.core.scan import Scan
from tumorscope.inference.activation_maps import ActivationMap
from tumorscope.inference.bundles import Bundle
from tumorscope.inference.display import Displayed
from tumorscope.inference.labels import TUMOR, Color, label_colors
from tumorscope.inference.tumor_type import TypeFinding
from tumorscope.measurement.lesions import Lesion, find_lesions, number_lesions, total_volume_mm3, unknown_volumes
from tumorscope.measurement.rulers import Ruler


@dataclass(frozen=True)
class SliceFinding:
    """The findings in one slice.

    Attributes:
        index: position in the scan, from zero.
        name: the file it came from, where slices are files.
        tumor_probability: that the slice shows a tumor, from slice-level detection or from the
            classes; None where the scan was rejected.
        mask_probability: the largest probability of any of its pixels; None without a mask output, and where
            slice-level detection alone rules a mask out.
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
        rulers: distances that a person drew in the version whose segmentation was corrected.
        sequences: the scan's name of what each input of the network received.
        incomplete: why images of the study may be missing, where its transfer is known to be incomplete.
        warnings: what a reader of the findings should know.
        timing_ms: by stage, in the order of the stages.
        label: what the mask delineates, see :mod:`tumorscope.inference.labels`; of a bundle of several compartments
            the first one's name.
        parts: further labels, each inside this mask, on the same scan: compartments of the same bundle, or what
            another bundle segments. Their masks, lesions and slices are their own, those of another bundle also their
            probabilities. Empty for one mask.
        analyzed_at: when it was made, with its time zone.
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
    rulers: tuple[Ruler, ...] = ()
    incomplete: str | None = None
    sequences: tuple[str, ...] = ()
    flips: bool = False
    notice: str = NOTICE
    label: str = TUMOR
    parts: tuple[Analysis, ...] = ()
    analyzed_at: datetime = field(default_factory=lambda: datetime.now().astimezone())

    @property
    def labels(self) -> tuple[Analysis, ...]:
        """Every label of a scan that has several, the whole first; this analysis alone otherwise."""
        return (self, *self.parts)

    @property
    def colors(self) -> dict[str, Color]:
        """Of each label by its name, wherever it is drawn."""
        return label_colors([label.label for label in self.labels])

    @property
    def by_bundle(self) -> tuple[Analysis, ...]:
        """The first label by each bundle; compartments are labels by one."""
        first: dict[str, Analysis] = {}
        for label in self.labels:
            first.setdefault(label.bundle.name, label)
        return tuple(first.values())

    @cached_property
    def mask_sha256(self) -> str:
        """Of the mask's voxels: the identity of what is segmented."""
        return hashlib.sha256(self.mask.tobytes()).hexdigest()

    @cached_property
    def lesion_labels(self) -> np.ndarray:
        """The number of the lesion at each voxel, from one in the order of ``lesions``; uint16, 0 outside."""
        return number_lesions(self.mask)

    @property
    def assessed(self) -> bool:
        """Whether the scan passed the input check."""
        return self.rejection is None


def with_compartments(analysis: Analysis, masks: Sequence[np.ndarray]) -> Analysis:
    """An analysis by a bundle of several compartments, with its parts.

    Args:
        analysis: of the whole tumor.
        masks: of the compartments inside it, boolean ``(slice, row, column)``, in the order of the card.
    """
    whole, *inside = analysis.bundle.card.compartments
    # The type and the map are of the tumor, which is the whole.
    blank = replace(
        analysis, warnings=(), tumor_type=None, radiomics_classifier=None, activation=None, probability=None
    )
    parts = (
        with_mask(replace(blank, label=each.name), mask & analysis.mask)
        for each, mask in zip(inside, masks, strict=True)
    )
    return replace(analysis, label=whole.name, parts=tuple(parts))


def with_mask(analysis: Analysis, mask: np.ndarray, others: Sequence[SliceFinding] = ()) -> Analysis:
    """An analysis with another mask: areas, lesions and volume are measured in it.

    Args:
        analysis: its probabilities stay.
        mask: boolean ``(slice, row, column)``.
        others: findings of another network in the same slices. A lesion's tumor probability is then the larger one,
            and the slices' types are theirs.
    """
    scan = analysis.scan
    areas, pixel_area = mask.sum(axis=(1, 2)), scan.pixel_area_mm2
    slices = tuple(
        replace(
            finding,
            area_px=int(area),
            area_mm2=None if pixel_area is None else round(float(area * pixel_area), 2),
            type_probabilities=others[finding.index].type_probabilities if others else finding.type_probabilities,
        )
        for finding, area in zip(analysis.slices, areas, strict=True)
    )
    probability = np.max([_probabilities(found) for found in (analysis.slices, others) if found], axis=0)
    lesions = find_lesions(mask, scan, probability)
    outdated = unknown_volumes(analysis.lesions)
    return replace(
        analysis,
        mask=mask,
        slices=slices,
        lesions=lesions,
        volume_mm3=total_volume_mm3(lesions, mask, scan),
        warnings=(*(note for note in analysis.warnings if note not in outdated), *unknown_volumes(lesions)),
    )


def _probabilities(slices: Sequence[SliceFinding]) -> np.ndarray:
    return np.array([finding.tumor_probability or 0.0 for finding in slices])
