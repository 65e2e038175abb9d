"""What would help follows from shares and from how the rate grows with the size; what is not known is said."""

from dataclasses import replace

import pytest

from ngtbench.analysis import explain, roofline
from ngtbench.analysis.explain import Explanation
from ngtbench.analysis.results import results
from ngtbench.model.case import Metric, Work
from ngtbench.model.record import Outcome, RunRecord
from tests.machines import cpu
from tests.records import VERDICT, case, measurement, run

CACHE_B = 2**25  # of tests.machines.cpu
BANDWIDTH, FLOPS = 24e9, 100e9  # what TRIAD and GEMM reach


def taken(size: str, time_s: float, work: Work, workload: str = "lattice/dslash", threads: int = 8, **more: float) -> RunRecord:
    series = {name: [value] * 10 for name, value in more.items()}
    made = Outcome("done", None, None, measurement([time_s] * 10, **series), VERDICT, work, (Metric("wall_s"),))
    return run(made, case(workload, size=size), threads=threads)


TRIAD = taken("L", 0.01, Work(2 * 10**7, 24 * 10**7, 24 * 10**7, 1, "element"), "system/triad")
GEMM = taken("M", 0.02, Work(2 * 10**9, 24 * 10**6, 24 * 10**6, 1, "product"), "system/gemm")


def sites(count: int, resident_b: int | None = None) -> Work:
    """Return work that the bandwidth binds: 10 FLOP and 100 bytes a site."""
    return Work(10 * count, 100 * count, resident_b or 100 * count, count, "site")


def bound_s(count: int, share: float) -> float:
    return 100 * count / BANDWIDTH / share


def explained(*runs: RunRecord, limited: bool = True) -> dict[str, Explanation]:
    """Return explanations by size, of what is not a measure of the machine itself."""
    found = results((TRIAD, GEMM, *runs) if limited else runs)
    made = explain.explain(found, {"cpu:0": roofline.limits(found, cpu())}, {})
    return {one.result.case.size: one for one in made if one.result.family != "system"}


def said(one: Explanation) -> str:
    return "; ".join(one.evidence)


BIG = 10**7  # sites that no cache holds


def test_near_the_bandwidth_the_bandwidth_would_help() -> None:
    found = explained(taken("M", bound_s(BIG, 0.7), sites(BIG)))["M"]
    assert found.helps == ("bandwidth",)
    assert said(found) == "70 % of measured bandwidth"
    assert found.measured.value == pytest.approx(0.7)


def test_near_the_arithmetic_limit_flop_would_help() -> None:
    work = Work(10**10, 10**6, 10**9, BIG, "site")
    assert explained(taken("M", 1e10 / FLOPS / 0.7, work))["M"].helps == ("FLOP",)


def test_a_time_that_does_not_grow_is_latency() -> None:
    small_s, large_s = 0.02, 0.02 * 64 / 32  # 64 times the work in twice the time
    found = explained(taken("S", small_s, sites(BIG // 10)), taken("M", large_s, sites(64 * BIG // 10)))
    assert found["S"].helps == ("latency",)
    assert "rate ×32 from S to M" in said(found["S"])
    assert "98.4 % of the time at S" in said(found["S"])


def test_the_larger_of_two_sizes_is_judged_by_its_own_time() -> None:
    work, more = sites(BIG), sites(100 * BIG)
    slow_s = bound_s(BIG, 0.02)
    found = explained(taken("S", slow_s, work), taken("M", slow_s + 99 * slow_s / 20, more))
    assert found["S"].helps == ("latency",)  # 95 % of its time
    assert found["M"].helps == ("implementation",)  # 16 % of its time
    assert "rate ×17 from S to M: 16 %" in said(found["M"])


def test_a_rate_that_falls_beyond_the_cache_is_bandwidth() -> None:
    small, large = BIG // 100, BIG
    found = explained(taken("S", bound_s(small, 0.5), sites(small, CACHE_B // 2)), taken("M", bound_s(large, 0.3), sites(large)))
    assert found["M"].helps == ("bandwidth",)
    assert "rate ÷1.7 from S, which fits the last-level cache, to M, which does not" in said(found["M"])
    assert found["S"].helps == ("implementation",)
    assert said(found["S"]).startswith(
        "50 % of measured bandwidth, but its data fit the last-level cache; 1.2 % of measured float64"
    )
    less = explained(taken("S", bound_s(small, 0.35), sites(small, CACHE_B // 2)), taken("M", bound_s(large, 0.3), sites(large)))
    assert less["M"].helps == ("implementation",)


@pytest.mark.parametrize("resident_b", [CACHE_B // 2, 4 * CACHE_B])
def test_a_rate_that_falls_on_one_side_of_the_cache_is_not_the_caches_doing(resident_b: int) -> None:
    runs = [
        taken(size, bound_s(count, share), sites(count, resident_b))
        for size, count, share in (("S", 1000, 0.5), ("M", 8000, 0.2))
    ]
    assert explained(*runs)["M"].helps == ("implementation",)


def test_in_the_cache_only_arithmetic_can_be_near() -> None:
    work = Work(10**8, 10**8, CACHE_B // 2, 10**6, "site")
    found = explained(taken("S", 1e8 / FLOPS / 0.8, work))["S"]
    assert found.measured.in_cache
    assert found.helps == ("FLOP",)
    assert "80 % of measured float64 GEMM" in said(found)
    more = Work(10**9, 10**9, CACHE_B // 2, 10**7, "site")
    slow = explained(taken("S", 1e8 / FLOPS / 0.2, work), taken("M", 1e9 / FLOPS / 0.2, more))["S"]
    assert slow.helps == ("not known",)
    assert "83.3 % of measured bandwidth, but" in said(slow)  # which does not bind it
    assert "what its caches could deliver is not known" in said(slow)


def test_where_neither_limit_is_near_and_the_rate_is_steady_it_is_the_implementation() -> None:
    found = explained(taken("M", bound_s(BIG, 0.1), sites(BIG)), taken("L", bound_s(8 * BIG, 0.1), sites(8 * BIG)))
    assert [one.helps for one in found.values()] == [("implementation",)] * 2
    assert said(found["M"]) == (
        "10 % of measured bandwidth; rate ×1 from M to L: 0 % of the time at M does not grow with the work; neither limit is near"
    )


@pytest.mark.parametrize("limited", [True, False])
def test_one_size_alone_tells_nothing(limited: bool) -> None:
    found = explained(taken("M", bound_s(BIG, 0.1), sites(BIG)), limited=limited)["M"]
    assert found.helps == ("not known",)
    assert "no other size of the same problem was measured" in said(found)
    assert "too little was measured to tell" in said(found)


def test_without_limits_a_steady_rate_blames_nobody() -> None:
    runs = taken("M", 1.0, sites(BIG)), taken("L", 8.0, sites(8 * BIG))
    found = explained(*runs, limited=False)["M"]
    assert found.helps == ("not known",)
    assert "not measured on cpu:0" in said(found)


@pytest.mark.parametrize(
    "other",
    [
        taken("L-x", 1.0, sites(8 * BIG)),
        taken("L", 1.0, sites(8 * BIG), threads=4),
        taken("L", 1.0, replace(sites(8 * BIG), flop=81 * BIG)),
        taken("X-abc", 1.0, sites(8 * BIG)),
        taken("L", 1.0, sites(8 * BIG), "lattice/other"),
    ],
)
def test_another_problem_is_no_size_of_it(other: RunRecord) -> None:
    found = explained(taken("M", bound_s(BIG, 0.1), sites(BIG)), other)["M"]
    assert "no other size of the same problem" in said(found)


def test_sizes_of_one_event_each_compare_by_their_flop() -> None:
    small, large = (Work(flop, 0, 10**9, 1, "product") for flop in (10**9, 64 * 10**9))
    found = explained(taken("S", 0.1, small), taken("M", 0.2, large))
    assert found["S"].helps == ("latency",)


def test_what_does_not_fit_the_memory_is_said_of_the_largest_that_ran() -> None:
    skipped = run(Outcome("skipped", reason="needs 200 GiB of memory, cpu:0 has 64 GiB"), case("lattice/dslash", size="L"))
    found = explained(taken("S", bound_s(BIG, 0.7), sites(BIG)), taken("M", bound_s(2 * BIG, 0.7), sites(2 * BIG)), skipped)
    assert found["S"].helps == ("bandwidth",)
    assert found["M"].helps == ("bandwidth", "memory size")
    assert "L was skipped: needs 200 GiB of memory, cpu:0 has 64 GiB" in said(found["M"])
    other = replace(skipped, outcome=Outcome("skipped", reason="numba is not installed"))
    assert explained(taken("M", bound_s(BIG, 0.7), sites(BIG)), other)["M"].helps == ("bandwidth",)


def test_faster_than_the_limit_is_not_near_it() -> None:
    found = explained(taken("M", bound_s(BIG, 1.5), sites(BIG)), taken("L", bound_s(8 * BIG, 1.5), sites(8 * BIG)))["M"]
    assert found.helps == ("not known",)
    assert "faster than its limit allows" in said(found)


def test_batches_of_one_case_stand_for_sizes() -> None:
    one = taken("M", bound_s(BIG, 0.1), sites(BIG))
    base = one.outcome.measurement
    assert base is not None

    def batches(**batch_s: float) -> Explanation:
        timed = replace(base, batch_s={int(name[1:]): (time_s,) for name, time_s in batch_s.items()})
        return explained(replace(one, outcome=replace(one.outcome, measurement=timed)))["M"]

    assert batches(n16=1.0, n32=2.0, n64=4.0).helps == ("implementation",)
    growing = batches(n16=1.0, n32=1.0, n64=1.0)
    assert growing.helps == ("latency",)
    assert "grows up to calls of 64 events, the most tried" in said(growing)


def test_a_solver_is_judged_by_the_flop_that_it_did() -> None:
    def solved(size: str, time_s: float, rate: float, bytes_: int) -> RunRecord:
        return taken(size, time_s, Work(0, bytes_, 10**9, 1, "source"), "lattice/solve", solver_flop_per_s=rate)

    near = explained(solved("S", 1.0, 0.7 * FLOPS, 10**6))["S"]
    assert near.helps == ("FLOP",)
    assert "70 % of measured float64 arithmetic, by what it did" in said(near)
    far = explained(solved("S", 1.0, 1e9, 10**6), solved("M", 64.0, 1e9, 64 * 10**6))["S"]
    assert far.helps == ("not known",)
    assert "its bytes are counted once" in said(far)
    assert explained(solved("S", 1.0, 1e9, 10**6), solved("M", 2.0, 30e9, 64 * 10**6))["S"].helps == ("latency",)


def test_a_measure_of_the_machine_is_its_own_explanation() -> None:
    found = results((TRIAD, GEMM))
    made = explain.explain(found, {"cpu:0": roofline.limits(found, cpu())}, {})
    assert [one.helps for one in made] == [("itself",)] * 2
    assert made[0].measured.value == pytest.approx(1.0)


def test_every_done_result_has_one_and_no_other() -> None:
    watched = taken("M", 1.0, sites(BIG))
    watched = replace(watched, provenance=replace(watched.provenance, profiler="perf"))
    wrong = run(Outcome("wrong", reason="off"), case("lattice/dslash", size="L"))
    elsewhere = replace(taken("S", 1.0, sites(BIG)), resources=replace(watched.resources, device="cuda:7"))
    found = explained(watched, wrong, elsewhere)
    assert list(found) == ["S"]
    assert found["S"].helps == ("not known",)
    assert "cuda:7 is not in the machine's record" in said(found["S"])
