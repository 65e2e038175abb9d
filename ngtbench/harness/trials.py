"""Repeating trials: each from fresh state, timed by its own watch, judged by itself."""

import math
import time
from statistics import median

from ngtbench.errors import NgtBenchError
from ngtbench.harness import stopping
from ngtbench.harness.prepare import Prepared, Stopwatch
from ngtbench.model.protocols import Probe
from ngtbench.model.record import Measurement, Verdict
from ngtbench.model.workload import Backend, Trial

LEAST = 3


def trials(prepared: Prepared, budget_s: float, probe: Probe) -> tuple[Measurement, Verdict]:
    """Repeat trials for about `budget_s` seconds, and at least three; judge each.

    Raises NgtBenchError where one gives no number, or another metric than the workload declares.
    """
    clock = prepared.backend.clock
    series: dict[str, list[float]] = {metric.name: [] for metric in prepared.workload.metrics}
    at, timed, spent_s = list[float](), list[float](), 0.0
    overhead_s = median(_empty_watch(prepared.backend) for _ in range(stopping.EMPTIES))
    verdict, before = prepared.verdict, probe.health()
    probe.start()
    begin = time.perf_counter()
    while verdict.passed and (len(at) < LEAST or time.perf_counter() - begin < budget_s):
        at.append(time.perf_counter() - begin)
        trial, watched_s = _taken(prepared, len(at))
        spent_s += time.perf_counter() - begin - at[-1]
        for name, values in series.items():
            values.append(float(trial.metrics[name]))
        verdict = prepared.check(trial.outputs)  # of trials every one: one wrong voids all
        timed.append(watched_s)
    energy, disturbed = probe.stop()
    after = probe.health()
    merit = series[prepared.workload.metrics[0].name]
    flags = stopping.flags(merit, min(timed), clock.resolution_s, overhead_s / min(timed))
    return Measurement(
        series={name: tuple(values) for name, values in series.items()},
        at_s=tuple(at),
        calls=1,
        warmup_s=0.0,
        warmup_calls=1,
        build_s=prepared.build_s,
        timer=clock.name,
        timer_resolution_s=clock.resolution_s,
        overhead_s=overhead_s,
        energy=energy,
        before=before,
        after=after,
        flags=flags | stopping.moved(before, after) | disturbed,
        timed_s=spent_s,
    ), verdict


def _taken(prepared: Prepared, number: int) -> tuple[Trial, float]:
    """Return a trial and the seconds under its watch.

    Raises NgtBenchError where it does not give what the workload declares, or what it gives was not measured.
    """
    watch = Stopwatch(prepared.backend)
    trial: Trial = prepared.run(number, watch)
    where, declared = f"{prepared.case.id}: trial {number}", [metric.name for metric in prepared.workload.metrics]
    if set(trial.metrics) != set(declared):
        raise NgtBenchError(f"{where} gave {sorted(trial.metrics)}, the workload declares {declared}")
    bad = [f"{name} = {value}" for name, value in trial.metrics.items() if not math.isfinite(value)]
    if bad:
        raise NgtBenchError(f"{where} gave {', '.join(bad)}: nothing that can be measured")
    if not 0 < watch.spent_s < math.inf:
        raise NgtBenchError(f"{where} took {watch.spent_s} s by its watch: it was never opened, or the timer went back")
    return trial, watch.spent_s


def _empty_watch(backend: Backend) -> float:
    watch = Stopwatch(backend)
    with watch():
        pass
    return watch.spent_s
