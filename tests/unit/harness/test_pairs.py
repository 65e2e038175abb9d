"""The gate's loop: what a careful person would say of each pair of sides, launch by launch."""

import math
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

import ngtbench
from ngtbench.harness import gate, pairs
from ngtbench.harness.attempt import attempt
from ngtbench.harness.launch import WorkerDied
from ngtbench.harness.sides import Listed
from ngtbench.model.case import Case, Job, Metric, Resources, Skip
from ngtbench.model.gate import Decision, Judged, Rule, SideName, State
from ngtbench.model.record import Health, Outcome
from tests.records import VERDICT, WORK, case, done, measurement
from tests.unit.harness.gating import FOREVER_S, Gate, flagged, job, listed, places, steady

Patch = pytest.MonkeyPatch


def test_unchanged_code_passes_in_six_pairs(monkeypatch: Patch) -> None:
    one = Gate(steady())
    judged = one.one(monkeypatch)
    assert (judged.status, len(judged.pairs), judged.fresh_pairs) == ("pass", 6, ())
    assert judged.metric == "wall_s"
    assert len(one.kept) == 12
    assert [decision.pairs for decision in one.told] == [1, 2, 3, 4, 5, 6]


def test_a_slowdown_fails_only_once_fresh_pairs_confirm_it(monkeypatch: Patch) -> None:
    judged = Gate(steady(candidate_s=1.1e-3)).one(monkeypatch)
    assert (judged.status, len(judged.pairs), len(judged.fresh_pairs)) == ("fail", 6, 6)
    assert judged.decision is not None
    assert judged.confirmation is not None
    assert judged.decision.estimate == pytest.approx(math.log(1.1))
    assert judged.confirmation.state == "fail"


def test_a_failure_that_fresh_pairs_do_not_confirm_is_inconclusive(monkeypatch: Patch) -> None:
    def says(name: SideName, launched: Job) -> Outcome:
        return done([1.2e-3 if name == "candidate" and launched.launch < 6 else 1e-3] * 20)

    judged = Gate(says).one(monkeypatch)
    assert judged.status == "inconclusive"
    assert "do not confirm" in judged.reason
    assert judged.decision is not None
    assert judged.decision.state == "fail"


def test_a_gain_passes(monkeypatch: Patch) -> None:
    assert Gate(steady(candidate_s=0.5e-3)).one(monkeypatch).status == "pass"


@pytest.mark.parametrize(("baseline", "candidate", "status"), [(100.0, 80.0, "fail"), (80.0, 100.0, "pass")])
def test_the_direction_is_the_workloads(monkeypatch: Patch, baseline: float, candidate: float, status: str) -> None:
    def says(name: SideName, launched: Job) -> Outcome:
        taken = measurement([1e-3] * 20, rate_per_s=[baseline if name == "baseline" else candidate] * 20)
        return replace(done(), measurement=taken, metrics=(Metric("rate_per_s", "higher"),))

    judged = Gate(says).one(monkeypatch)
    assert (judged.status, judged.rule.better) == (status, "higher")
    assert judged.fastest_ratio == pytest.approx(baseline / candidate)


def test_a_rule_may_name_another_metric_and_direction(monkeypatch: Patch) -> None:
    def says(name: SideName, launched: Job) -> Outcome:
        return replace(done(), measurement=measurement([1e-3] * 20, hits=[10.0 if name == "baseline" else 5.0] * 20))

    assert Gate(says).one(monkeypatch, Rule(metric="hits", better="higher")).status == "fail"
    assert Gate(says).one(monkeypatch, Rule(metric="hits", better="lower")).status == "pass"
    judged = Gate(says).one(monkeypatch, Rule(metric="absent"))
    assert (judged.status, judged.reason) == ("error", "the baseline has no samples of absent: it has wall_s, hits")


@pytest.mark.parametrize("bad", [math.nan, math.inf, 0.0, -1e-3])
def test_a_sample_that_is_no_positive_number_is_an_error(monkeypatch: Patch, bad: float) -> None:
    def says(name: SideName, launched: Job) -> Outcome:
        return done([1e-3] * 19 + [bad if name == "candidate" else 1e-3])

    judged = Gate(says).one(monkeypatch)
    assert judged.status == "error"
    assert "the candidate has samples of wall_s that are no positive numbers" in judged.reason


def test_one_sample_a_launch_can_be_judged(monkeypatch: Patch) -> None:
    assert Gate(lambda name, launched: done([1e-3])).one(monkeypatch).status == "pass"


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome("wrong", reason="error 0.2", verdict=VERDICT), "wrong on the candidate's side: error 0.2"),
        (Outcome("failed", reason="signal 9"), "failed on the candidate's side: signal 9"),
        (Outcome("skipped", reason="no GPU"), "skipped on the candidate's side: no GPU"),
    ],
)
def test_what_does_not_end_well_on_one_side_is_an_error(monkeypatch: Patch, outcome: Outcome, words: str) -> None:
    one = Gate(lambda name, launched: outcome if name == "candidate" else done())
    judged = one.one(monkeypatch)
    assert (judged.status, judged.reason) == ("error", words)
    assert one.kept[-1][1].outcome is outcome  # it is in the records too
    assert gate.exit_code([judged]) == 2


def test_sides_that_do_other_work_are_not_compared(monkeypatch: Patch) -> None:
    judged = Gate(lambda name, launched: done(work=replace(WORK, flop=len(name)))).one(monkeypatch)
    assert judged.status == "error"
    assert "raise the workload's version" in judged.reason


def test_other_inputs_are_another_problem(monkeypatch: Patch) -> None:
    judged = Gate(lambda name, launched: replace(done(), verdict=replace(VERDICT, inputs_digest=name))).one(monkeypatch)
    assert (judged.status, judged.reason) == (
        "error",
        "the sides have other inputs under one case id: raise the workload's version",
    )


@pytest.mark.parametrize("loose", [{"tolerance": 0.9}, {"check": "invariants"}])
def test_sides_that_are_judged_by_another_measure_are_not_compared(monkeypatch: Patch, loose: dict[str, Any]) -> None:
    looser = replace(VERDICT, **loose)
    judged = Gate(lambda name, launched: done() if name == "baseline" else replace(done(), verdict=looser)).one(monkeypatch)
    assert judged.status == "error"
    assert "are checked otherwise" in judged.reason


def test_what_exceeds_the_data_sheet_is_an_error(monkeypatch: Patch) -> None:
    one = Gate(steady(candidate_s=1e-5))
    sheet = Outcome("failed", reason="reaches 300 % of the data sheet's memory bandwidth")
    one.asked = replace(one.asked, ceiling=lambda launched, outcome: sheet)
    monkeypatch.setattr(pairs, "Worker", Stub)
    monkeypatch.setattr(pairs, "attempt", lambda worker, launched, **more: done())
    ended = pairs._once(job(), "candidate", places()["candidate"], one.asked, 0.0)
    assert ended.outcome is sheet


def test_a_case_that_one_side_lacks_is_an_error_and_one_that_both_skip_is_not(monkeypatch: Patch) -> None:
    new, gone, here = (job(case(impl=impl)) for impl in ("new", "gone", "here"))
    absent, half = (Skip(case(impl=impl), Resources("cuda:0", 1, False), "no GPU") for impl in ("absent", "half"))
    half_job = job(half.case, half.resources)
    one = Gate(steady())
    verdicts = one.judge(
        monkeypatch,
        listings={
            "baseline": listed(gone, here, half_job, skipped=[absent]),
            "candidate": listed(new, here, skipped=[absent, half]),
        },
    )
    found = {judged.case.split("/")[3]: (judged.status, judged.reason) for judged in verdicts}
    assert found["new"] == ("error", "missing on the baseline's side")
    assert found["gone"] == ("error", "missing on the candidate's side")
    assert found["half"] == ("error", "skipped on the candidate's side: no GPU")
    assert found["absent"] == ("skipped", "skipped on both sides: no GPU")
    assert found["here"][0] == "pass"
    assert gate.exit_code(verdicts) == 2


def test_sides_on_other_threads_are_not_compared(monkeypatch: Patch) -> None:
    one, four = (job(resources=Resources("cpu:0", threads, True)) for threads in (1, 4))
    judged = Gate(steady()).one(monkeypatch, listings={"baseline": listed(one), "candidate": listed(four)})
    assert judged.status == "error"
    assert "threads=1" in judged.reason
    assert "threads=4" in judged.reason


def test_a_disturbed_launch_is_redone_and_counted(monkeypatch: Patch) -> None:
    seen: Counter[SideName] = Counter()

    def says(name: SideName, launched: Job) -> Outcome:
        seen[name] += 1
        return flagged(done([1e-3] * 20), throttled=0.5) if seen[name] == 1 else done([1e-3] * 20)

    one = Gate(says)
    judged = one.one(monkeypatch)
    assert judged.status == "pass"
    assert sorted(judged.discarded) == [
        "baseline, pair 0: throttled for 50 % of the window",
        "candidate, pair 0: throttled for 50 % of the window",
    ]
    assert len(one.kept) == 12
    assert [ended.redone for _, ended in one.kept[:2]] == [("throttled for 50 % of the window",)] * 2


def test_too_many_disturbed_launches_are_inconclusive(monkeypatch: Patch) -> None:
    one = Gate(lambda name, launched: flagged(done(), throttled=0.2))
    judged = one.one(monkeypatch)
    assert judged.status == "inconclusive"
    assert "throttled for 20 %" in judged.reason
    assert len(one.launched) == pairs.DISCARDS + 1
    assert gate.exit_code([judged]) == 3


def test_of_many_launches_a_fifth_may_be_disturbed(monkeypatch: Patch) -> None:
    tries: Counter[int] = Counter()

    def says(name: SideName, launched: Job) -> Outcome:
        tries[launched.launch] += 1
        late = launched.launch >= 30 and tries[launched.launch] <= 2
        swing = 2.0 if (launched.launch % 2 == 0) == (name == "baseline") else 1.0
        return flagged(done([1e-3 * swing] * 20), **({"throttled": 0.5} if late else {}))

    judged = Gate(says).one(monkeypatch)
    assert 30 + pairs.DISCARDS // 4 < len(judged.pairs) < 40
    assert pairs.DISCARDS < len(judged.discarded) <= pairs.DISCARDED_SHARE * 2 * len(judged.pairs) + 1
    assert judged.status == "inconclusive"


def test_what_disturbs_depends_on_the_device() -> None:
    taken = measurement()
    worse = replace(done(), measurement=replace(taken, before=Health(ecc_errors=1), after=Health(ecc_errors=3)))
    for device in ("cpu:0", "cuda:0"):
        assert "2 uncorrected memory errors" in (pairs.disturbance(device, worse) or "")
        assert pairs.disturbance(device, flagged(done(), throttled=0.01, clock_moved=0.01, drift=1.0)) is None
        assert pairs.disturbance(device, flagged(done(), power_capped=0.9, clock_moved=-0.2)) is None
    assert pairs.disturbance("cpu:0", flagged(done(), clock_moved=-0.2, shared_device=0.5)) is None
    assert pairs.disturbance("cuda:0", flagged(done(), clock_moved=-0.2)) == "the clock moved by -20 %"
    assert pairs.disturbance("cuda:0", flagged(done(), shared_device=0.5)) == "others used 50 % of the device"


def test_flags_that_do_not_decide_are_told(monkeypatch: Patch) -> None:
    judged = Gate(lambda name, launched: flagged(done(), shared_device=0.1 + 0.01 * launched.launch, swapping=7.0)).one(
        monkeypatch
    )
    assert judged.status == "pass"
    assert judged.notes == (
        "flagged in some launch: shared device, up to 0.15",
        "flagged in some launch: swapping, up to 7",
    )


@pytest.mark.parametrize("candidate_s", [1e-3, 2e-3])
def test_a_coarse_timer_decides_nothing(monkeypatch: Patch, candidate_s: float) -> None:
    said = steady(candidate_s=candidate_s)
    judged = Gate(lambda name, launched: flagged(said(name, launched), timer_coarse=0.15)).one(monkeypatch)
    assert judged.status == "inconclusive"
    assert judged.reason == "the timer is too coarse: a step is 15 % of a sample"
    fine = Gate(lambda name, launched: flagged(said(name, launched), timer_coarse=0.002)).one(monkeypatch)
    assert fine.status == ("pass" if candidate_s == 1e-3 else "fail")


def test_a_floor_that_was_set_lets_pass_and_the_usual_one_never_hides_all(monkeypatch: Patch) -> None:
    judged = Gate(steady(5e-6, 6e-6)).one(monkeypatch)
    assert judged.status == "inconclusive"
    assert judged.reason == "worse, but by 1 µs, and below the floor of 2 µs nothing fails: set a floor for this case"
    assert "blind below 40 %: the floor of 2 µs exceeds the tolerance here" in judged.notes
    assert Gate(steady(5e-6, 5e-6)).one(monkeypatch).status == "pass"
    judged = Gate(steady(5e-6, 6e-6)).one(monkeypatch, Rule(floor=2e-6))
    assert (judged.status, judged.reason) == ("pass", "worse, but by 1 µs, and below the floor of 2 µs nothing fails")
    assert Gate(steady(5e-6, 6e-6)).one(monkeypatch, Rule(floor=0.5e-6)).status == "fail"
    assert Gate(steady(1e-3, 1.2e-3)).one(monkeypatch, Rule(floor=1.0)).status == "pass"


def test_only_times_per_call_have_a_usual_floor(monkeypatch: Patch) -> None:
    def says(name: SideName, launched: Job) -> Outcome:
        slow = name == "candidate"
        taken = measurement([1e-3] * 20, latency_s=[9e-7 if slow else 1e-7] * 20, hits_per_s=[1e-7 if slow else 9e-7] * 20)
        return replace(done(), measurement=taken)

    assert Gate(says).one(monkeypatch, Rule(metric="latency_s")).status == "fail"
    assert Gate(says).one(monkeypatch, Rule(metric="hits_per_s", better="higher")).status == "fail"


def test_expensive_empty_calls_raise_the_floor_and_one_of_them_does_not(monkeypatch: Patch) -> None:
    def says(name: SideName, launched: Job, usual_s: float) -> Outcome:
        outcome = done([1e-4 if name == "baseline" else 1.2e-4] * 20)
        assert outcome.measurement is not None
        overhead_s = 1e-5 if launched.launch == 0 and name == "baseline" else usual_s
        return replace(outcome, measurement=replace(outcome.measurement, overhead_s=overhead_s))

    assert Gate(lambda name, launched: says(name, launched, 1e-7)).one(monkeypatch).status == "fail"
    judged = Gate(lambda name, launched: says(name, launched, 1e-5)).one(monkeypatch)
    assert judged.status == "inconclusive"
    assert "floor of 30 µs" in judged.reason


def test_noise_without_end_is_inconclusive_at_the_rules_last_pair(monkeypatch: Patch) -> None:
    def says(name: SideName, launched: Job) -> Outcome:
        return done([1e-3 * (2.0 if (launched.launch % 2 == 0) == (name == "baseline") else 1.0)] * 20)

    judged = Gate(says).one(monkeypatch, Rule(max_pairs=12))
    assert (judged.status, len(judged.pairs)) == ("inconclusive", 12)


def test_two_groups_of_launches_are_shown_and_do_not_fail_by_their_mix(monkeypatch: Patch) -> None:
    slow = {"baseline": (0, 1, 2), "candidate": (2, 3, 4)}

    def says(name: SideName, launched: Job) -> Outcome:
        mode = 1.12 if launched.launch % 6 in slow[name] else 1.0
        return done([1e-3 * mode * (1 + 1e-4 * launched.launch)] * 20)

    judged = Gate(says).one(monkeypatch, Rule(max_pairs=12))
    assert judged.status != "fail"
    assert set(judged.modes) == {"baseline", "candidate"}
    assert len(judged.modes["candidate"].slow) == len(judged.modes["candidate"].fast)
    assert any("two groups" in note for note in judged.notes)
    assert judged.fastest_ratio == pytest.approx(1.0, abs=1e-3)


def test_the_time_limit_leaves_the_undecided_inconclusive(monkeypatch: Patch) -> None:
    one = Gate(steady())
    one.asked = replace(one.asked, deadline_s=0.0)
    judged = one.one(monkeypatch)
    assert (judged.status, judged.reason) == ("inconclusive", "the time limit came after 1 pairs")


def test_order_is_drawn_recorded_and_repeatable(monkeypatch: Patch) -> None:
    runs = [Gate(steady()) for _ in range(3)]
    runs[2].asked = replace(runs[2].asked, seed=2)
    verdicts = [one.one(monkeypatch, Rule(max_pairs=40)) for one in runs]
    firsts = [[pair.first for pair in judged.pairs] for judged in verdicts]
    assert firsts[0] == firsts[1] == [runs[0].launched[2 * k][0] for k in range(6)]
    assert firsts[0] != firsts[2]
    assert sorted(runs[0].launched) == sorted((name, k, 1 + k) for name in pairs.NAMES for k in range(6))


def test_pairs_of_several_benchmarks_are_interleaved(monkeypatch: Patch) -> None:
    jobs = [job(case(impl=impl)) for impl in ("a", "b", "c")]
    one = Gate(steady())
    verdicts = one.judge(monkeypatch, listings={"baseline": listed(*jobs), "candidate": listed(*jobs)})
    assert {judged.status for judged in verdicts} == {"pass"}
    rounds = [[ended.job.case.impl for _, ended in one.kept[6 * k : 6 * k + 6 : 2]] for k in range(6)]
    assert all(sorted(impls) == ["a", "b", "c"] for impls in rounds)
    assert len({tuple(impls) for impls in rounds}) > 1, "in another order every time"


def test_the_slowdown_is_injected_into_the_candidate_alone(monkeypatch: Patch) -> None:
    one = Gate(steady())
    one.asked = replace(one.asked, slower=0.1)
    one.one(monkeypatch)
    assert {(name, slower) for (name, _, _), slower in zip(one.launched, one.slower, strict=True)} == {
        ("baseline", 0.0),
        ("candidate", 0.1),
    }


class Stub:
    """A worker that is asked nothing."""

    environment: ClassVar[dict[str, str]] = {}
    package = "nowhere"

    def __init__(self, *words: object, **more: object) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("impl", "words"),
    [("killed", "SIGKILL"), ("exits", "exit code 7"), ("hangs", "no answer within 3 s"), ("forges", "no JSON")],
)
def test_a_worker_that_dies_or_talks_nonsense_costs_its_launch_alone(monkeypatch: Patch, impl: str, words: str) -> None:
    evil = Path(__file__).parents[2] / "end_to_end" / "workloads"
    monkeypatch.setattr(pairs, "attempt", lambda worker, launched, **more: attempt(worker, launched, workloads=str(evil), **more))
    here = Path(ngtbench.__file__).parent
    at = replace(places()["candidate"], python=sys.executable, package=here)
    launched = job(Case("evil/double", 1, "XS", impl, "float64"), Resources("cpu:0", 1, False))
    ended = pairs._once(launched, "candidate", at, pairs.Asked(1, 0.05, 3.0, FOREVER_S), 0.0)
    assert ended.outcome.status == "failed"
    assert words in (ended.outcome.reason or "")


def test_a_worker_that_dies_is_a_failed_launch_and_is_kept(monkeypatch: Patch) -> None:
    def dies(*words: object, **more: object) -> None:
        raise WorkerDied("worker ended by signal 11 (SIGSEGV) while measure")

    monkeypatch.setattr(pairs, "Worker", dies)
    kept: list[str] = []
    both: dict[SideName, Listed] = {"baseline": listed(job()), "candidate": listed(job())}
    asked = pairs.Asked(1, 1.0, 1.0, FOREVER_S)
    rules = {f"{case().id} on cpu:0": Rule()}
    (judged,) = gate.judge(places(), both, rules, asked, lambda name, ended: kept.append(ended.outcome.status))
    assert judged.status == "error"
    assert "SIGSEGV" in judged.reason
    assert kept == ["failed"]


def test_the_exit_code_is_the_worst() -> None:
    def judged(*statuses: str) -> list[Judged]:
        return [Judged("c", "cpu:0", 1, status, "", Rule()) for status in statuses]  # type: ignore[arg-type]

    table = [
        (("pass", "pass"), 0),
        (("pass", "skipped"), 0),
        (("pass", "fail", "inconclusive"), 1),
        (("pass", "inconclusive"), 3),
        (("fail", "error"), 2),
        (("skipped",), 2),
        ((), 2),
    ]
    assert [gate.exit_code(judged(*statuses)) for statuses, _ in table] == [code for _, code in table]


def test_the_verdict_is_that_of_decide(monkeypatch: Patch) -> None:
    asked: list[tuple[list[float], float, int]] = []

    def decide(ratios: list[float], *, tolerance: float, max_pairs: int) -> Decision:
        asked.append((list(ratios), tolerance, max_pairs))
        state: State = "inconclusive" if len(ratios) == 3 else "continue"
        return Decision(state, len(ratios), 0.0, 1.0, 1.0, 1.0, 99, tolerance, "by decree")

    monkeypatch.setattr("ngtbench.analysis.gate.decide", decide)
    judged = Gate(steady(candidate_s=1.1e-3)).one(monkeypatch, Rule(tolerance=0.07, max_pairs=33))
    assert (judged.status, judged.reason) == ("inconclusive", "by decree")
    assert [(len(ratios), *rest) for ratios, *rest in asked] == [(k, 0.07, 33) for k in (1, 2, 3)]
    assert asked[-1][0] == pytest.approx([math.log(1.1)] * 3)
