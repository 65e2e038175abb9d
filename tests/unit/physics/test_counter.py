"""Random inputs are uniform, independent between streams, and the same by index as in whole."""

import numpy as np
import pytest

from ngtbench.model.workload import Uniform
from ngtbench.physics import counter, rounding

PINNED = ["0x1.93912e69c81c2p-1", "0x1.ace886d10574ap-1", "0x1.10938ae7e8868p-3"]


def test_known_bits() -> None:
    """Pin the bits: a change would change every input, and every version of every workload with it."""
    found = counter.at(Uniform((4,), seed=1, stream=0, low=0.0, high=1.0), np.arange(3))
    assert [value.hex() for value in found.tolist()] == PINNED


def test_whole_equals_by_index() -> None:
    spec = Uniform((300, 300), seed=7, stream=2)
    whole = counter.uniform(spec)
    index = np.array([0, 1, 65535, 65536, 89999])
    assert np.array_equal(whole.reshape(-1)[index], counter.at(spec, index))


@pytest.mark.parametrize("other", [Uniform((100_000,), 1, 1), Uniform((100_000,), 2, 0)])
def test_streams_and_seeds_are_uncorrelated(other: Uniform) -> None:
    first, second = counter.uniform(Uniform((100_000,), 1, 0)), counter.uniform(other)
    assert abs(float(np.mean(first * second))) < 5 / 3 / np.sqrt(100_000)


def test_moments_and_range() -> None:
    values = counter.uniform(Uniform((1_000_000,), 3, 4, low=2.0, high=5.0))
    assert 2.0 <= values.min() < 2.0001
    assert 4.9999 < values.max() < 5.0
    assert abs(values.mean() - 3.5) < 5 * 3 / np.sqrt(12e6)
    assert abs(values.var() - 0.75) < 0.005
    counts = np.bincount(((values - 2) * 100 / 3).astype(int), minlength=100)
    assert 50 < float(np.sum((counts - 10_000) ** 2 / 10_000)) < 170  # chi-square, 99 degrees of freedom


def test_bfloat16_rounds_to_nearest_even() -> None:
    exact = np.array([1.0, 1 + 2**-7, 1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20, -(1 + 2**-8)])
    wanted = np.array([1.0, 1 + 2**-7, 1.0, 1 + 2**-6, 1 + 2**-7, -1.0])
    assert np.array_equal(rounding.to_dtype(exact, "bfloat16"), wanted)


def test_widen_and_dtypes() -> None:
    assert rounding.to_dtype(np.ones(1), "float16").dtype == np.float16
    assert rounding.to_dtype(np.ones(1), "tf32").dtype == np.float32
    assert rounding.to_dtype(np.ones(1, complex), "float32").dtype == np.complex64
    assert rounding.to_dtype(np.arange(3), "float16").dtype == np.int64
    with pytest.raises(Exception, match="has no complex form"):
        rounding.to_dtype(np.ones(1, complex), "float16")
