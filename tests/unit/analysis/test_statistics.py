"""Intervals contain what they claim to, and say what they do not contain."""

import math
import random
from statistics import median, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ngtbench.analysis import statistics

SAMPLES = st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=60)


@pytest.mark.parametrize(("n", "rank"), [(6, 1), (8, 1), (9, 2), (11, 2), (12, 3), (20, 6), (25, 8), (100, 40)])
def test_ranks_are_those_of_the_binomial(n: int, rank: int) -> None:
    samples = [float((7 * k) % n if n % 7 else k) for k in range(n)]
    random.Random(0).shuffle(samples)
    while statistics.lag1(samples) > 0:  # the ranks are exact where nothing is autocorrelated
        random.Random(samples[0]).shuffle(samples)
    ordered = sorted(samples)
    assert statistics.median_interval(samples) == (ordered[rank - 1], ordered[n - rank])


def test_no_interval_from_fewer_than_six_samples() -> None:
    assert statistics.median_interval([1.0, 2.0, 3.0, 4.0, 5.0]) is None
    found = statistics.interval([[3.0]])
    assert (found.value, found.low, found.high) == (3.0, None, None)
    assert "too few for a 95 % interval: 1 sample in a launch" in found.lacks[0]


def test_equal_samples_have_a_point_for_an_interval() -> None:
    found = statistics.interval([[0.1] * 30])
    assert (found.low, found.value, found.high) == (0.1, 0.1, 0.1)
    assert found.lacks == (statistics.WITHIN,)
    over = statistics.interval([[0.1] * 3] * 4)
    assert (over.low, over.value, over.high) == (0.1, 0.1, 0.1)
    assert over.lacks == (statistics.WITHIN_JOB,)


def test_autocorrelation_widens_the_interval() -> None:
    source = random.Random(1)
    free = [source.gauss(1, 0.1) for _ in range(200)]
    bound = sorted(free[:100]) + sorted(free[100:], reverse=True)
    assert statistics.effective_n(bound) < 20 < 150 < statistics.effective_n(free)
    low, high = statistics.median_interval(free) or (0, 0)
    low_bound, high_bound = statistics.median_interval(bound) or (0, 0)
    assert high_bound - low_bound > 3 * (high - low)


def test_too_few_independent_samples_give_the_whole_range_and_say_so() -> None:
    rising = [1.0 + 0.01 * k for k in range(20)]
    found = statistics.interval([rising])
    assert (found.low, found.high) == (1.0, 1.19)
    assert "independent samples: the whole range is given" in found.lacks[1]


@pytest.mark.parametrize("n", [8, 10, 25, 500])
def test_the_interval_covers_the_median_of_independent_samples(n: int) -> None:
    source = random.Random(n)
    trials = 400
    hits = 0
    for _ in range(trials):
        low, high = statistics.median_interval([source.expovariate(1) for _ in range(n)]) or (0, 0)
        hits += low <= 0.6931471805599453 <= high
    assert hits / trials >= 0.93


def test_the_interval_covers_the_median_of_autocorrelated_samples() -> None:
    source = random.Random(7)
    hits, naive = 0, 0
    for _ in range(300):
        state, samples = 0.0, []
        for _ in range(200):
            state = 0.7 * state + source.gauss(0, 1)
            samples.append(10 + state)
        low, high = statistics.median_interval(samples) or (0, 0)
        hits += low <= 10 <= high
        ordered = sorted(samples)
        naive += ordered[85] <= 10 <= ordered[114]
    assert hits / 300 >= 0.92 > 0.8 > naive / 300


def test_from_three_launches_on_the_launch_is_the_unit() -> None:
    launches = [[1.0, 1.0, 1.0], [1.1, 1.1, 1.1], [1.21, 1.21, 1.21]]
    found = statistics.interval(launches)
    assert found.value == pytest.approx(1.1)
    # t(2) = 4.3027, sd of the logarithms = log 1.1 = 0.09531, over sqrt 3: half-width 0.23677
    assert found.low == pytest.approx(1.1 * 0.78917, rel=1e-4)
    assert found.high == pytest.approx(1.1 * 1.26715, rel=1e-4)
    assert (found.launches, found.samples, found.lacks) == (3, 9, (statistics.WITHIN_JOB,))
    assert "Student t" in found.method


def test_two_launches_give_the_hull_of_both() -> None:
    found = statistics.interval([[1.0] * 10, [1.2] * 10])
    assert (found.low, found.high) == (1.0, 1.2)
    assert found.lacks == (statistics.TWO,)


def test_a_metric_that_is_not_positive_has_an_interval_too() -> None:
    found = statistics.interval([[0.0], [0.1], [-0.1]])
    assert found.value == pytest.approx(0)
    assert found.high == pytest.approx(4.3027 * 0.1 / 3**0.5, rel=1e-4)


@pytest.mark.parametrize(("degrees", "quantile"), [(2, 4.3027), (10, 2.2281), (11, 2.2010), (30, 2.0423), (1000, 1.9623)])
def test_student_t(degrees: int, quantile: float) -> None:
    assert statistics.student_t(degrees) == pytest.approx(quantile, abs=2e-4)


def test_quantiles() -> None:
    assert statistics.quantiles([float(k) for k in range(101)]) == (5.0, 25.0, 50.0, 75.0, 95.0)
    assert statistics.quantiles([2.0]) == (2.0,) * 5


@given(st.lists(SAMPLES, min_size=1, max_size=5))
def test_intervals_are_numbers_and_contain_their_value(launches: list[list[float]]) -> None:
    found = statistics.interval(launches)
    if found.low is None or found.high is None:
        assert found.lacks
    else:
        slack = 1e-9 * found.value
        assert found.low - slack <= found.value <= found.high + slack
    if len(launches) == 1:
        assert found.value == median(launches[0])


def test_from_three_jobs_on_the_job_is_the_unit() -> None:
    launches = [[1.0], [1.0], [1.0], [1.1], [1.1], [1.21]]
    found = statistics.interval(launches, ["a", "a", "b", "b", "b", "c"])
    means = statistics.job_means([1.0, 1.0, 1.0, 1.1, 1.1, 1.21], ["a", "a", "b", "b", "b", "c"])
    assert means == pytest.approx({"a": 1.0, "b": 1.21 ** (1 / 3), "c": 1.21})
    logs = [math.log(mean) for mean in means.values()]
    half = 4.302653 * stdev(logs) / math.sqrt(3)
    assert (found.jobs, found.launches, found.lacks) == (3, 6, ())
    assert found.value == pytest.approx(math.exp(sum(logs) / 3))
    assert (found.low, found.high) == pytest.approx((found.value * math.exp(-half), found.value * math.exp(half)), rel=1e-6)


def test_two_jobs_are_too_few() -> None:
    found = statistics.interval([[1.0], [1.1], [1.2]], ["a", "a", "b"])
    assert (found.jobs, found.lacks) == (2, (statistics.TWO_JOBS,))


def test_repeatability_is_hepscores() -> None:
    assert statistics.repeatability([1.0, 1.0]) is None
    assert statistics.repeatability([float(k) for k in range(1, 102)]) == pytest.approx((96 - 6) / 51)
