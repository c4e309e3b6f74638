"""An analysis whose segmentation a person has corrected: everything that follows from the segmentation, anew."""

from __future__ import annotations

import dataclasses

import numpy as np

from tumorscope.core.errors import TumorscopeError
from tumorscope.inference.analysis import Analysis, arrange_channels, network_view, second_opinion
from tumorscope.inference.engine import Engine
from tumorscope.measurement.lesions import find_lesions, total_volume_mm3, unknown_volumes

CORRECTED = (
    "the segmentation was corrected by hand; the probabilities, and the type by the network, are those of the analysis "
    "before that"
)


def revise(analysis: Analysis, engine: Engine, mask: np.ndarray) -> Analysis:
    """Put a person's segmentation in the place of the network's.

    Lesions, areas, volume and the opinion by features follow from the new segmentation, and a tumor is
    present where something is segmented. What the network said of slices stays as it was.

    Args:
        analysis: of the scan, by the network.
        engine: that made it.
        mask: boolean ``(slice, row, column)`` on the scan's grid.

    Raises:
        TumorscopeError: the mask has another shape, or the scan was not assessed.
    """
    scan = analysis.scan
    if not analysis.assessed:
        raise TumorscopeError(
            f"{scan.case}: was not assessed; analyze it with input_check=False before its segmentation is corrected"
        )
    if mask.shape != scan.shape:
        raise TumorscopeError(f"{scan.case}: the mask's shape {mask.shape} is not the scan's {scan.shape}")
    probability = np.array([finding.tumor_probability for finding in analysis.slices])
    areas = mask.sum(axis=(1, 2))
    pixel_area = scan.pixel_area_mm2
    slices = tuple(
        dataclasses.replace(
            finding,
            area_px=int(area),
            area_mm2=None if pixel_area is None else round(float(area * pixel_area), 2),
        )
        for finding, area in zip(analysis.slices, areas, strict=True)
    )
    channels, _ = arrange_channels(scan, engine.bundle.card)
    view = network_view(scan)
    lesions = find_lesions(mask, scan, probability)
    return dataclasses.replace(
        analysis,
        mask=mask,
        slices=slices,
        lesions=lesions,
        tumor_present=bool(mask.any()),
        volume_mm3=total_volume_mm3(lesions, mask, scan),
        radiomics_classifier=second_opinion(engine, view.forward(channels), view.forward(mask)),
        warnings=(CORRECTED, *_still_true(analysis), *unknown_volumes(lesions)),
        corrected=True,
    )


def _still_true(analysis: Analysis) -> tuple[str, ...]:
    """The warnings that do not speak of the lesions that were replaced."""
    replaced = unknown_volumes(analysis.lesions)
    return tuple(warning for warning in analysis.warnings if warning not in replaced)
