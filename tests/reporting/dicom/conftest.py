"""A marked study, and an analysis that found just what is marked in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from reporting.dicom.studies import Study, study_of

from tumorscope.inference.analysis import Analysis
from tumorscope.inference.labels import ENHANCING_TUMOR, WHOLE_TUMOR
from tumorscope.measurement.lesions import find_lesions, total_volume_mm3


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A small axial series, its files against the order of its slices."""
    return study_of(tmp_path / "series", order="descending")


@pytest.fixture
def analysis(analyzed: Callable[..., Analysis], study: Study) -> Analysis:
    """The marked lesions, on the left."""
    found = analyzed(study.scan, study.mask)
    return replace(found, lesions=tuple(replace(lesion, laterality="left") for lesion in found.lesions))


@pytest.fixture
def nested(analysis: Analysis) -> Analysis:
    """The marked lesions as the whole tumor, and four columns of two rows of the larger one as the enhancing tumor."""
    enhancing = np.zeros_like(analysis.mask)
    enhancing[2, 2:4, 2:6] = True
    assert (enhancing & analysis.mask == enhancing).all()
    lesions = find_lesions(enhancing, analysis.scan, np.ones(len(enhancing)))
    volume = total_volume_mm3(lesions, enhancing, analysis.scan)
    part = replace(analysis, label=ENHANCING_TUMOR, mask=enhancing, lesions=lesions, volume_mm3=volume)
    return replace(analysis, label=WHOLE_TUMOR, parts=(part,))
