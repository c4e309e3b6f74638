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


@pytest.mark.parametrize("scale", [1e-38, 1, 1e32])
@pytest.mark.parametrize("kind", [np.int8, np.int16, np.uint16, np.int32, np.float16, np.float32, np.float64])
def test_many_values_have_the_percentiles_of_numpy(kind, scale):
    values = np.random.default_rng(0).normal(0, 40, (5, 60, 60))
    if np.dtype(kind).kind == "f" and kind is not np.float16:
        values *= scale
        values[0, 0, 0] = 1000 * values.max()  # nearly all values are in one bucket
    values, shares = values.astype(kind), np.linspace(0, 100, 25)
    found = percentiles(values, shares)
    np.testing.assert_allclose(found, np.percentile(values.astype(np.float64), shares), rtol=1e-12, atol=0)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_many_values_with_one_that_is_not_finite_are_ordered_as_by_sorting(odd):
    values = np.append(np.arange(20_000, dtype=np.float32), np.float32(odd))
    first = np.sort(values)[10_000]
    assert percentiles(values, (50,)).tolist() == [first]


def test_values_stay_in_their_order():
    values = np.array([3.0, 1.0, 2.0])
    percentiles(values, (50,))
    assert values.tolist() == [3, 1, 2]


@pytest.mark.parametrize("share", [0, 50, 90, 100])
def test_between_infinite_values_there_is_no_other(share):
    assert percentiles(np.full(10, np.inf, np.float32), (share,))[0] == np.inf
