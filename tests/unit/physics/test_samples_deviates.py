"""Normal deviates: right to the last digits, tails too, and distributed as they should be."""

import math
from statistics import NormalDist

import numpy as np

from ngtbench.physics.samples import deviates


def test_quantile_inverts_the_error_function() -> None:
    """Newton's step from the deviate that is found, with the complementary error function, is below 1e-13 of it."""
    tails = np.concatenate((np.logspace(math.log10(2.0**-54), -0.31, 2000), np.linspace(0.06, 0.09, 200)))
    found = deviates.quantile(tails - 0.5)
    assert np.array_equal(-found, deviates.quantile(0.5 - tails))
    for p, x in zip(0.5 + (tails - 0.5), found, strict=True):  # as rounded
        step = (math.erfc(-x / math.sqrt(2)) / 2 - p) * math.sqrt(2 * math.pi) * math.exp(x * x / 2)
        assert abs(step) < 1e-13 * max(abs(x), 1.0)


def test_quantile_in_the_far_tail() -> None:
    least = deviates.quantile(np.array([-0.5 + 2.0**-54, -0.5 + 2.0**-40, -0.5 + 2.0**-30]))
    wanted = [NormalDist().inv_cdf(2.0**-power) for power in (54, 40, 30)]
    assert np.allclose(least, wanted, rtol=1e-14, atol=0)


def test_logarithm() -> None:
    values = np.concatenate((np.logspace(-300, 300, 5000), np.linspace(0.5, 2, 5000), [1.0, 2.0**-53, 1 - 2.0**-53]))
    wanted = np.array([math.log(value) for value in values])
    assert np.all(np.abs(deviates.log(values) - wanted) <= 1e-15 * np.abs(wanted))


def test_normal_distribution() -> None:
    values = np.sort(deviates.normal(3, 1, range(1000), 1000), axis=None)
    cumulative = np.array([math.erfc(-x / math.sqrt(2)) / 2 for x in values[::100]])
    assert np.max(np.abs(cumulative - np.arange(0, len(values), 100) / len(values))) < 1.95 / 1000  # Kolmogorov: p = 0.001
    assert abs(np.mean(values)) < 4 / 1000
    assert abs(np.mean(values**4) - 3) < 4 * math.sqrt(96) / 1000


def test_events_are_independent() -> None:
    numbers = deviates.normal(1, 0, range(200_000), 2)
    other = deviates.normal(1, 1, range(200_000), 2)
    for a, b in ((numbers[:, 0], numbers[:, 1]), (numbers[1:, 0], numbers[:-1, 1]), (numbers[:, 0], other[:, 0])):
        assert abs(np.mean(a * b)) < 4 / math.sqrt(len(a))


def test_whole_numbers_are_even() -> None:
    counts = np.bincount(deviates.whole(5, 0, range(90_000), 4, 12), minlength=13)
    assert not counts[:4].any()
    assert np.all(np.abs(counts[4:] - 10_000) < 4 * 100)
