import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tumorscope.preprocessing.percentiles import percentiles


@given(
    arrays.arrays(
        st.sampled_from([np.uint8, np.int16, np.int32, np.float32, np.float64]),
        arrays.array_shapes(max_dims=3),
        elements={"min_value": 0, "max_value": 100},
    ),
    st.lists(st.floats(0, 100), min_size=1, max_size=5),
)
def test_percentiles_are_those_of_numpy(values, shares):
    np.testing.assert_allclose(
        percentiles(values, shares), np.percentile(values.astype(np.float64), shares), rtol=1e-12, atol=1e-9
    )


def test_values_stay_in_their_order():
    values = np.array([3.0, 1.0, 2.0])
    percentiles(values, (50,))
    assert values.tolist() == [3, 1, 2]


@pytest.mark.parametrize("share", [0, 50, 90, 100])
def test_between_infinite_values_there_is_no_other(share):
    assert percentiles(np.full(10, np.inf, np.float32), (share,))[0] == np.inf
