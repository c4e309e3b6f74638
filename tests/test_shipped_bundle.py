"""The bundle that ships, on heads whose truth is known."""

from functools import cache

import numpy as np
import pytest

from tumorscope.datasets import phantom as phantoms
from tumorscope.datasets.phantom import make_phantom, plausible_lesion
from tumorscope.inference.analysis import analyze
from tumorscope.inference.bundles import load_bundle
from tumorscope.inference.engine import load_engine

demo_phantom = cache(phantoms.demo_phantom)


@cache
def healthy_scan(seed):
    return phantoms.healthy_twin(demo_phantom(seed)).scan


@cache
def drawn(lesions, **settings):
    return make_phantom(lesions, seed=0, **settings)


@pytest.fixture(scope="module", params=["float", "int8"])
def engine(request):
    return load_engine(load_bundle("lgg"), "onnxruntime", request.param)


@pytest.mark.parametrize("seed", [0, 3, 4])
def test_it_finds_and_segments_the_phantoms_tumor(engine, seed):
    phantom = demo_phantom(seed)
    analysis = analyze(phantom.scan, engine)
    assert analysis.tumor_present
    assert len(analysis.lesions) == 1
    overlap = 2 * (analysis.mask & phantom.mask).sum() / (analysis.mask.sum() + phantom.mask.sum())
    assert overlap > 0.85
    assert analysis.volume_mm3 == pytest.approx(phantom.volume_mm3, rel=0.2)


@pytest.mark.parametrize("seed", [0, 3, 4])
def test_it_finds_nothing_in_the_healthy_twin(engine, seed):
    analysis = analyze(healthy_scan(seed), engine)
    assert not analysis.tumor_present
    assert not analysis.mask.any()


def test_two_tumors_are_both_found(engine):
    left, right = plausible_lesion(0), plausible_lesion(0)
    x, y, z = right.center_mm
    phantom = drawn((left, type(right)((-x, y, z), right.radii_mm)))
    lesions = analyze(phantom.scan, engine).lesions
    assert len(lesions) == 2
    found = sorted(lesion.center_mm[0] for lesion in lesions)
    np.testing.assert_allclose(found, [-abs(x), abs(x)], atol=8)


def test_flair_alone_is_enough_and_the_analysis_says_what_was_filled_in(engine):
    phantom = drawn((plausible_lesion(0),), sequences=("flair",))
    analysis = analyze(phantom.scan, engine)
    assert analysis.tumor_present
    assert 2 * (analysis.mask & phantom.mask).sum() / (analysis.mask.sum() + phantom.mask.sum()) > 0.7
    assert sum(note.code == "sequence_missing" for note in analysis.warnings) == 2
