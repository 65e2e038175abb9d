"""The gate on stored records: one machine, usable launches, and a verdict that says it is the weaker one."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ngtbench.errors import BadInput, Incomparable, RecordError
from ngtbench.harness import stored
from ngtbench.model.case import Selection
from ngtbench.model.gate import Judged, Rule
from ngtbench.model.record import Outcome, PlanRecord, RunRecord
from ngtbench.store import codec
from ngtbench.store.read import Reading, read
from tests.machines import gpu, machine
from tests.records import VERDICT, WORK, case, done, measurement, run, written

File = Callable[..., Reading]
KEY = f"{case().id} on cpu:0"


@pytest.fixture
def file(tmp_path: Path) -> File:
    """Return a function that writes launches and reads them."""

    def make(*runs: RunRecord, name: str = "a") -> Reading:
        return written(tmp_path / f"{name}.jsonl", machine(), *runs)

    return make


def launches(medians_s: Sequence[float]) -> tuple[RunRecord, ...]:
    return tuple(run(done([one] * 20), launch=number) for number, one in enumerate(medians_s))


def judge(baseline: Reading, candidate: Reading, rule: Rule | None = None) -> Judged:
    (judged,) = stored.judge(baseline, candidate, {KEY: rule or Rule()})
    return judged


@pytest.mark.parametrize(("factor", "status"), [(1.0, "pass"), (1.1, "fail"), (0.9, "pass"), (1.03, "pass")])
def test_launches_are_paired_in_their_order(file: File, factor: float, status: str) -> None:
    drifting = [1e-3 * (1 + 0.05 * k) for k in range(8)]
    judged = judge(file(*launches(drifting)), file(*launches([factor * x for x in drifting]), name="b"))
    assert (judged.status, len(judged.pairs)) == (status, 8)
    assert judged.pairs[3].baseline == pytest.approx(drifting[3])


def test_noise_is_inconclusive(file: File) -> None:
    swing = [1e-3, 1.4e-3] * 4
    assert judge(file(*launches(swing)), file(*launches(swing[::-1]), name="b")).status == "inconclusive"


def test_fewer_than_six_launches_decide_nothing(file: File) -> None:
    judged = judge(file(*launches([1e-3] * 5)), file(*launches([2e-3] * 9), name="b"))
    assert (judged.status, judged.reason) == ("inconclusive", "5 launches a side, 6 are the least: ngtbench run --launches 10")


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (Outcome("failed", reason="signal 9"), "launch 6 is not usable: failed: signal 9"),
        (Outcome("wrong", reason="off", verdict=VERDICT), "launch 6 is not usable: wrong: off"),
        (Outcome("skipped", reason="no GPU"), "launch 6 is not usable: skipped: no GPU"),
        (replace(done(), verdict=None), "launch 6 is not usable"),
        (replace(done(), measurement=measurement([])), "launch 6 is not usable"),
    ],
)
def test_one_launch_that_is_not_usable_is_an_error(file: File, bad: Outcome, words: str) -> None:
    good = launches([1e-3] * 6)
    judged = judge(file(*good), file(*good, run(bad, launch=6), name="b"))
    assert judged.status == "error"
    assert judged.reason.startswith(words)
    assert judged.reason.endswith("on the candidate's side")


def test_what_is_missing_or_skipped_on_both_sides(file: File) -> None:
    other = run(of=case(impl="numba"))
    judged = judge(file(*launches([1e-3] * 6)), file(other, name="b"))
    assert (judged.status, judged.reason) == ("error", "missing on the candidate's side")
    skip = run(Outcome("skipped", reason="no GPU"))
    judged = judge(file(skip, name="c"), file(skip, name="d"))
    assert (judged.status, judged.reason) == ("skipped", "skipped on both sides: no GPU")


def test_other_resources_or_other_work_are_not_compared(file: File) -> None:
    good = launches([1e-3] * 6)
    more = tuple(run(done([1e-3] * 20), launch=k, threads=4) for k in range(6))
    assert "different resources" in judge(file(*good), file(*more, name="b")).reason
    other = tuple(run(done([1e-3] * 20, replace(WORK, flop=1)), launch=k) for k in range(6))
    assert "other work" in judge(file(*good, name="c"), file(*other, name="d")).reason


def test_what_a_profiler_watched_is_never_compared(file: File) -> None:
    good = launches([1e-3] * 6)
    watched = tuple(replace(one, provenance=replace(one.provenance, profiler="perf")) for one in good)
    judged = judge(file(*good), file(*watched, name="b"))
    assert (judged.status, judged.reason) == ("error", "launch 0 was watched by perf on the candidate's side")


def test_floor_and_coarse_timer_hold_here_too(file: File) -> None:
    short, longer = launches([5e-6] * 6), launches([6e-6] * 6)
    judged = judge(file(*short), file(*longer, name="b"))
    assert judged.status == "inconclusive"
    assert judged.reason.startswith("worse, but by 1 µs")
    assert any("blind below 40 %" in note for note in judged.notes)
    assert judge(read(file(*short, name="c").path), file(*longer, name="d"), Rule(floor=0.0)).status == "fail"
    coarse = tuple(
        replace(one, outcome=replace(one.outcome, measurement=replace(measurement([1e-3] * 20), flags={"timer_coarse": 0.1})))
        for one in short
    )
    judged = judge(file(*coarse, name="e"), file(*coarse, name="f"))
    assert (judged.status, judged.reason) == ("inconclusive", "the timer is too coarse: a step is 10 % of a sample")


@pytest.mark.parametrize(
    ("flags", "words"),
    [({"throttled": 0.9}, "throttled for 90 % of the window"), ({"slowed_down": 0.1}, "slowed down on purpose, by a self-test")],
)
def test_a_disturbed_launch_is_not_usable(file: File, flags: dict[str, float], words: str) -> None:
    good = launches([1e-3] * 6)
    bad = run(replace(done(), measurement=replace(measurement(), flags=flags)), launch=6)
    judged = judge(file(*good), file(*good, bad, name="b"))
    assert (judged.status, judged.reason) == ("error", f"launch 6 is not usable: {words} on the candidate's side")


def test_what_was_planned_and_recorded_on_neither_side_is_an_error(file: File, tmp_path: Path) -> None:
    readings = []
    for name in ("a", "b"):
        reading = file(*launches([1e-3] * 6), name=name)
        gone = run(of=case("system/gone"))
        plan = PlanRecord(Selection(), 1, tuple(one.key for one in (*reading.runs, gone)), next(iter(reading.machines)))
        reading.path.write_text(reading.path.read_text() + codec.to_json(plan) + "\n")
        readings.append(read(reading.path))
    keys = stored.keys(readings[0])
    assert keys == [KEY, f"{case('system/gone').id} on cpu:0"]
    verdicts = {judged.case: judged for judged in stored.judge(readings[0], readings[1], dict.fromkeys(keys, Rule()))}
    assert verdicts[case().id].status == "pass"
    judged = verdicts[case("system/gone").id]
    assert (judged.status, judged.reason) == ("error", "planned, and recorded on neither side: finish it with --resume")


def test_two_machines_are_refused(file: File, tmp_path: Path) -> None:
    here = file(*launches([1e-3] * 6))
    there = written(tmp_path / "there.jsonl", machine(hostname="otherhost"), *launches([1e-3] * 6))
    richer = written(tmp_path / "richer.jsonl", machine(gpu()), *launches([1e-3] * 6))
    for other in (there, richer):
        with pytest.raises(Incomparable, match="are not of one machine"):
            stored.machine(here, other)
    both = tmp_path / "both.jsonl"
    lines = there.path.read_text().splitlines()
    both.write_text(here.path.read_text() + lines[0] + "\n")
    with pytest.raises(Incomparable, match="otherhost"):
        stored.machine(here, read(both))
    assert stored.machine(here, here).host.hostname == "testhost"


def test_a_corrupted_baseline_is_an_error_with_its_line(file: File, tmp_path: Path) -> None:
    lines = file(*launches([1e-3] * 6)).path.read_text().splitlines()
    broken = json.loads(lines[3])
    broken["outcome"]["measurement"]["series"]["wall_s"][2] = "fast"
    for number, text in ((4, json.dumps(broken)), (4, "{"), (4, "\x00")):
        path = tmp_path / "broken.jsonl"
        path.write_text("\n".join([*lines[:3], text, *lines[4:]]) + "\n")
        with pytest.raises(RecordError, match=f"broken.jsonl:{number}: "):
            read(path)
    with pytest.raises(BadInput, match="describes no machine"):
        stored.machine(Reading(tmp_path / "x.jsonl", "", {}, (), (), ()), file(*launches([1e-3] * 6), name="b"))
