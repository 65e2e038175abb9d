"""Timing a prepared case: batched, warmed, until the median is known; nothing is subtracted."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from ngtbench.errors import NgtBenchError
from ngtbench.harness import stopping
from ngtbench.harness.beside import Beside, Stopped
from ngtbench.harness.hunt import Hunt
from ngtbench.harness.prepare import Prepared
from ngtbench.harness.trials import trials
from ngtbench.model.protocols import Probe
from ngtbench.model.record import Measurement, Verdict
from ngtbench.model.workload import Clock, Timing

MIN_BATCH_S = 100e-6
MARGIN = 2.0  # calls get faster as they warm up
BATCH_SHARE = 0.05  # of the budget: a coarse timer must not make one sample of it all
BATCH_STEPS = 10  # of the timer at least, whatever the budget: else a sample may take no time
WARMUP_SHARE = 0.2
WARMUP_MAX_S = 10.0
JUDGED = 2  # samples of the warm-up in a row: a run that works every second time only is wrong in one of them
MAX_SAMPLES = 100_000
STRAY = 0.05
_CLOCK_TRIES = 5
SENSOR_FROM_S = 2.0  # a shorter budget is a look at times: the energy sensor's window is not waited for


def measure(
    prepared: Prepared, budget_s: float, probe: Probe, *, flush_b: int | None = None, slower: float = 0.0
) -> tuple[Measurement, Verdict]:
    """Measure within about `budget_s` seconds, and judge the last timed output.

    From a budget of two seconds on, samples are taken for as long as the energy sensor needs, if that is longer.
    `flush_b` is written before each call with cold caches; None: no such calls. `slower` makes every call slower by this share,
    for tests of the gate. A trial runs at least three times. Raises NgtBenchError where the first result was wrong: such a
    case is never timed; and where trials are to be slowed down.
    """
    if not prepared.verdict.passed:
        raise NgtBenchError(f"{prepared.case.id}: a wrong result is never timed: {prepared.verdict.reason}")
    if prepared.workload.repeat == "trials":
        if slower:
            raise NgtBenchError(f"{prepared.case.id}: trials time themselves, and cannot be slowed down from outside")
        return trials(prepared, budget_s, probe)
    clock = prepared.backend.clock
    measured, verdict = _calls(prepared, Slowed(clock, slower) if slower else clock, budget_s, probe, flush_b)
    return (replace(measured, flags=measured.flags | {"slowed_down": slower}) if slower else measured), verdict


class Slowed:
    """A clock under which every sample takes longer by a share of itself, waited for at its end; for tests of the gate."""

    def __init__(self, clock: Clock, share: float) -> None:
        self._clock, self._share = clock, share
        self.name, self.resolution_s = clock.name, clock.resolution_s

    def time(self, run: Callable[[], Any], calls: int) -> Timing:
        """Time calls, and wait."""
        timing = self._clock.time(run, calls)
        start = time.perf_counter()
        while time.perf_counter() - start < self._share * timing.wall_s:
            pass
        return replace(timing, wall_s=timing.wall_s + time.perf_counter() - start)


def batch(clock: Clock, run: Any, longest_s: float = math.inf) -> int:
    """Return how many calls make a sample of at least 100 us and 1000 timer steps, but no longer than need be."""
    wanted_s, calls = _wanted_s(clock, longest_s), 1
    while True:
        spent_s = clock.time(run, calls).wall_s
        if spent_s >= wanted_s or calls >= 1 << 30:
            return calls
        calls *= max(2, min(100, math.ceil(wanted_s / spent_s))) if spent_s > 0 else 10


def _calls(prepared: Prepared, timer: Clock, budget_s: float, probe: Probe, flush_b: int | None) -> tuple[Measurement, Verdict]:
    clock = Stopped(timer)
    hunt = Hunt(prepared, budget_s)
    calls, warmup_s, warmup_calls = _warm(clock, prepared, hunt, budget_s)
    empty = [prepared.backend.clock.time(_nothing, calls) for _ in range(stopping.EMPTIES)]
    overhead_s = median(timing.wall_s for timing in empty) / calls
    before = probe.health()
    probe.start()
    start = _clocks()
    limit_s = max(budget_s, probe.window_s) if budget_s >= SENSOR_FROM_S else budget_s
    timings, at = _sample(clock, hunt, calls, limit_s, min(max(stopping.MIN_S, probe.window_s), limit_s))
    end = _clocks()
    energy, disturbed = probe.stop()
    after = probe.health()
    hunt.judge(f"sample {len(timings)}, the last", calls, last=True)
    series = _series(timings, calls)
    usual_s = median(series["wall_s"])
    extra = Beside(clock, prepared, at[-1], calls)
    if hunt.verdict.passed:
        extra.take(flush_b, usual_s)
        extra.missing |= hunt.change_inputs()
    flags = stopping.flags(series["wall_s"], calls * usual_s, clock.resolution_s, overhead_s / usual_s) | _stray(timings, empty)
    flags |= stopping.moved(before, after) | stopping.stepped(end[0] - start[0], end[1] - start[1]) | disturbed
    return Measurement(
        series=series | extra.series,
        at_s=at,
        calls=calls,
        warmup_s=warmup_s,
        warmup_calls=warmup_calls,
        build_s=prepared.build_s,
        timer=clock.name,
        timer_resolution_s=clock.resolution_s,
        overhead_s=overhead_s,
        energy=energy,
        before=before,
        after=after,
        flags=flags,
        timed_s=clock.timed_s,
        flush_b=flush_b if "cold_s" in extra.series else None,
        compile_s=prepared.compile_s,
        batch_s=extra.batch_s,
        missing=extra.missing,
    ), hunt.verdict


def _warm(clock: Stopped, prepared: Prepared, hunt: Hunt, budget_s: float) -> tuple[int, float, int]:
    """Run until steady, or until the limit, and judge some calls in a row: none gets by that works every second time.

    Return how many calls make a sample now, and the seconds and calls spent.
    """
    run, longest_s, limit_s = prepared.run, BATCH_SHARE * budget_s, min(WARMUP_SHARE * budget_s, WARMUP_MAX_S)
    start, samples = time.perf_counter(), list[float]()
    calls = batch(clock, run, longest_s)
    while len(samples) <= JUDGED or (time.perf_counter() - start < limit_s and not stopping.steady(samples)):
        judged = 0 < len(samples) <= JUDGED
        if judged:
            hunt.poison()
        samples.append(hunt.take(clock, calls).wall_s)
        if judged:
            hunt.judge(f"sample {len(samples)} of the warm-up", calls)
    warmed = calls * len(samples)
    if samples[-1] < _wanted_s(clock, longest_s):  # a cold first call is long, and its batch then too small
        calls = batch(clock, run, longest_s)
    return calls, time.perf_counter() - start, warmed


def _sample(clock: Stopped, hunt: Hunt, calls: int, budget_s: float, least_s: float) -> tuple[list[Timing], tuple[float, ...]]:
    """Sample until the median is known, the budget is spent or a result is wrong; the last sample is yet to be judged.

    Return the samples, and when each began.
    """
    timings, wall, at = list[Timing](), list[float](), list[float]()
    look, last = stopping.MIN_SAMPLES, False
    begin = time.perf_counter()
    while not last:
        spent_s = time.perf_counter() - begin
        spent = spent_s >= budget_s and len(wall) >= stopping.LEAST_SAMPLES
        last = spent or len(wall) >= MAX_SAMPLES or not hunt.verdict.passed
        if not last and len(wall) >= look:  # looking costs as much as sorting: at every tenth more samples
            last = spent_s >= least_s and stopping.enough(wall, clock.resolution_s / median(wall))
            look = max(look + 1, len(wall) * 11 // 10)
        chosen = not last and hunt.due(len(wall), spent_s)
        if chosen or last:
            hunt.poison()
        at.append(time.perf_counter() - begin)
        timings.append(hunt.take(clock, calls))
        wall.append(timings[-1].wall_s)
        if wall[-1] == 0:
            raise NgtBenchError(f"the timer {clock.name} says {calls} calls took no time: it stands still")
        if chosen:
            hunt.judge(f"sample {len(wall)}", calls)
    return timings, tuple(at)


def _series(timings: Sequence[Timing], calls: int) -> dict[str, tuple[float, ...]]:
    """Return seconds per call by each clock that took them all."""
    taken: dict[str, list[float | None]] = {
        "wall_s": [timing.wall_s for timing in timings],
        "device_s": [timing.device_s for timing in timings],
        "enqueue_s": [timing.enqueue_s for timing in timings],
    }
    return {name: tuple(one / calls for one in values if one is not None) for name, values in taken.items() if None not in values}


def _stray(timings: Sequence[Timing], empty: Sequence[Timing]) -> dict[str, float]:
    """Return the share of the time in which the device worked outside the stream that is watched, where it is above 5 %.

    Asking an idle device whether it is done takes time too, as in empty samples.
    """
    idle_s = len(timings) * max(timing.stray_s for timing in empty)
    share = (sum(timing.stray_s for timing in timings) - idle_s) / sum(timing.wall_s for timing in timings)
    return {"other_streams": share} if share > STRAY else {}


def _clocks() -> tuple[float, float]:
    """Return seconds by the timer of samples and by one that nobody sets, read together: of some tries the least disturbed."""
    tries = []
    for _ in range(_CLOCK_TRIES):
        before_s, timer_s, after_s = _raw_s(), time.perf_counter(), _raw_s()
        tries.append((after_s - before_s, timer_s, (before_s + after_s) / 2))
    _, timer_s, raw_s = min(tries)
    return timer_s, raw_s


def _raw_s() -> float:
    return time.clock_gettime(time.CLOCK_MONOTONIC_RAW)


def _wanted_s(clock: Clock, longest_s: float) -> float:
    """Return how long a sample is made: with a coarse timer as long as the budget allows, and some steps at least."""
    least_s = MARGIN * MIN_BATCH_S
    return min(
        max(least_s, MARGIN * stopping.STEPS * clock.resolution_s),
        max(least_s, longest_s, BATCH_STEPS * clock.resolution_s),
    )


def _nothing() -> None:
    """Cost what a call costs."""
