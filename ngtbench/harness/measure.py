"""Timing a prepared case: batched, warmed, until the median is known; nothing is subtracted."""

import math
import time
from typing import Any

from ngtbench.errors import NgtBenchError
from ngtbench.harness import stopping
from ngtbench.harness.prepare import Prepared, Stopwatch
from ngtbench.model.protocols import Probe
from ngtbench.model.record import Measurement, Verdict
from ngtbench.model.workload import Clock, Trial

MIN_BATCH_S = 100e-6
RESOLUTIONS = 1000  # a sample is at least this many timer steps long
MARGIN = 2.0  # calls get faster as they warm up
WARMUP_SHARE = 0.2
WARMUP_MAX_S = 10.0
MAX_SAMPLES = 100_000
LEAST_SAMPLES = 3  # of a case longer than its budget
MIN_TRIALS = 3


def measure(
    prepared: Prepared, budget_s: float, probe: Probe, *, flush_b: int | None = None, slower: float = 0.0
) -> tuple[Measurement, Verdict]:
    """Measure within about `budget_s` seconds, and judge the last timed output.

    A trial runs at least three times. Raises NgtBenchError where the first result was wrong: such a case is never timed.
    """
    if not prepared.verdict.passed:
        raise NgtBenchError(f"{prepared.case.id}: a wrong result is never timed: {prepared.verdict.reason}")
    return (_trials if prepared.workload.repeat == "trials" else _calls)(prepared, budget_s, probe)


def batch(clock: Clock, run: Any) -> int:
    """Return how many calls make a sample of at least 100 us and 1000 timer steps."""
    wanted_s = MARGIN * max(MIN_BATCH_S, RESOLUTIONS * clock.resolution_s)
    calls = 1
    while True:
        spent_s = clock.time(run, calls).wall_s
        if spent_s >= wanted_s or calls >= 1 << 30:
            return calls
        calls *= max(2, min(100, math.ceil(wanted_s / spent_s))) if spent_s > 0 else 10


def overhead(clock: Clock) -> float:
    """Return seconds per call of an empty function, timed as cases are: the least of five samples."""
    calls = batch(clock, _nothing)
    return min(clock.time(_nothing, calls).wall_s for _ in range(5)) / calls


def _calls(prepared: Prepared, budget_s: float, probe: Probe) -> tuple[Measurement, Verdict]:
    clock, run = prepared.backend.clock, prepared.run
    overhead_s = overhead(clock)
    calls = batch(clock, run)
    warmup_s, warmed = _warm(clock, run, calls, min(WARMUP_SHARE * budget_s, WARMUP_MAX_S))
    if calls > 1:
        calls = batch(clock, run)  # a cold first guess may be far too short
    before = probe.health()
    wall, device, at = list[float](), list[float](), list[float]()
    look = stopping.MIN_SAMPLES
    probe.start()
    begin = time.perf_counter()
    while True:
        at.append(time.perf_counter() - begin)
        timing = clock.time(run, calls)
        wall.append(timing.wall_s / calls)
        if timing.device_s is not None:
            device.append(timing.device_s / calls)
        spent_s = time.perf_counter() - begin
        if len(wall) >= MAX_SAMPLES or (spent_s >= budget_s and len(wall) >= LEAST_SAMPLES):
            break
        if len(wall) >= look:  # looking costs as much as sorting: at every tenth more samples
            if stopping.enough(wall, spent_s):
                break
            look = max(look + 1, len(wall) * 11 // 10)
    energy, disturbed = probe.stop()
    series = {"wall_s": tuple(wall)} | ({"device_s": tuple(device)} if device else {})
    measured = Measurement(
        series=series,
        at_s=tuple(at),
        calls=calls,
        warmup_s=warmup_s,
        warmup_calls=warmed * calls,
        build_s=prepared.build_s,
        timer=clock.name,
        timer_resolution_s=clock.resolution_s,
        overhead_s=overhead_s,
        energy=energy,
        before=before,
        after=probe.health(),
        flags=stopping.flags(wall, wall[-1] * calls, clock.resolution_s) | disturbed,
    )
    return measured, prepared.check(timing.outputs)


def _warm(clock: Clock, run: Any, calls: int, limit_s: float) -> tuple[float, int]:
    """Run until steady or until the limit; return seconds and samples spent."""
    start, samples = time.perf_counter(), list[float]()
    while time.perf_counter() - start < limit_s and not stopping.steady(samples):
        samples.append(clock.time(run, calls).wall_s)
    return time.perf_counter() - start, len(samples)


def _trials(prepared: Prepared, budget_s: float, probe: Probe) -> tuple[Measurement, Verdict]:
    clock = prepared.backend.clock
    names = [metric.name for metric in prepared.workload.metrics]
    series: dict[str, list[float]] = {name: [] for name in names}
    at: list[float] = []
    before = probe.health()
    verdict, spent_s = prepared.verdict, math.inf
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
        spent_s = min(spent_s, watch.spent_s)
    energy, disturbed = probe.stop()
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
        after=probe.health(),
        flags=stopping.flags(series[names[0]], spent_s, clock.resolution_s) | disturbed,
    )
    return measured, verdict


def _nothing() -> None:
    """Cost what a call costs."""
