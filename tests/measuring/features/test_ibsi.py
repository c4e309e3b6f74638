"""Every published value of the digital phantom, to the precision it was published with."""

from __future__ import annotations

from decimal import Decimal

import pytest
from measuring.features.phantom import SPACING_MM, digital_phantom, read_reference

from tumorscope.measurement.radiomics import FeatureSettings, extract_features

REFERENCE = read_reference()
AGGREGATIONS = ("2D_avg", "2D_comb", "2_5D_avg", "2_5D_comb", "3D_avg", "3D_comb")
DISCRETIZATIONS = {"levels as they are": {"bin_size": 1.0}, "six bins": {"bins": 6}}


@pytest.fixture(scope="module", params=DISCRETIZATIONS.values(), ids=DISCRETIZATIONS)
def found(request):
    image, mask = digital_phantom()
    features = {}
    for aggregation in AGGREGATIONS:
        features |= extract_features(image, mask, SPACING_MM, FeatureSettings(texture=aggregation, **request.param))
    return features


def test_the_phantom_has_the_published_number_of_voxels():
    image, mask = digital_phantom()
    assert (image.shape, mask.sum(), sorted(set(image[mask]))) == ((4, 4, 5), 74, [1, 3, 4, 6])


def test_every_feature_has_a_published_value(found):
    assert set(found) == set(REFERENCE)


def test_every_published_value_is_found(found):
    wrong = {
        tag: (found[tag], text) for tag, (text, tolerance) in REFERENCE.items() if not near(found[tag], text, tolerance)
    }
    assert wrong == {}


def near(value: float, text: str, tolerance: float) -> bool:
    return abs(value - float(text)) <= max(tolerance, half_a_digit(text)) * 1.0001


def half_a_digit(text: str) -> float:
    """Half of the third significant digit: values are published with three, trailing zeros left out."""
    return 0.5 * 10.0 ** (Decimal(text).adjusted() - 2)
