"""The stopwatch on fake clocks: units, batches, warm-up, stop rule, flags, and what is refused."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ngtbench.backends.numpy import HostBackend
from ngtbench.errors import NgtBenchError
from ngtbench.harness import hunt, measure, stopping
from ngtbench.harness.prepare import Prepared
from ngtbench.model.record import Measurement
from ngtbench.model.workload import Timing
from tests.fakes.timing import CoarseClock, FakeClock, FakeTime, NoProbe, prepared


def measured(clock: Any, budget_s: float = 0.05, **changes: Any) -> Measurement:
    found, verdict = measure.measure(prepared(clock=clock, **changes), budget_s, NoProbe())
    assert verdict.passed, verdict.reason
    return found


def test_a_sample_is_seconds_per_call() -> None:
    found = measured(FakeClock(lambda: 3e-6), 0.1)
    assert found.series["wall_s"] == pytest.approx([3e-6] * len(found.at_s), rel=1e-12)
    assert found.calls * 3e-6 >= 100e-6


@pytest.mark.parametrize(("cost_s", "resolution_s", "least_s"), [(1e-9, 1e-9, 100e-6), (1e-6, 1e-6, 1e-3), (1.0, 1e-9, 1.0)])
def test_a_batch_is_long_enough_for_the_timer(cost_s: float, resolution_s: float, least_s: float) -> None:
    calls = measure.batch(FakeClock(lambda: cost_s, resolution_s), lambda: None)
    assert calls * cost_s >= least_s
    assert calls == 1 or calls * cost_s < 5 * least_s


def test_a_batch_keeps_to_its_share_of_the_budget() -> None:
    calls = measure.batch(FakeClock(lambda: 1e-6, 1e-4), lambda: None, longest_s=1e-2)
    assert 1e-2 <= calls * 1e-6 < 5e-2


def test_a_clock_that_stands_still_does_not_loop_for_ever() -> None:
    assert measure.batch(FakeClock(lambda: 0.0), lambda: None) >= 1 << 30


@pytest.mark.parametrize("call_s", [1e-7, 1e-5, 3e-3, 0.4])
def test_a_timer_of_15_ms_is_said_with_its_figure_and_does_not_eat_the_budget(
    call_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "time", FakeTime(tick_s=0.01))
    clock = CoarseClock(15e-3, call_s)
    found = measured(clock, 2.0)
    sample_s = found.calls * call_s
    assert sample_s >= 0.1
    assert clock.longest_s <= max(call_s, 0.31)  # a step seen by luck may double it once
    assert found.flags["timer_coarse"] == pytest.approx(15e-3 / sample_s, rel=0.15)
    assert found.flags["not_converged"] >= 0.45 * found.flags["timer_coarse"]


def test_a_coarse_timer_has_some_steps_in_a_sample_however_small_the_budget() -> None:
    clock = CoarseClock(15e-3, 1e-4)
    found = measured(clock, 0.01)
    assert found.calls * 1e-4 >= measure.BATCH_STEPS * 15e-3
    assert min(found.series["wall_s"]) > 0


def test_a_cold_first_call_does_not_make_the_batch_too_small() -> None:
    costs = itertools.chain([1.0], itertools.repeat(20e-6))
    found = measured(FakeClock(lambda: next(costs)))
    assert found.calls * 20e-6 >= 100e-6


@pytest.mark.parametrize("wrong_s", [-1e-9, float("nan"), float("inf")])
def test_a_timer_that_goes_back_is_refused(wrong_s: float) -> None:
    costs = itertools.chain([1e-3] * 8, itertools.repeat(wrong_s))
    with pytest.raises(NgtBenchError, match=r"the timer fake says 1 calls took .* s: it goes back"):
        measured(FakeClock(lambda: next(costs)))


def test_a_timer_that_stands_still_is_refused() -> None:
    costs = itertools.chain([1e-3] * 8, itertools.repeat(0.0))
    with pytest.raises(NgtBenchError, match="took no time: it stands still"):
        measured(FakeClock(lambda: next(costs)))


def test_a_timer_that_was_set_back_within_the_samples_is_flagged(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([(10.0, 50.0), (9.0, 52.0)])  # by the timer, by a clock that nobody sets
    monkeypatch.setattr(measure, "_clocks", lambda: next(readings))
    assert measured(FakeClock(lambda: 1e-3)).flags["timer_stepped"] == pytest.approx(-1.5)


def test_a_wrong_result_is_not_timed() -> None:
    clock = FakeClock(lambda: 1e-3)
    ready = prepared(clock=clock)
    wrong = replace(ready, verdict=replace(ready.verdict, passed=False, reason="off"))
    with pytest.raises(NgtBenchError, match="never timed"):
        measure.measure(wrong, 0.1, NoProbe())
    assert clock.asked == []


def test_the_last_timed_output_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hunt.Hunt, "due", lambda self, number, spent_s: False)
    ready, calls = prepared(clock=FakeClock(lambda: 1e-3)), itertools.count()

    def run() -> Any:
        outputs = ready.run()
        return outputs if next(calls) < 10 else {"a": 0 * outputs["a"]}  # right all through the warm-up

    _, verdict = measure.measure(replace(ready, run=run), 0.05, NoProbe())
    assert not verdict.passed
    assert "the last, before which outputs were poisoned" in (verdict.reason or "")


def test_noise_is_said_and_not_hidden() -> None:
    noisy = itertools.cycle([1e-3, 1.5e-3, 0.8e-3, 1.2e-3])
    assert measured(FakeClock(lambda: next(noisy))).flags["not_converged"] > stopping.TARGET


def test_a_case_longer_than_its_budget_still_has_some_samples() -> None:
    assert len(measured(FakeClock(lambda: 1e-3), 1e-9).at_s) == stopping.LEAST_SAMPLES + 1


def test_samples_have_a_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "MAX_SAMPLES", 20)
    monkeypatch.setattr(measure, "time", FakeTime(tick_s=0.1))
    noisy = itertools.cycle([1e-3, 2e-3])
    assert len(measured(FakeClock(lambda: next(noisy)), 60.0).at_s) == 21


def test_sampling_lasts_as_long_as_the_energy_sensor_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    time = FakeTime(tick_s=1e-3)
    monkeypatch.setattr(measure, "time", time)
    probe = NoProbe()
    probe.window_s = 3.0
    found, _ = measure.measure(prepared(clock=FakeClock(lambda: 1e-3)), 10.0, probe)
    assert 3.0 <= found.at_s[-1] <= 4.0
    found, _ = measure.measure(prepared(clock=FakeClock(lambda: 1e-3)), 10.0, NoProbe())
    assert stopping.MIN_S <= found.at_s[-1] <= 0.7


@pytest.mark.parametrize(("budget_s", "least_s", "most_s"), [(2.0, 5.0, 6.0), (1.0, 0.9, 1.2)])
def test_a_whole_budget_is_stretched_for_the_sensor_and_a_short_look_is_not(
    monkeypatch: pytest.MonkeyPatch, budget_s: float, least_s: float, most_s: float
) -> None:
    monkeypatch.setattr(measure, "time", FakeTime(tick_s=1e-3))
    probe = NoProbe()
    probe.window_s = 5.0
    found, _ = measure.measure(prepared(clock=FakeClock(lambda: 1e-3)), budget_s, probe)
    assert least_s <= found.at_s[-1] <= most_s


def test_every_sample_is_kept_with_its_start() -> None:
    found = measured(FakeClock(lambda: 1e-3))
    assert len(found.series["wall_s"]) == len(found.at_s) > stopping.MIN_SAMPLES
    assert list(found.at_s) == sorted(found.at_s)
    assert found.at_s[0] >= 0


def test_wall_device_and_enqueue_time_are_kept_apart() -> None:
    class Device(FakeClock):
        def time(self, run: Callable[[], Any], calls: int) -> Timing:
            taken = super().time(run, calls)
            return replace(taken, device_s=0.8 * taken.wall_s, enqueue_s=0.1 * taken.wall_s)

    found = measured(Device(lambda: 20e-6))
    samples = [20e-6] * len(found.at_s)
    assert found.series["wall_s"] == pytest.approx(samples)
    assert found.series["device_s"] == pytest.approx([0.8 * x for x in samples])
    assert found.series["enqueue_s"] == pytest.approx([0.1 * x for x in samples])


def test_the_length_of_the_warm_up_is_reported() -> None:
    costs = itertools.chain([5e-3, 4e-3, 3e-3, 2e-3], itertools.repeat(1e-3))
    found = measured(FakeClock(lambda: next(costs)), 10.0)
    assert found.warmup_calls == 3 + stopping.STEADY  # the first of all sized the batch
    assert found.warmup_s > 0


def test_warming_up_ends_at_a_share_of_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "time", FakeTime(tick_s=1e-2))
    noisy = itertools.cycle([1e-3, 2e-3])
    found = measured(FakeClock(lambda: next(noisy)), 1.0)
    assert found.warmup_s == pytest.approx(measure.WARMUP_SHARE, abs=0.03)


def test_work_on_a_stream_that_is_not_watched_is_flagged_with_its_share() -> None:
    class SideStream(FakeClock):
        def time(self, run: Callable[[], Any], calls: int) -> Timing:
            taken = super().time(run, calls)
            return replace(taken, stray_s=1e-5 if taken.outputs is None else 1e-5 + 0.3 * taken.wall_s)

    assert measured(SideStream(lambda: 1e-3)).flags["other_streams"] == pytest.approx(0.3)


def test_asking_an_idle_device_is_no_work() -> None:
    assert "other_streams" not in measured(FakeClock(lambda: 1e-4, stray_s=1e-5)).flags


def test_what_an_empty_call_costs_is_reported_and_flagged_not_subtracted() -> None:
    class Slow(FakeClock):
        def time(self, run: Callable[[], Any], calls: int) -> Timing:
            return replace(super().time(run, calls), wall_s=calls * (1e-7 if run is measure._nothing else 1e-6))

    found = measured(Slow(lambda: 0.0))
    assert found.overhead_s == pytest.approx(1e-7)
    assert found.flags["overhead"] == pytest.approx(0.1)
    assert found.series["wall_s"][0] == pytest.approx(1e-6)


def test_all_that_was_under_the_clock_is_summed() -> None:
    clock = FakeClock(lambda: 1e-3)
    assert measured(clock).timed_s == pytest.approx(1e-3 * (sum(clock.asked) - stopping.EMPTIES))


def test_trials_cannot_be_slowed_down_from_outside() -> None:
    ready = prepared()
    trials = replace(ready, workload=replace(ready.workload, repeat="trials"))
    with pytest.raises(NgtBenchError, match="trials time themselves"):
        measure.measure(trials, 1.0, NoProbe(), slower=0.1)


@pytest.mark.parametrize("calls", [1, 1000])
def test_every_sample_is_slowed_down_by_the_share_that_is_asked_for(monkeypatch: pytest.MonkeyPatch, calls: int) -> None:
    time = FakeTime(tick_s=1e-9)
    monkeypatch.setattr(measure, "time", time)
    inner = FakeClock(lambda: 1e-6, resolution_s=1e-8)
    slow = measure.Slowed(inner, 0.25)
    before_s = time.now_s
    timing = slow.time(lambda: {"a": 1}, calls)
    assert timing.wall_s == pytest.approx(1.25e-6 * calls, rel=0.02)
    assert time.now_s - before_s == pytest.approx(0.25e-6 * calls, rel=0.1), "it really waits"
    assert timing.outputs == {"a": 1}
    assert (slow.name, slow.resolution_s) == ("fake", 1e-8)


def test_an_injected_slowdown_is_said_in_the_record() -> None:
    found, verdict = measure.measure(prepared(), 0.02, NoProbe(), slower=0.1)
    assert verdict.passed
    assert found.flags["slowed_down"] == 0.1


def test_the_window_of_energy_holds_the_samples_and_no_cold_calls() -> None:
    said = list[str]()

    class Noting(NoProbe):
        def start(self) -> None:
            said.append("start")

        def stop(self) -> Any:
            said.append("stop")
            return super().stop()

    class Backend(HostBackend):
        def flush(self, size_b: int) -> None:
            said.append("flush")

    ready: Prepared = prepared()
    backend = Backend("numpy", "cpu:0")
    backend.clock = FakeClock(lambda: said.append("sample") or 1e-3)  # type: ignore[func-returns-value]
    measure.measure(replace(ready, backend=backend), 0.01, Noting(), flush_b=1)
    begin, end = said.index("start"), said.index("stop")
    assert set(said[begin + 1 : end]) == {"sample"}
    assert said[end + 1 :] == ["flush", "sample"] * (said.count("flush"))
    assert said.count("flush") >= stopping.LEAST_SAMPLES
