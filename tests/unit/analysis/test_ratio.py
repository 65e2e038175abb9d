"""Intervals of ratios: how often they cover the true one, by simulation; and when two sides are told apart."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from ngtbench.analysis import statistics
from ngtbench.analysis.compare import compare
from ngtbench.analysis.ratio import between_jobs, holm, ratio, ratio_interval
from ngtbench.analysis.results import results
from ngtbench.model.case import Metric
from ngtbench.model.comparison import Interval, Result
from tests.records import case, run
from tests.unit.analysis.noise import LEVELS, in_jobs

TRIALS = 2000
SEED = 2026
JOBS = ((4, 3, 3), (10, 10, 10), (2, 2, 2, 2, 2), (6, 6, 6, 6, 6))  # 10 and 30 launches in three jobs and in five


(PLAIN,) = results([run()])


def measured(medians: Sequence[float], launches: Sequence[int], size: str = "M", better: str = "lower") -> Result:
    """Return a result of launches with these medians, so many in each job."""
    names = [str(job) for job, count in enumerate(launches) for _ in range(count)]
    return replace(
        PLAIN,
        case=case(size=size),
        launches=len(medians),
        metric=Metric("wall_s", "higher" if better == "higher" else "lower"),
        intervals={"wall_s": statistics.interval([[median] for median in medians], names)},
        jobs=tuple(statistics.job_means(medians, names).items()),
        launch_medians=tuple(medians),
    )


def coverage(level: str, launches: tuple[int, ...], true: float) -> float:
    """Return the share of 95 % intervals that cover the true ratio of A's time to B's."""
    draw = np.random.default_rng([SEED, *launches, list(LEVELS).index(level), round(100 * true)])
    sides = [np.exp(in_jobs(draw, LEVELS[level], TRIALS, launches)) * factor for factor in (true, 1.0)]
    hits = 0
    for a, b in zip(*(side.tolist() for side in sides), strict=True):
        found = ratio(measured(a, launches), measured(b, launches))
        assert (found.basis == "between jobs") == (len(launches) > 1)
        hits += found.low is not None and found.high is not None and found.low <= true <= found.high
    return hits / TRIALS


@pytest.mark.parametrize("true", [1.0, 1.1])
@pytest.mark.parametrize("launches", JOBS)
@pytest.mark.parametrize("level", LEVELS)
def test_intervals_between_jobs_cover_the_true_ratio(level: str, launches: tuple[int, ...], true: float) -> None:
    assert 0.93 <= coverage(level, launches, true) <= 0.99


@pytest.mark.parametrize(("launches", "most"), [(10, 0.70), (30, 0.57)])
@pytest.mark.parametrize("level", ["quiet", "typical", "noisy"])
def test_intervals_within_one_job_do_not(level: str, launches: int, most: float) -> None:
    assert 0.36 <= coverage(level, (launches,), 1.0) <= most


def test_where_launches_differ_more_than_jobs_even_one_job_nearly_does() -> None:
    assert 0.83 <= coverage("bimodal", (30,), 1.0) <= 0.90


@pytest.mark.parametrize("launches", [(4, 3, 3), (30,)])
@pytest.mark.parametrize("level", LEVELS)
def test_of_equal_systems_few_tables_call_a_case_distinct(level: str, launches: tuple[int, ...]) -> None:
    tables, cases = 200, 10
    draw = np.random.default_rng([SEED, 1, *launches, list(LEVELS).index(level)])
    sides = [np.exp(in_jobs(draw, LEVELS[level], tables * cases, launches)).reshape(tables, cases, -1).tolist() for _ in "AB"]
    wrong = alone = 0
    for pair in zip(*sides, strict=True):
        a, b = ([measured(medians, launches, f"S{k}") for k, medians in enumerate(side)] for side in pair)
        found = compare(a, b)
        wrong += any(one.distinct for one in found)
        alone += any(one.low is not None and one.high is not None and not one.low <= 1 <= one.high for one in found)
    assert wrong <= 0.05 * tables < alone


def test_welch_by_hand() -> None:
    a, b = [math.exp(x) for x in (0.0, 0.1, 0.2)], [math.exp(x) for x in (0.5, 0.5, 0.8)]
    middle, half, p = between_jobs(a, b)
    # variances of the means 0.01 / 3 and 0.03 / 3; degrees (4/3)^2 / (1/18 + 9/18) = 3.2, so 3; t = 3.18245
    assert middle == pytest.approx(-0.5)
    assert half == pytest.approx(3.182446 * math.sqrt(0.04 / 3), rel=1e-5)
    t = 0.5 / math.sqrt(0.04 / 3)
    assert p == pytest.approx(statistics.student_p(t, 3))
    assert between_jobs(b, a) == pytest.approx((0.5, half, p))


def test_degrees_are_those_of_the_side_that_varies() -> None:
    middle, half, _ = between_jobs([1.0] * 3, [math.exp(x) for x in (0.0, 0.1, 0.2, 0.3)])
    assert middle == pytest.approx(-0.15)
    assert half == pytest.approx(statistics.student_t(3) * math.sqrt(0.05 / 3 / 4))
    assert between_jobs([math.exp(x) for x in (0.0, 0.1, 0.2)], [1.0] * 9)[1] == pytest.approx(
        statistics.student_t(2) * 0.1 / 3**0.5
    )


def test_jobs_that_agree_to_the_bit_are_told_apart_but_never_by_rounding() -> None:
    assert between_jobs([0.1] * 3, [0.1] * 3) == (0.0, 0.0, 1.0)
    assert between_jobs([0.2] * 3, [0.1] * 3) == pytest.approx((math.log(2), 0.0, 0.0))
    assert between_jobs([0.2] * 7, [0.1] * 7) == pytest.approx((math.log(2), 0.0, 0.0))  # sums of seven are rounded
    off = 0.1 * (1 + 2e-15)
    assert between_jobs([0.1] * 3, [off] * 3)[2] == between_jobs([0.1] * 7, [off] * 7)[2] == 1.0
    assert between_jobs([0.1, 0.1, 0.1 * (1 + 1e-15)], [off] * 3)[2] == 1.0
    assert between_jobs([1.0, 1.0, 1.0 + 1e-12], [1.0 + 1e-9] * 3)[2] < 1e-3


def test_values_at_the_ends_of_what_is_believed_overflow_nothing() -> None:
    for launches in ((1, 1, 1), (3,)):
        found = ratio(measured([1e-60, 1e60, 1e60], launches), measured([1e-60, 1e-60, 1e60], launches))
        assert found.low is not None
        assert found.high is not None
        assert 0 < found.low < found.value < found.high < math.inf


def test_more_is_better_turns_the_ratio_of_jobs_round() -> None:
    slow, fast = [1.0, 1.1, 1.2], [2.0, 2.1, 2.2]
    lower, higher = (
        ratio(measured(slow, (1, 1, 1), better=way), measured(fast, (1, 1, 1), better=way)) for way in ("lower", "higher")
    )
    assert higher.value > 1 > lower.value
    assert (higher.low, higher.value, higher.p) == pytest.approx((1 / (lower.high or 0), 1 / lower.value, lower.p))


@pytest.mark.parametrize(
    ("launches", "basis"), [((1,), "within one launch"), ((2,), "within one job"), ((2, 2), "within one job")]
)
def test_fewer_than_three_jobs_on_either_side_are_within_one(launches: tuple[int, ...], basis: str) -> None:
    three, fewer = measured([1.0, 1.1, 1.2], (1, 1, 1)), measured([1.0] * sum(launches), launches)
    assert ratio(three, fewer).basis == ratio(fewer, three).basis == basis


@pytest.mark.parametrize(
    ("factor", "swing", "distinct"),
    [
        (1.10, 0.001, False),  # three times the stated spread of a ratio, sqrt 2 of 2.5 %, is 0.106: a ratio of 1.112
        (1.12, 0.001, True),
        (1.12, 0.03, False),  # the launches spread by 3.3 %, so jobs may
        (1.30, 0.03, True),
        (1 / 1.10, 0.001, False),
        (1 / 1.12, 0.001, True),
    ],
)
def test_within_one_job_only_what_is_clear_is_distinct(factor: float, swing: float, distinct: bool) -> None:
    medians = [1 + swing * (-1) ** k for k in range(6)]
    (found,) = compare([measured(medians, (6,))], [measured([factor * x for x in medians], (6,))])
    assert (found.basis, found.distinct, found.p) == ("within one job", distinct, None)
    assert found.low is not None
    assert found.high is not None
    assert not found.low <= 1 <= found.high


def test_within_one_job_an_interval_that_holds_1_is_never_distinct() -> None:
    wide = replace(PLAIN, intervals={"wall_s": Interval(1.5, 0.7, 1.51, 2, 20, "")}, launch_medians=(1.5, 1.51))
    sure = replace(PLAIN, intervals={"wall_s": Interval(1.0, 1.0, 1.0, 2, 20, "")})
    (above,), (below,) = compare([wide], [sure]), compare([sure], [wide])
    assert above.low == pytest.approx(0.7)
    assert (above.ratio, above.distinct) == (1.5, False)
    assert below.high == pytest.approx(1 / 0.7)
    assert below.distinct is False


def test_within_one_job_a_table_of_many_asks_for_more() -> None:
    def side(factor: float, cases: int) -> list[Result]:
        return [measured([factor * (1 + 0.001 * (-1) ** k) for k in range(6)], (6,), f"S{case}") for case in range(cases)]

    assert [one.distinct for one in compare(side(1.0, 1), side(1.12, 1))] == [True]
    assert {one.distinct for one in compare(side(1.0, 60), side(1.12, 60))} == {False}


def test_holm_by_hand() -> None:
    assert holm([0.04, 0.01, 0.03, 0.005]) == [False, True, False, True]  # 0.005 <= 0.05/4, 0.01 <= 0.05/3, 0.03 > 0.05/2
    assert holm([0.05, 0.025]) == [True, True]
    assert holm([0.01, 0.026, 0.026]) == [True, False, False]
    assert holm([]) == []


def test_the_interval_combines_both_sides_in_quadrature() -> None:
    a = Interval(1.0, 1 / 1.03, 1.03, 3, 30, "")
    b = Interval(2.0, 2 / 1.04, 2 * 1.04, 3, 30, "")
    low, high = ratio_interval(a, b) or (0.0, 0.0)
    # hypot(log 1.03, log 1.04) = 0.04911
    assert high / 0.5 == pytest.approx(1.05034, rel=1e-4)
    assert 0.5 / low == pytest.approx(1.05034, rel=1e-4)
    none, half = Interval(2.0, None, None, 1, 1, ""), Interval(2.0, None, 2.1, 1, 1, "")
    assert (
        ratio_interval(half, a)
        is ratio_interval(a, none)
        is ratio_interval(none, a)
        is ratio_interval(a, Interval(1.0, 0.0, 2.0, 3, 30, ""))
        is None
    )


def test_upward_and_downward_are_kept_apart() -> None:
    sure = Interval(1.0, 1.0, 1.0, 3, 30, "")
    skewed = Interval(1.0, 1.0, 1.5, 3, 30, "")  # A may be slower than its value, never faster
    assert ratio_interval(skewed, sure) == pytest.approx((1.0, 1.5))
    assert ratio_interval(sure, skewed) == pytest.approx((1 / 1.5, 1.0))
