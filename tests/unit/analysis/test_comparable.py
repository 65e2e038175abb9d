"""What must not be divided says why, with both values; what may has everything that a reader must know beside it."""

from dataclasses import replace

import pytest

from ngtbench.analysis.comparable import ACCEPTABLE, figure, incomparable, notes
from ngtbench.analysis.compare import compare
from ngtbench.analysis.results import results
from ngtbench.model.case import Metric, Resources
from ngtbench.model.comparison import Interval, Result
from ngtbench.model.gate import Modes
from ngtbench.model.record import Outcome
from tests.records import STEADY, VERDICT, WORK, case, done, measurement, run

WRONG = Outcome("wrong", reason="off", verdict=replace(VERDICT, passed=False))
(PLAIN,) = results([run()])


def of(outcome: Outcome) -> Result:
    (found,) = results([run(outcome)])
    return found


def on(**changed: object) -> Result:
    return replace(PLAIN, resources=replace(PLAIN.resources, **changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        (PLAIN, replace(PLAIN, case=case(version=2)), "workload version 1 against 2: not the same problem"),
        (PLAIN, replace(PLAIN, case=case(size="S")), "size M against S: not the same problem"),
        (PLAIN, of(WRONG), "B wrong: off"),
        (of(Outcome("failed", reason="died")), PLAIN, "A failed: died"),
        (of(Outcome("failed", reason="died")), of(WRONG), "A failed: died; B wrong: off"),
        (PLAIN, of(Outcome("skipped", reason="no torch")), "B skipped: no torch"),
        (of(WRONG), of(WRONG), "A and B wrong: off"),
        (PLAIN, of(done(work=replace(WORK, flop=1))), f"the work differs: {WORK} against {replace(WORK, flop=1)}"),
        (PLAIN, on(ranks=2), "ranks 1 against 2"),
        (PLAIN, on(clients=4), "clients 1 against 4"),
        (PLAIN, on(neighbour="x"), "neighbour none against x"),
        (
            PLAIN,
            of(replace(done(), metrics=(Metric("wall_s", "higher"),))),
            "the figure of merit differs: wall_s (lower is better) against wall_s (higher is better)",
        ),
        (PLAIN, replace(PLAIN, profiler="perf"), "B was watched by perf"),
        (
            PLAIN,
            replace(PLAIN, verdict=replace(VERDICT, tolerance=1e-6, check="spot")),
            "tolerance: A 1e-15, checked in full against B 1e-06, checked in a sample",
        ),
        (PLAIN, replace(PLAIN, verdict=replace(VERDICT, check="spot")), "checked in full against B 1e-15, checked in a sample"),
        (replace(PLAIN, synthetic=True), PLAIN, "synthetic against measured"),
    ],
)
def test_what_is_not_comparable_names_both_values(a: Result, b: Result, reason: str) -> None:
    for accept in ((), ACCEPTABLE):
        assert reason in (incomparable(a, b, accept) or "")


def test_a_reason_stands_in_the_place_of_a_ratio() -> None:
    (found,) = compare([PLAIN], [on(ranks=2)])
    assert (found.ratio, found.low, found.distinct, found.reason) == (None, None, None, "ranks 1 against 2")


CONDITIONS = [
    (
        "deviations",
        replace(PLAIN, deviations=("power limit 300 W of 700 W", "ECC is off")),
        PLAIN,
        "deviating device: A power limit 300 W of 700 W; ECC is off against B none",
    ),
    ("shared", PLAIN, replace(PLAIN, flags={"shared_device": 0.12}), "shared device: A no against B others used 12 %"),
    ("unconverged", replace(PLAIN, flags={"not_converged": 0.05}), PLAIN, "not converged: A half-width 5 % against B no"),
    (
        "threads",
        replace(on(threads=24), whole=True),
        PLAIN,
        "thread budget: A 24 (all of its machine) against B 8 (a part of its machine)",
    ),
]


@pytest.mark.parametrize(("name", "a", "b", "words"), CONDITIONS)
def test_what_a_reader_accepts_becomes_a_note(name: str, a: Result, b: Result, words: str) -> None:
    assert incomparable(a, b) == words
    assert incomparable(a, b, set(ACCEPTABLE) - {name}) == words
    assert incomparable(a, b, {name}) is None
    (refused,), (accepted,) = compare([a], [b]), compare([a], [b], accept={name})
    assert (refused.ratio, refused.reason) == (None, words)
    assert (accepted.ratio, accepted.reason) == (1.0, None)
    assert f"accepted: {words}" in accepted.notes
    assert not [note for note in accepted.notes if "not_converged" in note or "shared_device" in note]


def test_several_reasons_are_all_named() -> None:
    a = replace(on(ranks=2), deviations=("ECC is off",), flags={"not_converged": 0.05, "shared_device": 0.1})
    reason = incomparable(a, PLAIN) or ""
    assert [word in reason for word in ("ranks", "deviating", "shared", "not converged")] == [True] * 4


def test_equal_deviations_are_no_reason_and_are_said() -> None:
    a, b = (replace(PLAIN, deviations=words) for words in (("x", "y"), ("y", "x")))
    assert incomparable(a, b) is None
    assert "both deviate: x; y" in notes(a, b)


def test_threads_of_whole_machines_and_of_hosts_of_gpus_may_differ() -> None:
    a, b = replace(on(threads=24), whole=True), replace(PLAIN, whole=True)
    assert incomparable(a, b) is None
    assert "24 threads against 8, all of each machine" in notes(a, b)
    a, b = on(device="cuda:0", threads=24), on(device="rocm:0")
    assert incomparable(a, b) is None
    assert "24 threads against 8" in notes(a, b)
    assert "device cuda against rocm" in notes(a, b)


def test_differences_and_flags_stand_beside_the_ratio() -> None:
    a = replace(PLAIN, flags={"drift": 0.05}, throttle=("power cap",), variant="openmp", suite="0.2", modes=Modes((1.0,), (2.0,)))
    b = replace(on(bind=False), inputs=((1, "beef"),))
    assert notes(a, b) == (
        "binding bound against unbound",
        "variant openmp against none",
        f"suite 0.2 against {PLAIN.suite}",
        "inputs differ in bits though their seeds agree",
        "A: drift 0.05, throttled: power cap, launches fall into two groups",
        "within one launch",
    )
    assert "other seeds, so other inputs" in notes(PLAIN, replace(PLAIN, inputs=((2, "00ff"),)))


def test_what_the_interval_of_one_side_lacks_is_said_of_it() -> None:
    jobs = [replace(run(launch=k), provenance=replace(run().provenance, job=str(k))) for k in range(3)]
    (three,) = results(jobs)
    assert notes(three, PLAIN)[-1] == "B: within one launch"


def test_a_figure_that_is_no_positive_number_is_a_reason() -> None:
    def rated(*values: float) -> Result:
        taken = measurement(STEADY, net_per_s=values)
        return of(replace(done(), measurement=taken, metrics=(Metric("net_per_s", "higher"),)))

    assert incomparable(rated(2.0), rated(0.0)) == (
        "net_per_s is not positive in every job, so there is no ratio: A 2 against B 0"
    )
    assert incomparable(rated(-1.0), rated(-2.0)) is not None
    half = replace(rated(2.0), jobs=(("x", 5.0), ("y", -1.0)))
    assert "A 5, -1 against B 2" in (incomparable(half, rated(2.0)) or "")


def test_results_with_holes_do_not_crash() -> None:
    bare = Result(case(), Resources("cpu:0", 8, True), "done", 1, "ported", "0")
    odd = (
        bare,
        replace(bare, metric=Metric("wall_s")),
        replace(PLAIN, intervals={}),
        replace(PLAIN, verdict=None),
        replace(PLAIN, work=None),
        replace(PLAIN, jobs=(), launch_medians=()),
        replace(PLAIN, intervals={"wall_s": Interval(1.0, None, None, 1, 1, "")}),
        replace(PLAIN, intervals={"wall_s": Interval(float("nan"), None, None, 1, 1, "")}),
        replace(PLAIN, status="failed"),
    )
    for a in (*odd, PLAIN):
        for b in (*odd, PLAIN):
            for best in (False, True):
                (found,) = compare([a], [b], best=best)
                assert (found.ratio is None) == (found.reason is not None)
    assert figure(odd[2]) is figure(odd[7]) is figure(odd[8]) is None
    (found,) = compare([odd[6]], [PLAIN])
    assert (found.ratio, found.low, found.distinct) == (1000.0, None, None)
