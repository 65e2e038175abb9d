"""Runs that are fast because they do not do their work: each is caught, and hunting them costs a share of the time."""

import itertools
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ngtbench import workloads
from ngtbench.harness import hunt, prepare
from ngtbench.harness.hunt import Hunt
from ngtbench.harness.inputs import HostInputs
from ngtbench.harness.measure import measure
from ngtbench.harness.prepare import Prepared
from ngtbench.model.case import Case, Resources
from ngtbench.model.record import Verdict
from ngtbench.model.workload import Run
from tests.fakes.timing import FakeClock, FakeTime, NoProbe, prepared

LONG_S, SHORT_S = 1e-3, 20e-6  # a call by itself, and one of a batch


class RealCalls(FakeClock):
    """Makes every call that is asked for."""

    def time(self, run: Callable[[], Any], calls: int) -> Any:
        for _ in range(calls - 1):
            run()
        return super().time(run, calls)


def judged(run: Run, call_s: float = LONG_S, budget_s: float = 0.05) -> Verdict:
    ready = prepared(clock=RealCalls(lambda: call_s))
    _, verdict = measure(replace(ready, run=run), budget_s, NoProbe())
    return verdict


def right() -> Run:
    run: Run = prepared().run
    return run


def test_a_run_that_works_passes() -> None:
    assert judged(right()).passed
    assert judged(right(), SHORT_S).passed


@pytest.mark.parametrize("call_s", [LONG_S, SHORT_S, 30e-6])  # batches of 1, of an even and of an odd number
@pytest.mark.parametrize("first", [0, 1])
def test_a_run_that_skips_every_second_call(call_s: float, first: int) -> None:
    run, calls, kept = right(), itertools.count(first), [right()()]

    def lazy() -> Any:
        if next(calls) % 2:
            kept[0] = run()
        return kept[0]

    verdict = judged(lazy, call_s)
    assert not verdict.passed
    assert "before which outputs were poisoned: a[" in (verdict.reason or "")
    assert "is nan, wanted" in (verdict.reason or "")


@pytest.mark.parametrize("call_s", [LONG_S, SHORT_S, 30e-6])
@pytest.mark.parametrize("first", [0, 1])
def test_skipping_every_second_call_is_not_left_to_chance(call_s: float, first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Hunt, "due", lambda self, number, spent_s: False)
    run, calls, kept = right(), itertools.count(first), [right()()]

    def lazy() -> Any:
        if next(calls) % 2:
            kept[0] = run()
        return kept[0]

    assert not judged(lazy, call_s, 1e-9).passed


@pytest.mark.parametrize("first", [0, 1])
def test_of_an_odd_batch_two_calls_in_a_row_are_judged(first: int) -> None:
    run, calls, kept = right(), itertools.count(first), [right()()]

    def lazy() -> Any:
        if next(calls) % 2:
            kept[0] = run()
        return kept[0]

    hunting, clock = Hunt(prepared(run=lazy), 1.0), RealCalls(lambda: SHORT_S)
    hunting.take(clock, 7)
    hunting.judge("a sample", 7)
    assert not hunting.verdict.passed


@pytest.mark.parametrize("call_s", [LONG_S, SHORT_S])
def test_a_run_that_stops_working_after_a_while(call_s: float) -> None:
    run, calls, kept = right(), itertools.count(), [right()()]

    def tired() -> Any:
        if next(calls) < 300:
            kept[0] = run()
        return kept[0]

    assert not judged(tired, call_s, 0.3).passed


def test_a_run_that_hands_out_one_answer() -> None:
    kept = right()()
    assert not judged(lambda: kept).passed


def test_a_run_that_hands_out_two_answers_in_turn() -> None:
    run = right()
    turns = itertools.cycle([{"a": run()["a"].copy()} for _ in range(2)])
    assert not judged(lambda: next(turns)).passed


def test_a_run_that_leaves_its_work_to_a_thread() -> None:
    run, answer, begin = right(), np.zeros(2**16), threading.Event()

    def later() -> None:
        begin.wait()
        answer[:] = run()["a"]

    def put_off() -> Any:
        threading.Thread(target=later, daemon=True).start()
        return {"a": answer}

    verdict = judged(put_off)
    begin.set()
    assert not verdict.passed


class Promise(np.ndarray[Any, Any]):
    """Values are made when they are looked at."""


@pytest.mark.parametrize("kind", ["promise", "read-only"])
def test_outputs_that_are_no_plain_arrays(kind: str) -> None:
    run = right()

    def odd() -> Any:
        array = run()["a"].view(Promise) if kind == "promise" else run()["a"].view()
        array.flags.writeable = kind == "promise"
        return {"a": array}

    verdict = judged(odd)
    assert not verdict.passed
    assert "no plain array of numpy" in (verdict.reason or "")


def launch(**changes: Any) -> Prepared:
    return prepared("system/launch", FakeClock(lambda: LONG_S), **changes)


def test_a_run_that_copies_an_answer_kept_from_when_it_was_built() -> None:
    ready = launch()
    kept = {name: array.copy() for name, array in ready.run().items()}
    stale = replace(ready, run=lambda: {name: array.copy() for name, array in kept.items()})
    _, verdict = measure(stale, 0.01, NoProbe())
    assert not verdict.passed
    assert (verdict.reason or "").startswith("right for the inputs it was built with, wrong once they change: ")


def test_a_run_that_reads_its_inputs_anew_is_right_after_they_change() -> None:
    ready = launch()
    found, verdict = measure(ready, 1.0, NoProbe())
    assert verdict.passed
    assert "changed_inputs" not in found.missing
    assert verdict.inputs_digest == ready.verdict.inputs_digest  # those of the seed, not those it was proved with
    assert not ready.check(ready.run()).passed  # they did change


@pytest.mark.parametrize(("changes", "words"), [({"proof_s": 9.0}, "would take about 9 s"), ({"changed": None}, "too large")])
def test_why_inputs_were_not_changed_is_said(changes: dict[str, Any], words: str) -> None:
    found, verdict = measure(launch(**changes), 0.01, NoProbe())
    assert verdict.passed
    assert words in found.missing["changed_inputs"]


def test_answers_kept_from_the_build_are_found_even_where_the_oracle_is_slow() -> None:
    ready = launch(proof_s=9.0)
    found, verdict = measure(ready, 0.01, NoProbe())
    assert verdict.passed
    assert found.missing["changed_inputs"].endswith("inputs were moved instead, and results did change")
    ready = launch(proof_s=9.0)
    kept = {name: array.copy() for name, array in ready.run().items()}
    stale = replace(ready, run=lambda: {name: array.copy() for name, array in kept.items()})
    _, verdict = measure(stale, 0.01, NoProbe())
    assert not verdict.passed
    assert "the same bit for bit when its inputs are others" in (verdict.reason or "")


@pytest.mark.parametrize("size", ["M", "M-ggttxg", "M-ggttxgg-chain"])
def test_matrix_elements_kept_from_the_build_are_found(size: str) -> None:
    ready = prepare.prepare(Case("generators/matrix_element", 2, size, "native", "float64"), Resources("cpu:0", 1, False), 1)
    assert ready.changed is not None
    assert ready.verdict.passed
    kept = {name: np.array(array) for name, array in ready.run().items()}
    stale = replace(ready, run=lambda: {name: array.copy() for name, array in kept.items()}, batches=None, proof_s=9.0)
    _, verdict = measure(stale, 0.01, NoProbe())
    assert not verdict.passed


def test_inputs_of_large_sizes_are_changed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ngtbench.harness.validate.FULL_SIZES", ("S",))  # so that XS is judged in a sample
    ready = prepared("system/gemm", FakeClock(lambda: LONG_S))
    assert ready.verdict.check == "spot"
    kept = {name: array.copy() for name, array in ready.run().items()}
    stale = replace(ready, run=lambda: {name: array.copy() for name, array in kept.items()})
    _, verdict = measure(stale, 60.0, NoProbe())
    assert "wrong once they change" in (verdict.reason or "")


def test_live_inputs_too_large_for_a_second_copy_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    assert launch().changed is not None
    monkeypatch.setattr(prepare, "_SECOND_COPY_B", 7)
    assert launch().changed is None


def test_other_inputs_are_of_the_same_problem() -> None:
    workload = workloads.load("system/launch")
    size = workload.sizes["XS"]
    ready = launch()
    assert ready.changed is not None
    check = ready.changed()
    other = HostInputs(workload.inputs(size, 1 + prepare.OTHER_SEED), "float64").wide()
    assert check({"y": other["x"] + size.launches}).passed


def tried(time: FakeTime, cost_s: float, samples: int) -> list[int]:
    """Return which of the samples of 1 ms were judged, where judging takes this long."""
    ready = prepared(clock=FakeClock(lambda: LONG_S))
    verdict = ready.verdict

    def check(outputs: Any) -> Verdict:
        time.now_s += cost_s
        return verdict

    hunting, chosen = Hunt(replace(ready, glance=check), 1.0), []
    hunting.poison()
    hunting.judge("a sample of the warm-up", 1)  # tells what judging costs
    for number in range(samples):
        if hunting.due(number, LONG_S * number):
            hunting.poison()
            hunting.judge(f"sample {number}", 1)
            chosen.append(number)
    return chosen


def test_judging_is_left_to_chance_and_becomes_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    time = FakeTime()
    monkeypatch.setattr(hunt, "time", time)
    chosen = [tried(time, 0.0, 1000) for _ in range(20)]
    assert len({tuple(one) for one in chosen}) > 10
    assert all(7 <= len(one) <= 30 and one[0] in (1, 2) for one in chosen)


def test_judging_takes_a_share_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    time = FakeTime()
    monkeypatch.setattr(hunt, "time", time)
    for _ in range(20):
        chosen = tried(time, 10 * LONG_S, 1000)
        assert 1 <= len(chosen) <= hunt.SHARE * 1000 / 10
        assert chosen[0] >= 10 / hunt.SHARE
