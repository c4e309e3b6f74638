"""An analysis with the lobe and hemisphere of every lesion, and the brain's mask."""

from __future__ import annotations

import dataclasses
import time

from tumorscope.inference.analysis import Analysis
from tumorscope.measurement.location import brain_mask, locate


def with_location(analysis: Analysis) -> Analysis:
    """Name the places of an analysis's lesions by an atlas; a warning tells where that is not possible.

    A scan that was not assessed stays as it is. The lesions of further labels, such as the enhancing tumor, are inside
    those of the first and get no location of their own.
    """
    if not analysis.assessed:
        return analysis
    started = time.perf_counter()
    found = locate(analysis.scan, analysis.lesions, analysis.lesion_labels)
    mask = None if found.registration is None else brain_mask(analysis.scan, found.registration)
    spent = round((time.perf_counter() - started) * 1000, 2)
    return dataclasses.replace(
        analysis,
        lesions=found.lesions,
        brain_mask=mask,
        warnings=(*analysis.warnings, *found.notes),
        timing_ms={**analysis.timing_ms, "locating": spent},
    )
