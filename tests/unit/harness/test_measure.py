"""The stopwatch on a fake clock: units, batches, warm-up, stop rule, flags."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ngtbench import workloads
from ngtbench.backends.numpy import HostBackend
from ngtbench.errors import NgtBenchError
from ngtbench.harness import measure, stopping
from ngtbench.harness.prepare import Prepared, prepare
from ngtbench.model.case import Case, Resources
from ngtbench.model.record import Energy, Health
from ngtbench.model.workload import Timing


class NoProbe:
    """A device that nobody watches."""

    window_s = 0.0

    def health(self) -> Health:
        return Health()

    def start(self) -> None:
        pass

    def stop(self) -> tuple[Energy, dict[str, float]]:
        return Energy(None, 0.0, None, None, None, "nobody watches"), {}


class FakeClock:
    """Says each call took what the next cost says."""

    name = "fake"

    def __init__(self, costs_s: Callable[[], float], resolution_s: float = 1e-9) -> None:
        self.costs_s, self.resolution_s = costs_s, resolution_s
        self.calls = 0

    def time(self, run: Callable[[], Any], calls: int) -> Timing:
        self.calls += calls
        return Timing(wall_s=self.costs_s() * calls, device_s=None, outputs=run())


def triad(clock: FakeClock) -> Prepared:
    ready = prepare(Case("system/triad", 1, "XS", "numpy", "float64"), Resources("cpu:0", 1, False), 1)
    backend = HostBackend("numpy", "cpu:0")
    backend.clock = clock
    return replace(ready, backend=backend)


def test_a_sample_is_seconds_per_call() -> None:
    measured, verdict = measure.measure(triad(FakeClock(lambda: 3e-6)), 0.1, NoProbe())
    assert verdict.passed
    assert measured.series["wall_s"] == pytest.approx([3e-6] * len(measured.at_s), rel=1e-12)
    assert measured.calls * 3e-6 >= 100e-6


@pytest.mark.parametrize(("cost_s", "resolution_s", "least_s"), [(1e-9, 1e-9, 100e-6), (1e-6, 1e-6, 1e-3), (1.0, 1e-9, 1.0)])
def test_a_batch_is_long_enough_for_the_timer(cost_s: float, resolution_s: float, least_s: float) -> None:
    calls = measure.batch(FakeClock(lambda: cost_s, resolution_s), lambda: None)
    assert calls * cost_s >= least_s
    assert calls == 1 or calls * cost_s < 5 * least_s


def test_a_clock_that_stands_still_does_not_loop_for_ever() -> None:
    assert measure.batch(FakeClock(lambda: 0.0), lambda: None) >= 1 << 30


def test_a_wrong_result_is_not_timed() -> None:
    ready = triad(FakeClock(lambda: 1e-3))
    wrong = replace(ready, verdict=replace(ready.verdict, passed=False, reason="off"))
    with pytest.raises(NgtBenchError, match="never timed"):
        measure.measure(wrong, 0.1, NoProbe())


def test_the_last_timed_output_is_judged() -> None:
    ready = triad(FakeClock(lambda: 1e-3))
    _, verdict = measure.measure(replace(ready, run=lambda: {"a": 0 * ready.run()["a"]}), 0.05, NoProbe())
    assert not verdict.passed


def test_a_cached_answer_is_poisoned() -> None:
    ready = triad(FakeClock(lambda: 1e-3))
    array = ready.run()["a"]
    ready.backend.poison(array)
    assert not ready.check({"a": array}).passed


def test_noise_is_said_and_not_hidden() -> None:
    noisy = itertools.cycle([1e-3, 1.5e-3, 0.8e-3, 1.2e-3])
    measured, _ = measure.measure(triad(FakeClock(lambda: next(noisy))), 0.05, NoProbe())
    assert measured.flags["not_converged"] > stopping.TARGET


def test_drift_and_autocorrelation_are_flagged() -> None:
    rising = [1.0 + 0.001 * index for index in range(100)]
    found = stopping.flags(rising, 1e-3, 1e-9)
    assert found["drift"] == pytest.approx(0.1 / 1.0495, rel=0.01)
    assert found["autocorrelated"] > 0.9
    assert "timer_coarse" in stopping.flags([1.0] * 20, 1e-3, 1e-5)
    assert stopping.flags([1.0] * 20, 1e-3, 1e-9) == {}


def test_the_stop_rule_wants_samples_and_time() -> None:
    assert not stopping.enough([1.0] * 9, 10.0)
    assert not stopping.enough([1.0] * 100, 0.4)
    assert stopping.enough([1.0] * 10, 0.5)
    assert not stopping.enough([1.0, 2.0] * 10, 10.0)


def test_trials_judge_every_trial_and_keep_every_metric() -> None:
    assert workloads.load("system/memory").repeat == "trials"
    ready = prepare(Case("system/memory", 1, "XS", "numba", "float64"), Resources("cpu:0", 1, False), 1)
    measured, verdict = measure.measure(ready, 0.01, NoProbe())
    assert verdict.passed
    assert {metric.name for metric in ready.workload.metrics} == set(measured.series)
    assert len(measured.at_s) >= measure.MIN_TRIALS
