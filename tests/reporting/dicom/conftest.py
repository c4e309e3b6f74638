"""A marked study, and an analysis that found just what is marked in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from reporting.dicom.studies import Study, study_of

from tumorscope.inference.analysis import Analysis


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A small axial series, its files against the order of its slices."""
    return study_of(tmp_path / "series", order="descending")


@pytest.fixture
def analysis(analyzed: Callable[..., Analysis], study: Study) -> Analysis:
    """The marked lesions, on the left."""
    found = analyzed(study.scan, study.mask)
    return replace(found, lesions=tuple(replace(lesion, laterality="left") for lesion in found.lesions))
