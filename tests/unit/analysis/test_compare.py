"""A ratio where two results are like for like, a reason where they are not, and bad results in no mean."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ngtbench.analysis.compare import compare, ratio_interval, score
from ngtbench.analysis.results import results
from ngtbench.model.case import Metric
from ngtbench.model.comparison import Comparison, Interval
from ngtbench.model.record import Outcome, RunRecord
from tests.records import STEADY, VERDICT, WORK, case, done, measurement, run


def pair(a: Sequence[RunRecord] | RunRecord, b: Sequence[RunRecord] | RunRecord) -> tuple[Comparison, ...]:
    sides = [[side] if isinstance(side, RunRecord) else list(side) for side in (a, b)]
    return compare(results(sides[0]), results(sides[1]))


def scaled(factor: float) -> tuple[float, ...]:
    return tuple(factor * x for x in STEADY)


def test_above_one_means_b_is_faster() -> None:
    (found,) = pair(run(), run(done(scaled(0.5))))
    assert found.ratio == pytest.approx(2.0)
    assert found.low is not None
    assert found.high is not None
    assert 1.98 < found.low < 2.0 < found.high < 2.02
    assert found.notes == ("within one launch",)


def test_a_metric_of_which_more_is_better_is_turned_round() -> None:
    def rated(value: float) -> RunRecord:
        taken = measurement(STEADY, acceptance_ratio=[value * x / 1e-3 for x in STEADY])
        return run(replace(done(), measurement=taken, metrics=(Metric("acceptance_ratio", "higher"),)))

    (found,) = pair(rated(0.4), rated(0.8))
    assert found.ratio == pytest.approx(2.0)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 2.0 < found.high


def test_the_interval_combines_both_sides_in_quadrature() -> None:
    a = Interval(1.0, 1 / 1.03, 1.03, 3, 30, "")
    b = Interval(2.0, 2 / 1.04, 2 * 1.04, 3, 30, "")
    low, high = ratio_interval(a, b) or (0.0, 0.0)
    # hypot(log 1.03, log 1.04) = 0.04911
    assert high / 0.5 == pytest.approx(1.05034, rel=1e-4)
    assert 0.5 / low == pytest.approx(1.05034, rel=1e-4)
    assert ratio_interval(a, Interval(2.0, None, None, 1, 1, "")) is None


def test_upward_and_downward_are_kept_apart() -> None:
    sure = Interval(1.0, 1.0, 1.0, 3, 30, "")
    skewed = Interval(1.0, 1.0, 1.5, 3, 30, "")  # A may be slower than its value, never faster
    assert ratio_interval(skewed, sure) == pytest.approx((1.0, 1.5))
    assert ratio_interval(sure, skewed) == pytest.approx((1 / 1.5, 1.0))


WRONG = Outcome("wrong", reason="off", verdict=replace(VERDICT, passed=False))


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        (run(), run(of=case(version=2)), "workload version 1 against 2"),
        (run(), run(WRONG), "B wrong: off"),
        (run(Outcome("failed", reason="died")), run(), "A failed: died"),
        (run(), run(Outcome("skipped", reason="no torch")), "B skipped: no torch"),
        (run(WRONG), run(WRONG), "A and B wrong: off"),
        (run(), run(done(work=replace(WORK, flop=1))), "the work differs"),
        (run(), replace(run(), resources=replace(run().resources, ranks=2)), "ranks 1 against 2"),
        (run(), replace(run(), resources=replace(run().resources, clients=4)), "clients 1 against 4"),
        (run(), replace(run(), resources=replace(run().resources, neighbour="x")), "neighbour none against x"),
        (run(), run(replace(done(), metrics=(Metric("wall_s", "higher"),))), "figure of merit differs"),
    ],
)
def test_what_is_not_comparable_says_why(a: RunRecord, b: RunRecord, reason: str) -> None:
    (found,) = pair(a, b)
    assert found.ratio is None
    assert reason in (found.reason or "")


def test_only_one_side_has_it() -> None:
    left, right = pair(run(), run(of=case(impl="torch")))
    assert left.reason == "only A has it, on cpu:0"
    assert right.reason == "only B has it, on cpu:0"


def test_the_cpu_is_never_compared_with_a_gpu_but_cuda_is_with_rocm() -> None:
    assert [one.ratio for one in pair(run(), run(device="cuda:0"))] == [None, None]
    (found,) = pair(run(device="cuda:0"), run(device="rocm:0"))
    assert found.ratio == pytest.approx(1.0)
    assert "device cuda against rocm" in found.notes


def test_other_threads_stand_beside_the_ratio() -> None:
    (found,) = pair(run(threads=24), run(threads=2))
    assert found.ratio is not None
    assert "24 threads against 2" in found.notes


def test_equal_resources_pair_first() -> None:
    found = pair([run(threads=8), run(threads=1)], [run(threads=1), run(threads=24)])
    threads = [(one.a.resources.threads, one.b.resources.threads) for one in found if one.a and one.b]
    assert sorted(threads) == [(1, 1), (8, 24)]


def test_flags_and_differences_stand_beside_the_ratio() -> None:
    flagged = replace(done(), measurement=replace(measurement(), flags={"not_converged": 0.05}), variant="openmp")
    other = replace(done(), verdict=replace(VERDICT, inputs_digest="beef"))
    (found,) = pair(run(flagged), run(other))
    assert "A: not_converged 0.05" in found.notes
    assert "variant openmp against none" in found.notes
    assert "inputs differ in bits though their seeds agree" in found.notes


def test_means_are_geometric_over_comparable_cases_only() -> None:
    a = [run(of=case(impl="x")), run(of=case(impl="y")), run(of=case("ml/jet_mlp")), run(of=case("ml/other"))]
    b = [
        run(done(scaled(1 / 2)), of=case(impl="x")),
        run(done(scaled(1 / 8)), of=case(impl="y")),
        run(done(), of=case("ml/jet_mlp")),
        run(WRONG, of=case("ml/other")),
    ]
    mean = score(pair(a, b), {}, "equal")
    assert mean.families["system"][0] == pytest.approx(4.0)
    assert mean.families["ml"][0] == pytest.approx(1.0)
    assert {family: count for family, (_, count) in mean.families.items()} == {"system": 2, "ml": 1}
    assert mean.overall == pytest.approx(2.0)  # families weigh the same, however many cases they have
    assert (mean.cases, mean.incomparable, mean.distinct) == (3, 1, 2)
    assert score(pair(a, b), {"ml": 0.0}, "mine").overall == pytest.approx(4.0)
    assert score(pair(run(WRONG), run()), {}, "equal").overall is None
