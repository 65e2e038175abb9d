"""Repeating trials: each from fresh state, timed by its own watch, judged by itself."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import reduce
from statistics import median

from ngtbench.errors import NgtBenchError
from ngtbench.harness import stopping
from ngtbench.harness.prepare import Prepared, Stopwatch
from ngtbench.model.protocols import Probe
from ngtbench.model.record import Energy, Measurement, Verdict
from ngtbench.model.workload import Backend, Trial


def trials(prepared: Prepared, budget_s: float, probe: Probe) -> tuple[Measurement, Verdict]:
    """Repeat trials for about `budget_s` seconds, and at least as many as the workload wants; judge each.

    Raises NgtBenchError where one gives no number, or another metric than the workload declares.
    """
    clock = prepared.backend.clock
    series: dict[str, list[float]] = {metric.name: [] for metric in prepared.workload.metrics}
    at, timed, spent_s = list[float](), list[float](), 0.0
    overhead_s = median(_empty_watch(prepared.backend) for _ in range(stopping.EMPTIES))
    verdict, before = prepared.verdict, probe.health()
    windows = Windows(probe, prepared.workload.energy_of == "watch")
    begin = time.perf_counter()
    while verdict.passed and (len(at) < prepared.workload.least or time.perf_counter() - begin < budget_s):
        at.append(time.perf_counter() - begin)
        trial, watched_s = _taken(prepared, len(at), windows.around)
        spent_s += time.perf_counter() - begin - at[-1]
        windows.after(time.perf_counter() - begin - at[-1])
        for name, values in series.items():
            values.append(float(trial.metrics[name]))
        verdict = prepared.check(trial.outputs)  # of trials every one: one wrong voids all
        timed.append(watched_s)
        windows.checked()
    energy, disturbed, each_j = windows.closed()
    after = probe.health()
    merit = series[prepared.workload.metrics[0].name]
    flags = stopping.flags(merit, min(timed), clock.resolution_s, overhead_s / min(timed))
    return Measurement(
        series={name: tuple(values) for name, values in series.items()} | each_j,
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


_WATCH = 1e-6  # share by which a trial may tell another time than its watch


class Windows:
    """Watches a device during trials: each alone where it is long enough for the sensor, so that no check is in it, else all.

    Where their watches are what counts, a window is as long as the watch was open the last time.
    """

    def __init__(self, probe: Probe, watches: bool) -> None:
        self._probe, self._each = probe, list[Energy]()
        self._disturbed: dict[str, float] = {}
        self._open = not watches
        self._long: bool | None = True if watches else None
        self._last: tuple[Energy, dict[str, float]] | None = None
        self.around: Callable[[], AbstractContextManager[None]] = self._around if watches else nullcontext
        if self._open:
            probe.start()

    @contextmanager
    def _around(self) -> Iterator[None]:
        self._probe.start()
        yield
        self._last = self._probe.stop()

    def after(self, trial_s: float) -> None:
        """Close the window after a trial, where the first was long enough."""
        self._long = 0 < self._probe.window_s <= trial_s if self._long is None else self._long
        if self._last:
            self._keep(*self._last)
        elif self._long:
            self._close()

    def checked(self) -> None:
        """Open the next one after the check."""
        if not (self._open or self._last):
            self._probe.start()
            self._open = True

    def closed(self) -> tuple[Energy, dict[str, float], dict[str, tuple[float, ...]]]:
        """Return the energy of all, what disturbed it, and as a series that of each trial where each had a window."""
        if not self._long:
            self._close()
            return self._each[0], self._disturbed, {}
        if self._open:
            self._probe.stop()
        each_j = tuple(one.j for one in self._each if one.j is not None)
        known = len(each_j) == len(self._each)
        return reduce(_together, self._each), self._disturbed, {"energy_j": each_j} if known else {}

    def _close(self) -> None:
        self._keep(*self._probe.stop())
        self._open = False

    def _keep(self, energy: Energy, disturbed: dict[str, float]) -> None:
        self._each.append(energy)
        self._disturbed |= {name: max(value, self._disturbed.get(name, 0.0)) for name, value in disturbed.items()}


def _together(a: Energy, b: Energy) -> Energy:
    """Return the energy of two windows: what is not known of one is not known of both."""
    j = None if a.j is None or b.j is None else a.j + b.j
    error_j = None if a.error_j is None or b.error_j is None else a.error_j + b.error_j
    return replace(a, j=j, window_s=a.window_s + b.window_s, error_j=error_j, reason=a.reason or b.reason)


def _taken(prepared: Prepared, number: int, around: Callable[[], AbstractContextManager[None]]) -> tuple[Trial, float]:
    """Return a trial and the seconds under its watch.

    Raises NgtBenchError where it does not give what the workload declares, or what it gives was not measured.
    """
    watch = Stopwatch(prepared.backend, around)
    trial: Trial = prepared.run(number, watch)
    where, declared = f"{prepared.case.id}: trial {number}", [metric.name for metric in prepared.workload.metrics]
    if set(trial.metrics) != set(declared):
        raise NgtBenchError(f"{where} gave {sorted(trial.metrics)}, the workload declares {declared}")
    bad = [f"{name} = {value}" for name, value in trial.metrics.items() if not math.isfinite(value)]
    if bad:
        raise NgtBenchError(f"{where} gave {', '.join(bad)}: nothing that can be measured")
    if not 0 < watch.spent_s < math.inf:
        raise NgtBenchError(f"{where} took {watch.spent_s} s by its watch: it was never opened, or the timer went back")
    told_s = trial.metrics.get("wall_s", watch.spent_s)
    if abs(told_s - watch.spent_s) > _WATCH * watch.spent_s:
        raise NgtBenchError(f"{where} says wall_s = {told_s}, by its watch it took {watch.spent_s} s")
    return trial, watch.spent_s


def _empty_watch(backend: Backend) -> float:
    watch = Stopwatch(backend)
    with watch():
        pass
    return watch.spent_s
