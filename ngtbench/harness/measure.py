"""Timing a prepared case: batched, warmed, until the median is known; nothing is subtracted."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any

from ngtbench.errors import NgtBenchError
from ngtbench.harness import stopping
from ngtbench.harness.beside import LEAST_SAMPLES, RESOLUTIONS, Beside, Stopped
from ngtbench.harness.prepare import Prepared, Stopwatch, poison
from ngtbench.model.protocols import Probe
from ngtbench.model.record import Measurement, Verdict
from ngtbench.model.workload import Backend, Clock, Timing, Trial

MIN_BATCH_S = 100e-6
MARGIN = 2.0  # calls get faster as they warm up
BATCH_SHARE = 0.05  # of the budget: a coarse timer must not make one sample of it all
WARMUP_SHARE = 0.2
WARMUP_MAX_S = 10.0
MAX_SAMPLES = 100_000
MIN_TRIALS = 3


def measure(
    prepared: Prepared, budget_s: float, probe: Probe, *, flush_b: int | None = None, slower: float = 0.0
) -> tuple[Measurement, Verdict]:
    """Measure within about `budget_s` seconds, and judge the last timed output.

    `flush_b` is written before each call with cold caches; None: no such calls. `slower` makes every call slower by this share,
    for tests of the gate. A trial runs at least three times. Raises NgtBenchError where the first result was wrong: such a
    case is never timed.
    """
    if not prepared.verdict.passed:
        raise NgtBenchError(f"{prepared.case.id}: a wrong result is never timed: {prepared.verdict.reason}")
    if prepared.workload.repeat == "trials":
        return _trials(prepared, budget_s, probe)
    if not slower:
        return _calls(prepared, budget_s, probe, flush_b)
    slowed = replace(prepared, run=slowed_down(prepared.run, prepared.backend, slower))
    measured, verdict = _calls(slowed, budget_s, probe, flush_b)
    return replace(measured, flags=measured.flags | {"slowed_down": slower}), verdict


def batch(clock: Clock, run: Any, longest_s: float = math.inf) -> int:
    """Return how many calls make a sample of at least 100 us and 1000 timer steps, but no longer than need be."""
    wanted_s = min(MARGIN * max(MIN_BATCH_S, RESOLUTIONS * clock.resolution_s), max(longest_s, MARGIN * MIN_BATCH_S))
    calls = 1
    while True:
        spent_s = clock.time(run, calls).wall_s
        if spent_s >= wanted_s or calls >= 1 << 30:
            return calls
        calls *= max(2, min(100, math.ceil(wanted_s / spent_s))) if spent_s > 0 else 10


def overhead(clock: Clock) -> float:
    """Return seconds per call of an empty function, timed as cases are: the least of five samples."""
    calls = batch(clock, _nothing, MIN_BATCH_S)
    return max(0.0, min(clock.time(_nothing, calls).wall_s for _ in range(5)) / calls)


def slowed_down(run: Callable[[], Any], backend: Backend, share: float) -> Callable[[], Any]:
    """Return the run with every call made longer by this share of itself, by waiting."""

    def slow() -> Any:
        start = time.perf_counter_ns()
        outputs = run()
        backend.synchronise()
        end = time.perf_counter_ns()
        until = end + (end - start) * share
        while time.perf_counter_ns() < until:
            pass
        return outputs

    return slow


def _calls(prepared: Prepared, budget_s: float, probe: Probe, flush_b: int | None) -> tuple[Measurement, Verdict]:
    clock, run, backend = Stopped(prepared.backend.clock), prepared.run, prepared.backend
    overhead_s, longest_s = overhead(prepared.backend.clock), BATCH_SHARE * budget_s
    calls = batch(clock, run, longest_s)
    warmup_s, warmed = _warm(clock, run, calls, min(WARMUP_SHARE * budget_s, WARMUP_MAX_S))
    if calls > 1:
        calls = batch(clock, run, longest_s)  # a cold first guess may be far too short
    before = probe.health()
    least_s = min(max(stopping.MIN_S, probe.window_s), budget_s)
    probe.start()
    timings, at = _sample(clock, run, calls, budget_s, least_s)
    energy, disturbed = probe.stop()
    after = probe.health()
    poison(backend, timings[-1].outputs)
    verdict = prepared.check(clock.time(run, calls).outputs)  # an answer kept from earlier calls cannot pass
    wall = tuple(timing.wall_s / calls for timing in timings)
    series, missing = {"wall_s": wall}, dict[str, str]()
    for name, taken in (("device_s", [t.device_s for t in timings]), ("enqueue_s", [t.enqueue_s for t in timings])):
        series |= {name: tuple(one / calls for one in taken if one is not None)} if None not in taken else {}
    if verdict.passed:
        extra = Beside(clock, prepared, budget_s, calls)
        extra.cold(flush_b, median(wall))
        extra.replay()
        verdict = extra.fresh(verdict)
        series, missing = series | extra.series, extra.missing
    flags = stopping.flags(wall, timings[-1].wall_s, clock.resolution_s, overhead_s)
    flags |= stopping.moved(before, after) | _stray(timings) | disturbed
    measured = Measurement(
        series=series,
        at_s=at,
        calls=calls,
        warmup_s=warmup_s,
        warmup_calls=warmed * calls,
        build_s=prepared.build_s,
        timer=clock.name,
        timer_resolution_s=clock.resolution_s,
        overhead_s=overhead_s,
        energy=energy,
        before=before,
        after=after,
        flags=flags,
        timed_s=clock.timed_s,
        flush_b=flush_b if "cold_s" in series else None,
        missing=missing,
    )
    return measured, verdict


def _sample(
    clock: Stopped, run: Callable[[], Any], calls: int, budget_s: float, least_s: float
) -> tuple[list[Timing], tuple[float, ...]]:
    """Return samples until the median is known, or the budget is spent, and when each began; only the last keeps outputs."""
    timings, wall, at = list[Timing](), list[float](), list[float]()
    look = stopping.MIN_SAMPLES
    begin = time.perf_counter()
    while True:
        at.append(time.perf_counter() - begin)
        if timings:
            timings[-1] = replace(timings[-1], outputs=None)  # what a run allocates anew must not pile up
        timings.append(clock.time(run, calls))
        wall.append(timings[-1].wall_s)
        spent_s = time.perf_counter() - begin
        if len(wall) >= MAX_SAMPLES or (spent_s >= budget_s and len(wall) >= LEAST_SAMPLES):
            return timings, tuple(at)
        if len(wall) >= look:  # looking costs as much as sorting: at every tenth more samples
            if spent_s >= least_s and stopping.enough(wall, spent_s):
                return timings, tuple(at)
            look = max(look + 1, len(wall) * 11 // 10)


def _warm(clock: Stopped, run: Any, calls: int, limit_s: float) -> tuple[float, int]:
    """Run until steady or until the limit; return seconds and samples spent."""
    start, samples = time.perf_counter(), list[float]()
    while time.perf_counter() - start < limit_s and not stopping.steady(samples):
        samples.append(clock.time(run, calls).wall_s)
    return time.perf_counter() - start, len(samples)


def _stray(timings: list[Timing]) -> dict[str, float]:
    """Return the share of the time in which the device worked outside the stream that is watched; above 5 % it is said."""
    share = sum(timing.stray_s for timing in timings) / sum(timing.wall_s for timing in timings)
    return {"other_streams": share} if share > 0.05 else {}


def _trials(prepared: Prepared, budget_s: float, probe: Probe) -> tuple[Measurement, Verdict]:
    clock = prepared.backend.clock
    names = [metric.name for metric in prepared.workload.metrics]
    series: dict[str, list[float]] = {name: [] for name in names}
    at: list[float] = []
    before = probe.health()
    verdict, shortest_s, timed_s = prepared.verdict, math.inf, 0.0
    probe.start()
    begin = time.perf_counter()
    while verdict.passed and (len(at) < MIN_TRIALS or time.perf_counter() - begin < budget_s):
        at.append(time.perf_counter() - begin)
        watch = Stopwatch(prepared.backend)
        trial: Trial = prepared.run(len(at), watch)
        if set(trial.metrics) != set(names):
            raise NgtBenchError(f"{prepared.case.id}: trial gave {sorted(trial.metrics)}, the workload declares {names}")
        for name in names:
            series[name].append(float(trial.metrics[name]))
        verdict = prepared.check(trial.outputs)  # of trials every one: one wrong voids all
        shortest_s, timed_s = min(shortest_s, watch.spent_s), timed_s + watch.spent_s
    energy, disturbed = probe.stop()
    after = probe.health()
    flags = stopping.flags(series[names[0]], shortest_s, clock.resolution_s)
    measured = Measurement(
        series={name: tuple(values) for name, values in series.items()},
        at_s=tuple(at),
        calls=1,
        warmup_s=0.0,
        warmup_calls=1,
        build_s=prepared.build_s,
        timer=clock.name,
        timer_resolution_s=clock.resolution_s,
        overhead_s=overhead(clock),
        energy=energy,
        before=before,
        after=after,
        flags=flags | stopping.moved(before, after) | disturbed,
        timed_s=timed_s,
    )
    return measured, verdict


def _nothing() -> None:
    """Cost what a call costs."""
