"""Trials: each judged by itself, every metric kept, and no number that was not measured."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from ngtbench.errors import NgtBenchError, Unavailable
from ngtbench.harness import worker
from ngtbench.harness.measure import measure
from ngtbench.harness.prepare import Prepared, Stopwatch
from ngtbench.model.case import Metric
from ngtbench.model.record import Energy, Measurement, Verdict
from ngtbench.model.workload import Trial
from tests.fakes.timing import FakeTime, NoProbe, prepared

pytest.importorskip("numba", reason="package numba is not installed: pip install 'ngtbench[cpu]'")


def taken(run: Callable[[int, Stopwatch], Trial] | None = None) -> tuple[Prepared, Measurement, Verdict]:
    ready = prepared("system/memory", impl="numba")
    ready = replace(ready, run=run or ready.run)
    return ready, *measure(ready, 0.01, NoProbe())


def test_every_trial_is_judged_and_every_metric_kept() -> None:
    ready, found, verdict = taken()
    assert verdict.passed
    assert {metric.name for metric in ready.workload.metrics} == set(found.series)
    assert {len(samples) for samples in found.series.values()} == {len(found.at_s)}
    assert len(found.at_s) >= ready.workload.least
    assert found.timed_s > sum(found.series["latency_s"]) * ready.workload.sizes["XS"].steps  # whole trials


def test_one_wrong_trial_voids_all() -> None:
    right = prepared("system/memory", impl="numba").run

    def second_is_wrong(k: int, watch: Stopwatch) -> Trial:
        trial: Trial = right(k, watch)
        return trial if k != 2 else replace(trial, outputs={name: array + 1 for name, array in trial.outputs.items()})

    _, found, verdict = taken(second_is_wrong)
    assert not verdict.passed
    assert len(found.at_s) == 2


@pytest.mark.parametrize(
    ("metrics", "opened", "words"),
    [
        ({"latency_s": float("nan"), "capacity_b": 1.0}, True, "trial 1 gave latency_s = nan: nothing that can be measured"),
        ({"latency_s": 1.0, "capacity_b": float("inf")}, True, "capacity_b = inf"),
        ({"latency_s": 1.0}, True, r"gave \['latency_s'\], the workload declares \['latency_s', 'capacity_b'\]"),
        ({"latency_s": 1.0, "capacity_b": 1.0}, False, "took 0.0 s by its watch: it was never opened"),
    ],
)
def test_what_was_not_measured_is_refused(metrics: dict[str, float], opened: bool, words: str) -> None:
    def run(k: int, watch: Stopwatch) -> Trial:
        if opened:
            with watch():
                pass
        return Trial({}, metrics)

    with pytest.raises(NgtBenchError, match=words):
        taken(run)


def test_a_trial_that_finds_something_lacking_is_skipped_with_its_reason() -> None:
    def lacking(k: int, watch: Stopwatch) -> Trial:
        raise Unavailable("no rate meets the bound", "choose a longer bound")

    ready = replace(prepared("system/memory", impl="numba"), run=lacking)
    answer = worker._measure([ready], {"budget_s": 0.01}, {ready.backend.device: NoProbe()})
    assert answer["outcome"]["status"] == "skipped"
    assert (answer["outcome"]["reason"], answer["outcome"]["remedy"]) == ("no rate meets the bound", "choose a longer bound")


class JouleProbe(NoProbe):
    """A sensor that counts a joule a window, and remembers which windows were open when."""

    def __init__(self, window_s: float) -> None:
        self.window_s = window_s
        self.opened = self.closed = 0

    def start(self) -> None:
        assert self.opened == self.closed
        self.opened += 1

    def stop(self) -> tuple[Energy, dict[str, float]]:
        self.closed += 1
        return Energy(1.0, 2.0, 0.5, 0.1, "joules"), {"throttled": 0.1 * self.closed}


def test_a_long_trial_has_a_window_of_its_own_without_the_check() -> None:
    ready, probe = prepared("system/memory", impl="numba"), JouleProbe(1e-9)
    checks = []

    def check(outputs: object) -> Verdict:
        checks.append(probe.closed == probe.opened)
        return ready.check(outputs)

    found, verdict = measure(replace(ready, check=check), 0.01, probe)
    assert verdict.passed
    number = len(found.at_s)
    assert checks == [True] * number
    assert found.series["energy_j"] == (1.0,) * number
    assert (found.energy.j, found.energy.window_s, found.energy.error_j) == pytest.approx((number, 2 * number, 0.1 * number))
    assert found.flags["throttled"] == pytest.approx(0.1 * number)
    assert probe.opened == probe.closed


@pytest.mark.parametrize("window_s", [0.0, 1e-9, 1e6])
def test_where_the_watch_counts_a_window_is_its_last_opening(window_s: float) -> None:
    ready, probe, seen = prepared("system/memory", impl="numba"), JouleProbe(window_s), list[int]()

    def run(k: int, watch: Stopwatch) -> Trial:
        trial: Trial = ready.run(k, Stopwatch(ready.backend))
        seen.append(probe.opened - probe.closed)
        for _ in range(2):
            with watch():
                seen.append(probe.opened - probe.closed)
        seen.append(probe.opened - probe.closed)
        return trial

    watched = replace(ready, run=run, workload=replace(ready.workload, energy_of="watch"))
    found, verdict = measure(watched, 0.01, probe)
    number = len(found.at_s)
    assert verdict.passed
    assert seen == [0, 1, 1, 0] * number, "closed but within the watch"
    assert found.series["energy_j"] == (1.0,) * number
    assert (found.energy.j, found.energy.window_s) == pytest.approx((number, 2 * number))
    assert probe.opened == probe.closed == 2 * number
    assert found.flags["throttled"] == pytest.approx(0.1 * probe.closed)


def test_without_a_sensor_the_watch_tells_the_reason() -> None:
    ready = prepared("system/memory", impl="numba")
    found, _ = measure(replace(ready, workload=replace(ready.workload, energy_of="watch")), 0.01, NoProbe())
    assert "energy_j" not in found.series
    assert (found.energy.j, found.energy.reason) == (None, "nobody watches")


def test_short_trials_share_a_window() -> None:
    probe = JouleProbe(1e6)
    found, _ = measure(prepared("system/memory", impl="numba"), 0.01, probe)
    assert "energy_j" not in found.series
    assert (found.energy.j, probe.opened, probe.closed) == (1.0, 1, 1)


def test_a_trial_that_tells_another_time_than_its_watch_is_refused() -> None:
    ready = prepared("system/memory", impl="numba")
    workload = replace(ready.workload, metrics=(Metric("wall_s"),))

    def run(k: int, watch: Stopwatch) -> Trial:
        with watch():
            sum(range(1000))
        return Trial({}, {"wall_s": watch.spent_s / 2})

    with pytest.raises(NgtBenchError, match=r"trial 1 says wall_s = .*, by its watch it took"):
        measure(replace(ready, workload=workload, run=run), 0.01, NoProbe())


def test_a_watch_that_goes_back_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    ready = prepared("system/memory", impl="numba")
    monkeypatch.setattr("ngtbench.harness.prepare.time", FakeTime(tick_s=-1.0))
    with pytest.raises(NgtBenchError, match=r"took -1\.0 s by its watch"):
        measure(ready, 0.01, NoProbe())
