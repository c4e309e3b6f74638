"""The analysis of a scan that the input check rejected."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tumorscope.inference.analysis import Analysis
from tumorscope.inference.quality_notes import REJECTED_BY_APPEARANCE, rejection_warning


def rejected(analysis: Analysis) -> Analysis:
    """The same scan, as if the input check had rejected it."""
    return replace(
        analysis,
        rejection=REJECTED_BY_APPEARANCE,
        mask=np.zeros_like(analysis.mask),
        lesions=(),
        volume_mm3=None,
        tumor_present=None,
        tumor_probability=None,
        tumor_type=None,
        radiomics_classifier=None,
        warnings=(rejection_warning(REJECTED_BY_APPEARANCE),),
        slices=tuple(
            replace(one, tumor_probability=None, mask_probability=None, area_px=0, area_mm2=one.area_mm2 and 0.0)
            for one in analysis.slices
        ),
    )
