"""A ratio where two results are like for like, or the best of either side; one tier a table; bad results in no mean."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ngtbench.analysis.compare import compare, score
from ngtbench.analysis.results import results
from ngtbench.model.case import Metric
from ngtbench.model.comparison import Comparison, Result
from ngtbench.model.record import Outcome, RunRecord
from tests.records import STEADY, VERDICT, case, done, measurement, run

WRONG = Outcome("wrong", reason="off", verdict=replace(VERDICT, passed=False))


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


def test_only_one_side_has_it() -> None:
    left, right = pair(run(), run(of=case(impl="torch")))
    assert left.reason == "only A has it, on cpu:0"
    assert right.reason == "only B has it, on cpu:0"


def test_of_another_size_both_sides_sizes_are_named() -> None:
    found = pair([run(of=case(size="M")), run(of=case("ml/jet_mlp"))], [run(of=case(size="S")), run(of=case(size="L"))])
    assert [one.reason for one in found] == [
        "only A has it, on cpu:0: size M against S, L",
        "only A has it, on cpu:0",
        "only B has it, on cpu:0: size M against S, L",
        "only B has it, on cpu:0: size M against S, L",
    ]


def test_the_cpu_is_never_compared_with_a_gpu_but_cuda_is_with_rocm() -> None:
    assert [one.ratio for one in pair(run(), run(device="cuda:0"))] == [None, None]
    (found,) = pair(run(device="cuda:0"), run(device="rocm:0"))
    assert found.ratio == pytest.approx(1.0)
    assert "device cuda against rocm" in found.notes


def whole(result: Result) -> Result:
    return replace(result, whole=True)


def test_equal_resources_pair_first() -> None:
    found = pair([run(threads=8), run(threads=1)], [run(threads=1), run(threads=24)])
    assert threads(found) == [(1, 1), (8, 24)]


def threads(found: Sequence[Comparison]) -> list[tuple[int, int]]:
    return sorted((one.a.resources.threads, one.b.resources.threads) for one in found if one.a and one.b)


def test_all_of_one_machine_is_compared_with_all_of_the_other() -> None:
    a = [*results([run(threads=1)]), *map(whole, results([run(threads=64)]))]
    b = [*results([run(threads=1), run(threads=64)]), *map(whole, results([run(threads=128)]))]
    found = compare(a, b)
    assert threads(found) == [(1, 1), (64, 128)]
    assert [one.reason for one in found if one.ratio is None] == ["only B has it, on cpu:0"]
    assert "64 threads against 128, all of each machine" in found[1].notes


def test_all_of_a_machine_is_not_compared_with_more_threads_than_it_has() -> None:
    a = list(map(whole, results([run(threads=64)])))
    b = [*results([run(threads=256)]), *map(whole, results([run(threads=128)]))]
    assert threads(compare(a, b)) == [(64, 128)]


def test_all_of_a_machine_is_not_compared_with_what_has_other_clients() -> None:
    (a,), (b,) = results([run(threads=64)]), results([run(threads=128)])
    many = replace(b, whole=True, resources=replace(b.resources, clients=4, threads=129))
    found = compare([whole(a)], [many, whole(b)])
    assert threads(found) == [(64, 128)]


def test_equal_threads_are_compared_where_only_one_side_has_no_more() -> None:
    found = compare(results([run(threads=64), run(threads=32)]), list(map(whole, results([run(threads=32)]))))
    assert threads(found) == [(32, 32)]


def of(impl: str, factor: float = 1.0, outcome: Outcome | None = None, device: str = "cpu:0", **more: object) -> Result:
    (found,) = results([run(outcome or done(scaled(factor)), of=case(impl=impl), device=device)])
    return replace(found, **more)  # type: ignore[arg-type]


def test_the_best_of_either_side_are_compared_and_named() -> None:
    a = [of("numpy"), of("native", 0.5), of("torch", 0.7)]
    b = [of("numpy", 0.4), of("native", outcome=WRONG), of("numba", 0.1, device="cuda:0")]
    on_cpu, on_gpu = compare(a, b, best=True)
    assert on_cpu.ratio == pytest.approx(0.5 / 0.4)
    assert on_cpu.case.impl == "native"
    assert on_cpu.notes[:3] == (
        "A: native, the fastest of 3 implementations",
        "B: numpy, the only implementation",
        "B without native (wrong)",
    )
    assert on_gpu.reason == "only B has it, on cuda:0"
    assert [one.ratio for one in compare(b, a, best=True)] == [pytest.approx(0.4 / 0.5), None]


def test_of_two_devices_the_faster_is_taken_and_said() -> None:
    (found,) = compare([of("rtc", device="cuda:0")], [of("rtc", device="rocm:0"), of("rtc", 0.5, device="rocm:1")], best=True)
    assert found.ratio == pytest.approx(2.0)
    assert "B: rtc, the only implementation, on rocm:1, the fastest of 2 devices" in found.notes


def test_where_more_is_better_the_best_has_most() -> None:
    def rated(impl: str, value: float) -> Result:
        taken = measurement(STEADY, rate_per_s=[value] * 44)
        return of(impl, outcome=replace(done(), measurement=taken, metrics=(Metric("rate_per_s", "higher"),)))

    (found,) = compare([rated("x", 1.0), rated("y", 3.0)], [rated("x", 9.0), rated("y", 2.0)], best=True)
    assert found.ratio == pytest.approx(3.0)


def test_the_best_are_held_to_the_same() -> None:
    loose = replace(VERDICT, tolerance=1e-3)
    half = of("half", 0.1, verdict=loose)
    (found,) = compare([of("native"), half], [of("native", 0.5), of("half", 0.2, verdict=loose)], best=True)
    assert found.ratio == pytest.approx(2.0)
    assert "A without half (version 1, tolerance 0.001, 8 threads)" in found.notes
    (found,) = compare([half], [of("native", 0.5)], best=True)  # nothing in common: the reason says why
    assert found.reason == "tolerance: A 0.001, checked in full against B 1e-15, checked in full"


def test_the_best_have_all_of_their_machines() -> None:
    part = results([run(done(scaled(0.1)), threads=4)])
    a, b = [*part, *map(whole, results([run()]))], [*part, *map(whole, results([run(done(scaled(0.5)), threads=24)]))]
    (found,) = compare(a, b, best=True)
    assert found.ratio == pytest.approx(2.0)
    assert threads([found]) == [(8, 24)]


def test_a_side_without_any_good_result_has_a_reason() -> None:
    (found,) = compare([of("numpy"), of("native")], [of("numpy", outcome=WRONG), of("native", outcome=WRONG)], best=True)
    assert found.reason == "B wrong: off"
    assert "A: numpy, the fastest of 2 implementations" in found.notes


def test_what_a_profiler_watched_is_never_the_best() -> None:
    watched = of("native", 0.1, profiler="perf")
    (found,) = compare([of("numpy"), watched], [of("numpy", 0.5)], best=True)
    assert found.ratio == pytest.approx(2.0)
    assert "A without native (watched by perf)" in found.notes


def test_other_clients_are_another_problem_of_the_best() -> None:
    many = replace(of("numpy").resources, clients=4)
    found = compare([of("numpy"), of("numpy", 0.1, resources=many)], [of("numpy", 0.5)], best=True)
    assert [one.ratio for one in found] == [pytest.approx(2.0), None]


def test_a_table_holds_one_tier() -> None:
    sides = [of("numpy"), of("tuned", 0.5, tier="optimised")], [of("numpy", 0.5), of("tuned", 0.1, tier="optimised")]
    for best in (False, True):
        (ported,) = compare(*sides, best=best)
        (optimised,) = compare(*sides, best=best, tier="optimised")
        assert (ported.case.impl, optimised.case.impl) == ("numpy", "tuned")
        assert ported.ratio == pytest.approx(2.0)
        assert optimised.ratio == pytest.approx(5.0)


def test_distinct_holds_over_the_table() -> None:
    def side(second: float) -> list[Result]:
        jobs = {"x": (1.0, 1.01, 1.02), "y": (second, 1.01 * second, 1.02 * second)}
        found: list[Result] = []
        for impl, means in jobs.items():
            records = [
                replace(run(done([mean] * 10), of=case(impl=impl), launch=k), provenance=replace(run().provenance, job=str(k)))
                for k, mean in enumerate(means)
            ]
            found += results(records)
        return found

    same, slower = compare(side(1.0), side(0.97))
    assert (same.distinct, slower.distinct) == (False, True)
    assert same.basis == "between jobs"
    assert same.p == pytest.approx(1.0)
    assert slower.p == pytest.approx(0.0196, abs=1e-4)  # below 5 % of two
    _, one = compare(side(0.975), side(1.0))
    assert one.p == pytest.approx(0.0351, abs=1e-4)  # alone it would be distinct
    assert one.distinct is False
    assert slower.low is not None
    assert slower.high is not None
    assert slower.low < (slower.ratio or 0) < slower.high


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
