"""An analysis with a segmentation that a person has corrected: everything that depends on it is recomputed."""

from __future__ import annotations

import dataclasses

import numpy as np

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.note import Note, without
from tumorscope.inference.acquired_slices import network_view
from tumorscope.inference.analysis import Analysis
from tumorscope.inference.channels import arrange_channels
from tumorscope.inference.engine import Engine
from tumorscope.measurement.lesions import find_lesions, total_volume_mm3, unknown_volumes

CORRECTED = Note(
    "corrected_segmentation",
    "the segmentation was corrected by hand; the probabilities, and the type by the network, are those of the analysis "
    "before that",
)


def revise(analysis: Analysis, engine: Engine, mask: np.ndarray) -> Analysis:
    """Replace the network's segmentation by a person's.

    Lesions, areas, volume and the type by the radiomics classifier are recomputed from the new segmentation,
    and a tumor is present where something is segmented. The network's probabilities stay.

    Args:
        analysis: of the scan by the network.
        engine: the one that made it.
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
    probability = np.array([finding.tumor_probability for finding in analysis.slices], float)
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
        radiomics_classifier=engine.classify_by_radiomics(view.forward(channels), view.forward(mask)),
        warnings=(CORRECTED, *without(analysis.warnings, "unknown_volume"), *unknown_volumes(lesions)),
        corrected=True,
    )
