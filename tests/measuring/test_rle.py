import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from tumorscope.measurement.rle import decode, encode


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12), elements=st.booleans()))
def test_every_mask_comes_back(mask):
    np.testing.assert_array_equal(decode(encode(mask)), mask)


def test_runs_go_down_the_columns_as_coco_has_them():
    mask = np.zeros((3, 3), bool)
    mask[1:, 0] = True
    mask[0, 1] = True
    assert encode(mask) == {"size": [3, 3], "counts": [1, 3, 5]}


def test_a_mask_that_begins_with_tumor_has_an_empty_first_run():
    assert encode(np.ones((2, 2), bool)) == {"size": [2, 2], "counts": [0, 4]}


def test_an_empty_mask_is_one_run():
    assert encode(np.zeros((2, 3), bool))["counts"] == [6]
