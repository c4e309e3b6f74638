"""An analysis whose outline a person has corrected: everything that follows from the outline, anew."""

from __future__ import annotations

import dataclasses

import numpy as np

from tumorscope.analysis import Analysis, arrange_channels, second_opinion
from tumorscope.engine import Engine
from tumorscope.errors import TumorscopeError
from tumorscope.measuring.lesions import find_lesions
from tumorscope.preparing.axial import axial_view

CORRECTED = (
    "the outline was corrected by hand; the probabilities, and the type by the network, are those of the analysis "
    "before that"
)


def revise(analysis: Analysis, engine: Engine, mask: np.ndarray) -> Analysis:
    """Put a person's outline in the place of the network's.

    Lesions, areas, volume and the opinion by features follow from the new outline, and a tumour is
    present where something is outlined. What the network said of slices stays as it was.

    Args:
        analysis: of the scan, by the network.
        engine: that made it.
        mask: boolean ``(slice, row, column)`` on the scan's grid.

    Raises:
        TumorscopeError: the mask has another shape, or the scan was not judged.
    """
    scan = analysis.scan
    if not analysis.judged:
        raise TumorscopeError(
            f"{scan.case}: was not judged; analyse it with gate=False before its outline is corrected"
        )
    if mask.shape != scan.shape:
        raise TumorscopeError(f"{scan.case}: the mask's shape {mask.shape} is not the scan's {scan.shape}")
    probability = np.array([finding.tumor_probability for finding in analysis.slices])
    areas = mask.sum(axis=(1, 2))
    pixel_area, voxel_volume = scan.pixel_area_mm2, scan.voxel_volume_mm3
    slices = tuple(
        dataclasses.replace(
            finding,
            area_px=int(area),
            area_mm2=None if pixel_area is None else round(float(area * pixel_area), 2),
        )
        for finding, area in zip(analysis.slices, areas, strict=True)
    )
    channels, _ = arrange_channels(scan, engine.bundle.card)
    view = axial_view(scan.shape, scan.affine)
    return dataclasses.replace(
        analysis,
        mask=mask,
        slices=slices,
        lesions=find_lesions(mask, scan, probability),
        tumor_present=bool(mask.any()),
        volume_mm3=None if voxel_volume is None else round(float(areas.sum() * voxel_volume), 2),
        type_by_features=second_opinion(engine, view.forward(channels), view.forward(mask)),
        warnings=(CORRECTED, *analysis.warnings),
        corrected=True,
    )
