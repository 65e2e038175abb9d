"""Trials: each judged by itself, every metric kept, and no number that was not measured."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from ngtbench.errors import NgtBenchError
from ngtbench.harness import trials
from ngtbench.harness.measure import measure
from ngtbench.harness.prepare import Prepared, Stopwatch
from ngtbench.model.record import Measurement, Verdict
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
    assert len(found.at_s) >= trials.LEAST
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


def test_a_watch_that_goes_back_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    ready = prepared("system/memory", impl="numba")
    monkeypatch.setattr("ngtbench.harness.prepare.time", FakeTime(tick_s=-1.0))
    with pytest.raises(NgtBenchError, match=r"took -1\.0 s by its watch"):
        measure(ready, 0.01, NoProbe())
