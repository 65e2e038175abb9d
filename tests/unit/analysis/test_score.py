"""Ranks follow from right, comparable results alone: what is missing, wrong or hostile never improves a place."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import fmean, stdev

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ngtbench.analysis.ratio import ratio
from ngtbench.analysis.robustness import Known, ahead, by_jobs, chances, flips, supposed, weightings
from ngtbench.analysis.score import rank
from ngtbench.errors import BadInput
from ngtbench.model.case import Case, Metric, Resources
from ngtbench.model.comparison import Interval, Ranking, Result, Standing, Weights
from ngtbench.model.workload import Array
from tests.records import VERDICT, WORK

EQUAL = Weights("equal", "any", "nobody", {})
PROBLEMS = ("lattice/dslash", "lattice/solve", "ml/mlp", "generators/matrix")
Named = tuple[str, tuple[Result, ...]]


def result(
    workload: str, jobs: Sequence[float] | float, impl: str = "native", device: str = "cuda:0", threads: int = 8
) -> Result:
    """Return what took this long in each job, one case of a GPU unless told otherwise."""
    values = [jobs] if isinstance(jobs, float) else list(jobs)
    value = math.exp(fmean(map(math.log, values)))
    return Result(
        case=Case(workload, 1, "M", impl, "float64"),
        resources=Resources(device, threads, False),
        status="done",
        launches=3 * len(values),
        tier="ported",
        suite="1",
        metric=Metric("wall_s"),
        intervals={"wall_s": Interval(value, value / 1.01, value * 1.01, 3 * len(values), 100, "", jobs=len(values))},
        work=WORK,
        verdict=VERDICT,
        jobs=tuple((f"job {number}", value) for number, value in enumerate(values)),
        whole=True,
    )


def only(one: Result, names: Sequence[str]) -> Result:
    """Return a result as it would be of these of its jobs alone."""
    left = tuple((job, value) for job, value in one.jobs if job in names)
    again = result(one.case.workload, [value for _, value in left], one.case.impl, one.resources.device)
    return replace(again, jobs=left)


def standing(ranking: Ranking, name: str) -> Standing:
    return next(one for one in ranking.standings if one.system == name)


def with_figure(one: Result, value: float) -> Result:
    return replace(one, intervals={"wall_s": replace(one.intervals["wall_s"], value=value)}, jobs=(("job 0", value),))


A = ("a", (result("lattice/dslash", 4.0), result("lattice/solve", 4.0), result("ml/mlp", 1.0)))
B = ("b", (result("lattice/dslash", 1.0), result("lattice/solve", 4.0), result("ml/mlp", 4.0)))


def test_scores_are_geometric_means_of_speeds_over_the_reference() -> None:
    found = standing(rank([A, B], "a", EQUAL), "b")
    assert found.families == {"lattice": pytest.approx(2.0), "ml": pytest.approx(0.25)}
    assert found.overall == pytest.approx(math.sqrt(0.5))
    heavy = standing(rank([A, B], "a", replace(EQUAL, families={"lattice": 3.0})), "b")
    assert heavy.overall == pytest.approx((2.0**3 * 0.25) ** 0.25)


def test_more_is_better_where_the_metric_says_so() -> None:
    def rated(value: float) -> Result:
        one = result("ml/mlp", value)
        return replace(one, metric=Metric("rate", "higher"), intervals={"rate": one.intervals["wall_s"]})

    found = rank(
        [("a", (rated(2.0),)), ("b", (rated(8.0), replace(rated(5.0), case=replace(rated(5.0).case, impl="slow"))))], "a", EQUAL
    )
    assert [one.system for one in found.standings] == ["b", "a"]
    assert found.standings[0].overall == pytest.approx(4.0)


def test_a_family_without_weight_is_required_of_nobody() -> None:
    found = rank([A, ("b", B[1][:2])], "a", replace(EQUAL, families={"lattice": 1.0, "tensors": 2.0}, other=0.0))
    assert set(found.required) == {"lattice"}
    assert standing(found, "b").overall == pytest.approx(2.0)
    assert "Weighs nothing, so it is in no score: ml." in found.notes
    assert "Asked for, but a has nothing of it, so it is in no score: tensors." in found.notes
    assert found.present == pytest.approx(1 / 3)
    nothing = rank([A, B], "a", replace(EQUAL, other=0.0))
    assert [one.overall for one in nothing.standings] == [None, None]


def test_a_system_answers_with_its_best_on_its_best_device() -> None:
    node = ("cpu", (result("ml/mlp", 2.0, "numpy", "cpu:0", 64),))
    gpu = ("gpu", (result("ml/mlp", 3.0, "torch", "cpu:0", 16), replace(result("ml/mlp", 0.5, "cupy", "cuda:0", 4), whole=False)))
    assert standing(rank([node, gpu], "cpu", EQUAL), "gpu").overall == pytest.approx(4.0)


def test_a_part_of_a_node_is_no_match_for_a_gpu() -> None:
    part = replace(result("ml/mlp", 2.0, "numpy", "cpu:0", 4), whole=False)
    gpu = result("ml/mlp", 1.0)
    found = rank([("part", (part,)), ("gpu", (gpu,))], "part", EQUAL)
    assert standing(found, "gpu").lacks == (
        ("ml/mlp@1/M/float64", "native thread budget: a CPU with 4 threads, a part of its machine, and a GPU"),
    )
    assert standing(rank([("part", (part,)), ("gpu", (gpu,))], "gpu", EQUAL), "part").overall is None
    accepted = rank([("part", (part,)), ("gpu", (gpu,))], "part", EQUAL, accept=frozenset({"threads"}))
    assert standing(accepted, "gpu").overall == pytest.approx(2.0)
    assert accepted.notes[-1] == "Accepted, though it speaks against comparing: threads."


def test_the_reference_answers_for_its_whole_machine_and_the_strictest_tolerance() -> None:
    whole, part = result("ml/mlp", 2.0, "numpy", "cpu:0", 64), replace(result("ml/mlp", 1.0, "numpy", "cpu:0", 4), whole=False)
    loose = replace(result("ml/mlp", 0.5, "short", "cpu:0", 64), verdict=replace(VERDICT, tolerance=1e-3))
    found = rank([("a", (part, loose, whole)), ("b", (result("ml/mlp", 1.0),))], "a", EQUAL)
    assert standing(found, "b").overall == pytest.approx(2.0)


BAD: dict[str, Callable[[Result], Result]] = {
    "wrong: off": lambda one: replace(one, status="wrong", reason="off"),
    "failed: died": lambda one: replace(one, status="failed", reason="died"),
    "skipped: no torch": lambda one: replace(one, status="skipped", reason="no torch"),
    "is optimised": lambda one: replace(one, tier="optimised"),
    "watched by perf": lambda one: replace(one, profiler="perf"),
    "not positive": lambda one: with_figure(one, 0.0),
    "is not positive": lambda one: with_figure(one, -1.0),
    "wall_s is not positive": lambda one: with_figure(one, math.nan),
    "wall_s is not positive in": lambda one: with_figure(one, math.inf),
    "the work differs": lambda one: replace(one, work=replace(WORK, flop=1)),
    "shared device": lambda one: replace(one, flags={"shared_device": 0.2}),
    "deviating device": lambda one: replace(one, deviations=("power capped",)),
    "the figure of merit differs": lambda one: replace(one, metric=Metric("wall_s", "higher")),
}


@pytest.mark.parametrize("words", BAD)
def test_what_is_bad_counts_for_nothing_and_says_why(words: str) -> None:
    bad = BAD[words](result("ml/mlp", 1e-9))
    found = standing(rank([A, ("b", (*B[1][:2], bad))], "a", EQUAL), "b")
    assert (found.overall, found.families["ml"], found.first) == (None, None, None)
    ((problem, reason),) = found.lacks
    assert problem == "ml/mlp@1/M/float64"
    assert words in reason
    assert not reason.startswith("native B wrong")  # a reader of one system's line does not know which side is B
    beside = replace(bad, case=replace(bad.case, impl="other"))
    assert standing(rank([A, ("b", (*B[1], beside))], "a", EQUAL), "b") == standing(rank([A, B], "a", EQUAL), "b")


@pytest.mark.parametrize(
    "words", [words for words in BAD if words not in ("deviating device", "the work differs", "the figure of merit differs")]
)
def test_what_the_reference_did_badly_is_required_of_nobody(words: str) -> None:
    found = rank([("a", (*A[1][:2], BAD[words](result("ml/mlp", 1e-9)))), B], "a", EQUAL)
    assert set(found.required) == {"lattice"}
    assert standing(found, "a").overall == 1.0
    assert "In no score, as a has no result of it that counts: ml/mlp@1/M/float64." in found.notes


def test_a_family_is_scored_whole_or_not_at_all() -> None:
    found = standing(rank([A, ("b", B[1][1:])], "a", EQUAL), "b")
    assert found.families == {"lattice": None, "ml": pytest.approx(0.25)}
    assert found.lacks == (("lattice/dslash@1/M/float64", "no result"),)


def test_made_up_and_measured_are_never_ranked_together() -> None:
    made_up = tuple(replace(one, synthetic=True) for one in B[1])
    with pytest.raises(BadInput, match="synthetic"):
        rank([A, ("b", made_up)], "a", EQUAL)
    assert rank([("a", made_up)], "a", EQUAL).standings[0].overall == 1.0


def test_a_reference_that_is_not_there_or_there_twice_is_named() -> None:
    for systems in ([A, B], [A, B, ("c", ()), ("c", ())]):
        with pytest.raises(BadInput, match=r"reference 'c'.*: a, b"):
            rank(systems, "c", EQUAL)


@pytest.mark.parametrize("reference", ["a", "b"])
def test_figures_at_the_ends_of_floats_do_no_harm(reference: str) -> None:
    fast, slow = (result("ml/mlp", (1e-300,) * 3),), (result("ml/mlp", (1e300,) * 3),)
    found = rank([("a", fast), ("b", slow)], reference, EQUAL)
    assert found.standings[0].system == "a"
    assert all(
        math.isfinite(x) for one in found.standings for x in (one.overall or 0, one.low or 0, one.high or 0, one.first or 0)
    )


def test_ranks_beside_neighbours_are_problems_of_their_own() -> None:
    busy = replace(result("ml/mlp", 9.0), resources=Resources("cuda:0", 8, False, clients=4))
    found = rank([("a", (result("ml/mlp", 1.0), busy)), ("b", (result("ml/mlp", 1.0),))], "a", EQUAL)
    assert found.required == {"ml": ("ml/mlp@1/M/float64", "ml/mlp@1/M/float64, 4 clients")}
    assert standing(found, "b").lacks == (("ml/mlp@1/M/float64, 4 clients", "no result"),)


def test_intervals_come_from_jobs_that_hold_all_problems() -> None:
    slow, fast = (1.0, 1.02, 0.98), (0.5, 0.51, 0.49)
    a = ("a", (result("ml/mlp", slow), result("lattice/solve", slow)))
    b = ("b", (result("ml/mlp", fast), result("lattice/solve", fast)))
    found = rank([a, b], "a", EQUAL)
    assert [one.basis for one in found.standings] == ["between jobs"] * 2
    low, high = found.standings[0].low or 0, found.standings[0].high or 0
    # an sd of 0.02 a side over sqrt(3): 0.01633 together; t at 4 degrees is 2.776
    assert math.log(high / low) / 2 == pytest.approx(0.01633 * 2.776, rel=0.01)
    assert (found.standings[1].low, found.standings[1].high) == (1.0, 1.0)
    assert not any("supposed" in note for note in found.notes)
    two = rank([a, ("b", tuple(only(one, ("job 0", "job 1")) for one in b[1]))], "a", EQUAL)
    assert [one.basis for one in two.standings] == ["within one job", "between jobs"]
    assert any("2.5 % is supposed there: b." in note for note in two.notes)


def test_a_problem_that_one_job_lacks_is_lacking() -> None:
    slow_last = (1.0, 1.0, 3.0)
    a = ("a", (result("ml/mlp", slow_last), result("lattice/solve", slow_last)))
    holey = only(a[1][1], ("job 0", "job 1"))
    found = standing(rank([a, ("b", (a[1][0], holey))], "a", EQUAL), "b")
    reason = "job job 2 has no result of it, though it has others"
    assert (found.overall, found.first, found.lacks) == (None, None, (("lattice/solve@1/M/float64", reason),))
    whole = replace(result("lattice/solve", (2.0, 2.0, 6.0)), case=replace(holey.case, impl="torch"))
    slower = standing(rank([a, ("b", (a[1][0], holey, whole))], "a", EQUAL), "b")  # the faster has not been in all
    assert slower.overall == pytest.approx(math.sqrt(0.5))
    assert slower.basis == "between jobs"
    parts = [only(one, names) for one, names in ((holey, ("job 0", "job 1")), (whole, ("job 2",)))]
    assert standing(rank([a, ("b", (a[1][0], *parts))], "a", EQUAL), "b").lacks[0][1] == (
        f"native: {reason}; torch: 2 jobs have no result of it, though they have others: job 0, job 1"
    )
    many = result("ml/mlp", (1.0,) * 9)
    assert standing(rank([a, ("b", (many, holey))], "a", EQUAL), "b").lacks[0][1] == (
        "7 jobs have no result of it, though they have others: job 2, job 3, job 4 and 4 more"
    )


def test_a_job_counts_whatever_makes_its_results_not_count_but_never_a_watched_one() -> None:
    a = ("a", (result("ml/mlp", (1.0, 1.0)), result("lattice/solve", (1.0, 1.0))))
    short = only(a[1][1], ("job 0",))
    for bad in (replace(a[1][0], flags={"shared_device": 0.2}), replace(a[1][0], work=replace(WORK, flop=1))):
        beside = replace(bad, case=replace(bad.case, impl="other"))
        lacking = standing(rank([a, ("b", (only(a[1][0], ("job 0",)), beside, short))], "a", EQUAL), "b")
        assert [problem for problem, _ in lacking.lacks] == ["lattice/solve@1/M/float64", "ml/mlp@1/M/float64"]
    watched = replace(result("ml/mlp", (1.0,) * 3), profiler="perf")
    assert standing(rank([a, ("b", (*a[1], watched))], "a", EQUAL), "b").overall == 1.0


def test_the_reference_requires_what_all_its_jobs_hold() -> None:
    both = (result("ml/mlp", (1.0, 1.0)), result("lattice/solve", (1.0, 1.0)))
    explains = result("system/triad", (1.0,) * 4)
    weights = replace(EQUAL, families={"system": 0.0})
    found = rank([("a", (both[0], only(both[1], ("job 1",)), explains)), ("b", both)], "a", weights)
    assert found.required == {"ml": ("ml/mlp@1/M/float64",)}
    assert "In no score, as only some of the jobs of a hold it: lattice/solve@1/M/float64." in found.notes
    assert not any("no result of it that counts" in note for note in found.notes)
    slow = replace(result("ml/mlp", (2.0, 2.0)), case=replace(both[0].case, impl="torch"))
    chosen = rank([("a", (only(both[0], ("job 0",)), slow)), ("b", both)], "a", EQUAL)
    assert standing(chosen, "b").overall == pytest.approx(2.0)


def test_the_weight_that_is_present_is_said() -> None:
    asked = replace(EQUAL, families={"lattice": 1.0, "ml": 2.0, "tensors": 5.0})
    assert rank([A, B], "a", asked).present == pytest.approx(3 / 8)
    assert rank([A, B], "a", EQUAL).present == 1.0
    assert rank([A, B], "a", replace(EQUAL, families={"tensors": 1.0}, other=0.0)).present == 0.0
    assert rank([A, B], "a", replace(EQUAL, other=0.0)).present == 0.0


def test_among_how_many_an_answer_was_chosen_is_said() -> None:
    slow = replace(B[1][2], case=replace(B[1][2].case, impl="slow"), intervals={"wall_s": Interval(9.0, 8.9, 9.1, 3, 100, "")})
    bad = replace(slow, status="wrong")
    words = "The best of several implementations or devices answers, which flatters who tried more; in the mean of: {}."
    assert words.format("a 1, b 1.33") in rank([A, ("b", (*B[1], slow))], "a", EQUAL).notes
    assert words.format("a 1.33, b 1") in rank([("a", (*A[1], slow)), ("b", (*B[1], bad))], "a", EQUAL).notes
    assert not any("flatters" in note for note in rank([A, ("b", (*B[1], bad))], "a", EQUAL).notes)


def one_problem(**jobs: Sequence[float]) -> Ranking:
    """Rank systems of one problem, the first of them the reference."""
    return rank([(name, (result("ml/mlp", list(times)),)) for name, times in jobs.items()], next(iter(jobs)), EQUAL)


@pytest.mark.parametrize("reference", ["a", "b"])
@pytest.mark.parametrize("slow", [(1.04, 1.08, 1.06), (1.01, 1.2, 1.1), (1.04, 1.14, 1.07), (1.07,), (1.15,), (1.15, 1.16)])
def test_the_first_over_another_is_what_one_comparison_says(reference: str, slow: tuple[float, ...]) -> None:
    fast = (1.0, 1.01, 0.99) if len(slow) > 2 else (1.0,) * len(slow)
    sides = {"a": fast, "b": slow}
    found = one_problem(**{name: sides[name] for name in (reference, "a", "b")})
    first, second = found.standings
    assert (first.system, first.behind, first.behind_low, first.behind_high, first.told) == ("a", None, None, None, None)
    alone = ratio(result("ml/mlp", list(slow)), result("ml/mlp", list(fast)))
    assert second.behind == pytest.approx(alone.value)
    assert second.told == (alone.p is not None and alone.p < 0.05)
    if alone.basis == "between jobs":
        assert (second.behind_low, second.behind_high) == pytest.approx((alone.low, alone.high))
    else:
        half = math.hypot(0.049, math.log(1.01), 0.049, math.log(1.01))  # with the stated spread, which `alone` lacks
        assert math.log((second.behind_high or 0) / (second.behind_low or 1)) / 2 == pytest.approx(half, rel=1e-3)


def test_told_within_one_job_is_what_exceeds_three_times_the_spread() -> None:
    assert [one_problem(a=(1.0,), b=(time,)).standings[1].told for time in (1.07, 1.1, 1.13)] == [False, False, True]
    assert one_problem(a=(1.0, 1.001, 0.999), b=(1.07,)).standings[1].told is False  # three jobs on one side do not help
    rough = replace(result("ml/mlp", 1.13), launch_medians=(1.0, 1.13, 1.28))
    assert rank([("a", (result("ml/mlp", 1.0),)), ("b", (rough,))], "a", EQUAL).standings[1].told is False


def test_told_holds_over_all_rivals_together() -> None:
    near, far = (1.04, 1.08, 1.06), (2.0, 2.1, 2.2)
    alone = one_problem(a=(1.0, 1.02, 0.98), b=near)
    together = one_problem(a=(1.0, 1.02, 0.98), b=near, c=tuple(1.001 * x for x in near), d=near, far=far)
    assert alone.standings[1].told is True
    assert {one.system: one.told for one in together.standings} == {"a": None, "b": False, "c": False, "d": False, "far": True}


def test_three_jobs_beside_one_take_student_of_their_own() -> None:
    jobs = [math.log(x) for x in (1.0, 1.02, 0.98)]
    middle, half, p = ahead(Known(0.5, tuple(jobs), 0.0, 0.025), Known(0.2, (0.3,), 0.01, 0.025))
    error = math.hypot(4.3027 * stdev(jobs) / math.sqrt(3), 1.959964 * math.hypot(0.025, 0.01))
    assert [middle, half] == pytest.approx([0.3, error], rel=1e-4)
    own = math.hypot(4.3027 / 1.959964 * stdev(jobs) / math.sqrt(3), 0.01)  # and the spread between jobs is supposed besides
    assert p == pytest.approx(math.erfc(0.3 / math.hypot(own, 0.025, 0.025) / math.sqrt(2)), rel=1e-3)
    assert p > 0


def test_the_score_of_a_job_turns_rates_round() -> None:
    moved = (1.0, 1.1, 0.9)  # in every job what one problem loses the other gains
    rated = replace(result("lattice/solve", moved), metric=Metric("rate", "higher"))
    rated = replace(rated, intervals={"rate": rated.intervals["wall_s"]})
    both = (result("ml/mlp", moved), rated)
    found = standing(rank([("a", both), ("b", both)], "a", EQUAL), "b")
    assert [found.low, found.high] == pytest.approx([1.0, 1.0])


def test_one_job_supposes_the_stated_spread_and_adds_its_own() -> None:
    steady, loose = result("ml/mlp", 1.0), result("ml/mlp", 1.0)
    loose = replace(loose, intervals={"wall_s": replace(loose.intervals["wall_s"], low=0.8, high=1.25)})
    widths = []
    for one in (steady, loose):
        found = standing(rank([("a", (steady,)), ("b", (one,))], "a", EQUAL), "b")
        assert found.basis == "within one job"
        widths.append(math.log((found.high or 0) / (found.low or 1)) / 2)
    own = math.log(1.01)  # 95 % half-width that `result` gives; 2.5 % per side is stated
    assert widths[0] == pytest.approx(math.hypot(0.049, own, 0.049, own), rel=1e-3)
    assert widths[1] == pytest.approx(math.hypot(0.049, own, 0.049, math.log(1.25)), rel=1e-3)
    single = replace(steady, launches=1)
    assert standing(rank([("a", (steady,)), ("b", (single,))], "a", EQUAL), "b").basis == "within one launch"


def test_jobs_say_how_far_a_score_is_known() -> None:
    found = by_jobs(5.0, (0.9, 1.0, 1.1))
    assert (found.centre, found.degrees) == (5.0, 2)
    assert found.scale == pytest.approx(0.1 / math.sqrt(3))
    assert found.half == pytest.approx(4.3027 * 0.1 / math.sqrt(3), rel=1e-4)
    assert supposed(0.0, 2.0).half == pytest.approx(3.919928)


def ahead_by(middle: float, error: float, window: float) -> tuple[float, float]:
    """Return how likely a lead that was seen so is above and below 0, times a constant, by the prior of two in a window."""
    lead = np.linspace(-12 * error, 12 * error, 20_001) + middle
    dense = np.exp(-(((lead - middle) / error) ** 2) / 2) * (1 - 0.98 * np.minimum(np.abs(lead) / window, 1))
    return float(dense[lead > 0].sum() / dense.size), float(dense[lead < 0].sum() / dense.size)


def test_chances_are_those_of_known_distributions() -> None:
    assert chances([supposed(0.0, 1.0)]) == [1.0]
    above, below = ahead_by(0.05, 0.05, 4 * math.sqrt(2 / (0.03**-2 + 0.04**-2)))
    found = chances([supposed(0.1, 0.03), supposed(0.05, 0.04)])
    assert found == pytest.approx([above / (above + below), below / (above + below)], abs=1e-3)
    pooled, sums = math.sqrt((0.02 + 0.0002) / 4), np.zeros(2)  # sums of squares over degrees
    for factor in np.exp(np.linspace(-1.5, 4, 500)):
        scale = factor * pooled / math.sqrt(3)
        sums += factor**-5.0 * math.exp(-2 / factor**2) * np.array(ahead_by(0.12, math.sqrt(2) * scale, 4 * scale))
    found = chances([by_jobs(0.12, (0.9, 1.0, 1.1)), by_jobs(0.0, (0.99, 1.0, 1.01))])
    assert found == pytest.approx((sums / sums.sum()).tolist(), abs=2e-3)


def test_who_is_far_behind_or_named_first_changes_no_chance() -> None:
    two = [supposed(0.05, 0.03), supposed(0.0, 0.03)]
    first, second, _ = chances([*two, supposed(-5.0, 0.03)])
    assert [first, second] == pytest.approx(chances(two), abs=1e-3)
    assert chances(two[::-1]) == pytest.approx(chances(two)[::-1], abs=1e-12)


def test_the_more_rivals_are_near_the_less_sure_is_the_first() -> None:
    sure = [chances([supposed(0.1, 0.03), *[supposed(0.0, 0.03)] * rivals])[0] for rivals in (1, 3, 7)]
    assert sure[0] > sure[1] > sure[2]


def test_who_is_far_ahead_is_surely_first() -> None:
    fast, slow = by_jobs(math.log(2), (1.0, 1.01, 0.99)), by_jobs(0.0, (1.0, 1.01, 0.99))
    assert chances([fast, slow, slow, slow])[0] > 0.9999


def test_equals_have_equal_chances_even_without_any_spread() -> None:
    assert chances([by_jobs(0.5, (1.0, 1.0, 1.0))] * 4) == pytest.approx([0.25] * 4)
    assert chances([by_jobs(0.5, (1.0,) * 3), by_jobs(0.6, (1.0,) * 3)]) == pytest.approx([0.0, 1.0])
    assert weightings(np.zeros((3, 2))) == pytest.approx([1 / 3] * 3)


def test_the_chance_of_a_ranking_is_that_of_its_jobs() -> None:
    times = {"a": ((1.0, 1.03, 0.99), (2.0, 2.1, 2.05)), "b": ((0.98, 1.04, 0.97), (2.1, 2.0, 2.04))}
    systems = [(name, (result("ml/mlp", first), result("lattice/solve", second))) for name, (first, second) in times.items()]
    found = rank(systems, "a", EQUAL)
    scores = {name: [-0.5 * (math.log(x) + math.log(y)) for x, y in zip(*both, strict=True)] for name, both in times.items()}
    want = dict(zip(times, chances([by_jobs(fmean(jobs), jobs) for jobs in scores.values()]), strict=True))
    for one in found.standings:
        assert one.first == pytest.approx(want[one.system], abs=1e-9)


def test_weightings_are_uniform_over_all_weights() -> None:
    scores = np.array([[1.0, 0.0], [0.0, 3.0]])  # the first where its family weighs more than 3/4: a quarter of all
    assert weightings(scores) == pytest.approx([0.25, 0.75], abs=0.01)
    three = np.eye(3) - np.array([[0.0], [0.0], [0.5]])
    rng = np.random.default_rng(5)
    drawn = rng.exponential(size=(100_000, 3))
    want = np.bincount(np.argmax(drawn / drawn.sum(1, keepdims=True) @ three.T, axis=1), minlength=3) / 100_000
    assert weightings(three) == pytest.approx(want.tolist(), abs=0.015)


def test_a_flip_is_where_the_first_place_changes_hands() -> None:
    found = rank([A, B], "a", EQUAL)  # b: lattice 2, ml 1/4
    assert found.standings[0].system == "a"
    (ml, lattice) = sorted(found.flips, key=lambda flip: flip.at)
    assert (ml.family, ml.share, ml.then) == ("ml", 0.5, "b")
    assert ml.at == pytest.approx(1 / 3)  # b gains (1 - x) log 2 by lattice and loses 2 x log 2 by ml
    assert (lattice.family, lattice.then) == ("lattice", "b")
    assert lattice.at == pytest.approx(2 / 3)


def brute(scores: Array, shares: Sequence[float], family: int, grid: Sequence[float]) -> list[int]:
    """Return who is first with each share of a family."""
    firsts = []
    for x in grid:
        weights = [x if other == family else share * (1 - x) / (1 - shares[family]) for other, share in enumerate(shares)]
        firsts.append(int(np.argmax(scores @ np.array(weights))))
    return firsts


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(2, 8), st.integers(2, 6))
def test_flips_are_those_that_a_search_finds(seed: int, systems: int, families: int) -> None:
    rng = np.random.default_rng(seed)
    scores, shares = rng.normal(size=(systems, families)), [float(x) for x in rng.dirichlet(np.ones(families))]
    scores = scores[np.argsort(-(scores @ np.array(shares)))]
    found = flips(scores, shares)
    grid = np.linspace(0, 1, 2001)
    for family, share in enumerate(shares):
        firsts = brute(scores, shares, family, grid.tolist())
        for beyond, near in ((1, grid >= share), (-1, grid <= share)):
            side = [(float(grid[k]), firsts[k]) for k in np.flatnonzero(near)[::beyond]]
            want = next(((x, first) for x, first in side if first != 0), None)
            mine = [(at, then) for where, at, then in found if where == family and (at - share) * beyond > 0]
            if want is None:
                assert all(min(at, 1 - at) < 1e-3 for at, _ in mine)
            else:
                ((at, then),) = mine
                assert 0 <= (want[0] - at) * beyond < 1 / 2000 + 1e-9
                assert brute(scores, shares, family, [at + beyond * 1e-7]) == [then]


def test_a_family_that_is_all_there_is_flips_nothing() -> None:
    assert flips(np.array([[1.0], [0.5]]), [1.0]) == []
    assert flips(np.array([[1.0, 1.0], [1.0, 1.0]]), [0.5, 0.5]) == []


@st.composite
def systems(draw: st.DrawFn) -> list[Named]:
    """Draw systems of up to two implementations and four jobs, of which few lack a result; the first is the reference.

    Times come from a seed: of single floats most would be drawn equal and simple.
    """
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    found = []
    for number in range(draw(st.integers(2, 5))):
        results = []
        jobs = [f"job {job}" for job in range(rng.integers(1, 5))]
        for problem in PROBLEMS:
            least = 1 if number == 0 else int(rng.random() > 0.05)
            for impl in ("native", "torch")[: rng.integers(least, 3)]:
                times = [float(x) for x in np.exp(rng.uniform(-3, 3, len(jobs)))]
                one = result(problem, times, impl, str(rng.choice(["cpu:0", "cuda:0"])))
                some = jobs if rng.random() < 0.9 else [str(rng.choice(jobs))]
                results.append(only(one, some))
        found.append((f"s{number}", tuple(results)))
    return found


weights = st.fixed_dictionaries(
    {family: st.sampled_from((0.0, 0.5, 1.0, 2.0)) for family in ("lattice", "ml", "generators")}
).map(lambda families: replace(EQUAL, families=families))


def place(ranking: Ranking, name: str) -> int:
    """Return how many are ranked before a system, or equal to it; all where it is not ranked."""
    own = standing(ranking, name).overall
    if own is None:
        return len(ranking.standings)
    return sum(one.overall is not None and one.overall > own for one in ranking.standings)


def no_better(before: Ranking, after: Ranking, name: str) -> None:
    old, new = standing(before, name).overall, standing(after, name).overall
    assert new is None or (old is not None and new <= old)
    assert place(after, name) >= place(before, name)


property_based = settings(max_examples=100, deadline=None, derandomize=True)


@property_based
@given(systems(), weights, st.data())
def test_a_missing_case_never_improves_a_place(found: list[Named], asked: Weights, data: st.DataObject) -> None:
    others = [one for one in found[1:] if one[1]]
    assume(others)
    name, results = data.draw(st.sampled_from(others))
    gone = data.draw(st.integers(0, len(results) - 1))
    fewer = [(other, kept if other != name else (*kept[:gone], *kept[gone + 1 :])) for other, kept in found]
    before = rank(found, "s0", asked)
    (left,) = (kept for other, kept in fewer if other == name)
    assume(jobs_of(left, before) == jobs_of(results, before))  # a job of which nothing is left leaves no trace
    no_better(before, rank(fewer, "s0", asked), name)


def jobs_of(results: Sequence[Result], ranking: Ranking) -> set[str]:
    """Return the jobs that hold a required problem."""
    required = {problem for problems in ranking.required.values() for problem in problems}
    return {job for one in results if one.case.problem in required for job, _ in one.jobs}


@settings(max_examples=300, deadline=None, derandomize=True)
@given(systems(), weights, st.data())
def test_what_one_job_lacks_never_improves_score_place_or_chance(found: list[Named], asked: Weights, data: st.DataObject) -> None:
    name, results = data.draw(st.sampled_from([one for one in found[1:] if one[1]] or found[:1]))
    assume(name != "s0")
    job, problem = data.draw(st.sampled_from(sorted({(job, one.case.problem) for one in results for job, _ in one.jobs})))
    left = [
        only(one, [kept for kept, _ in one.jobs if one.case.problem != problem or kept != job])
        for one in results
        if (one.case.problem != problem or [kept for kept, _ in one.jobs] != [job])
    ]
    before = rank(found, "s0", asked)
    assume(jobs_of(left, before) == jobs_of(results, before))
    after = rank([(other, kept if other != name else tuple(left)) for other, kept in found], "s0", asked)
    no_better(before, after, name)
    if problem in {one for problems in before.required.values() for one in problems}:
        assert (standing(after, name).overall, standing(after, name).first) == (None, None)
    else:
        assert standing(after, name) == standing(before, name)


@property_based
@given(systems(), weights, st.data(), st.floats(1.0, 50.0))
def test_a_slower_case_never_improves_a_place(found: list[Named], asked: Weights, data: st.DataObject, factor: float) -> None:
    name, results = data.draw(st.sampled_from([one for one in found if one[1]]))
    slow = data.draw(st.integers(0, len(results) - 1))
    old = results[slow]
    new = result(old.case.workload, [factor * x for _, x in old.jobs], old.case.impl, old.resources.device)
    new = replace(new, jobs=tuple((job, factor * x) for job, x in old.jobs))
    slower = [(other, kept if other != name else (*kept[:slow], new, *kept[slow + 1 :])) for other, kept in found]
    no_better(rank(found, "s0", asked), rank(slower, "s0", asked), name)


@property_based
@given(systems(), weights)
def test_names_and_order_change_nothing(found: list[Named], asked: Weights) -> None:
    before = rank(found, "s0", asked)
    shuffled = [(name, results[::-1]) for name, results in reversed(found)]
    assert rank(shuffled, "s0", asked) == before
    renamed = [(f"z{9 - int(name[1:])}", results) for name, results in found]
    after = rank(renamed, "z9", asked)
    for one in before.standings:
        other = standing(after, f"z{9 - int(one.system[1:])}")
        assert replace(other, system=one.system, first=None) == replace(one, first=None)
        assert other.first == pytest.approx(one.first, abs=1e-12)
    assert [(flip.family, flip.share, flip.at) for flip in after.flips] == [
        (flip.family, flip.share, flip.at) for flip in before.flips
    ]


@property_based
@given(systems(), weights, st.floats(1e-3, 1e3))
def test_only_the_relation_of_weights_matters(found: list[Named], asked: Weights, factor: float) -> None:
    before = rank(found, "s0", asked)
    scaled = {family: factor * weight for family, weight in asked.families.items()}
    after = rank(found, "s0", replace(asked, families=scaled))
    assert after.required == before.required
    for one in before.standings:
        other = standing(after, one.system)
        assert other.overall == (None if one.overall is None else pytest.approx(one.overall, rel=1e-12))
        assert other.first == (None if one.first is None else pytest.approx(one.first, abs=1e-9))
        assert other.first_of_weightings == one.first_of_weightings


@property_based
@given(systems(), weights)
def test_the_reference_is_exactly_one_and_chances_sum_to_one(found: list[Named], asked: Weights) -> None:
    ranking = rank(found, "s0", asked)
    own = standing(ranking, "s0")
    if not ranking.required:
        assert all(one.overall is None for one in ranking.standings)
        return
    assert (own.overall, own.low, own.high) == (1.0, 1.0, 1.0)
    assert set(own.families.values()) == {1.0}
    ranked = [one for one in ranking.standings if one.overall is not None]
    assert math.fsum(one.first or 0 for one in ranked) == pytest.approx(1.0)
    assert math.fsum(one.first_of_weightings or 0 for one in ranked) == pytest.approx(1.0)
    assert all(one.low is not None and one.high is not None and one.low <= (one.overall or 0) <= one.high for one in ranked)
