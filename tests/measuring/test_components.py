import numpy as np
import pytest

from tumorscope.inference.bundles import OperatingPoint
from tumorscope.inference.postprocessing import postprocess
from tumorscope.measurement.components import find_components


def tumor_of_five_slices() -> np.ndarray:
    """Slices 2 to 6 of ten show one tumor of 3×3 pixels; slice 9 shows another pixel far away."""
    probability = np.zeros((10, 8, 8))
    probability[2:7, 2:5, 2:5] = 0.9
    probability[9, 7, 7] = 0.9
    return probability


SLICES = np.array([0.0, 0.0, 0.6, 0.1, 0.9, 0.05, 0.3, 0.0, 0.0, 0.3])
"""Of the tumor's slices two reach a half; two between them do not, and one at its end."""


@pytest.mark.parametrize(
    ("within", "slices"),
    [(None, [2, 4]), (0.5, [2, 4]), (0.2, [2, 4]), (0.08, [2, 3, 4]), (0.0, [2, 3, 4, 5, 6]), (0.9, [2, 4])],
)
def test_a_slice_inside_a_tumor_stays_down_to_the_floor_and_a_part_without_a_certain_slice_goes(within, slices):
    point = OperatingPoint(presence=0.5, mask=0.5, presence_within=within)
    mask, removed = postprocess(tumor_of_five_slices(), SLICES, point)
    assert np.flatnonzero(mask.any(axis=(1, 2))).tolist() == slices
    assert mask.sum() == 9 * len(slices)
    assert removed == 0


def test_the_evidence_of_a_part_is_that_of_its_most_certain_slice():
    parts = find_components(tumor_of_five_slices(), SLICES, mask_threshold=0.5, slice_floor=0)
    assert parts.evidence.tolist() == [0.0, 0.9, 0.3]
    assert parts.sizes[1:].tolist() == [45, 1]


def test_a_single_slice_is_decided_by_its_own_probability_alone():
    probability = tumor_of_five_slices()[2:3]
    for within in (None, 0.0, 0.2):
        point = OperatingPoint(presence=0.5, mask=0.5, presence_within=within)
        assert postprocess(probability, np.array([0.49]), point)[0].sum() == 0
        assert postprocess(probability, np.array([0.5]), point)[0].sum() == 9


def test_small_components_are_left_out_and_counted_and_the_second_tumor_stays():
    probability = tumor_of_five_slices()
    probability[8:10, 5:8, 5:8] = 0.9
    probability[0, 0, 0] = 0.9
    mask, removed = postprocess(
        probability, np.ones(10), OperatingPoint(presence=0.5, mask=0.5, min_component_size_px=5)
    )
    assert removed == 1
    assert mask.sum() == 45 + 18
