"""Clocks, devices and runs for tests of the stopwatch: nothing here takes the time it says."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ngtbench.backends.numpy import HostBackend
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
    """Says each call took what the next cost says; `run` is called once however many calls are asked for."""

    name = "fake"

    def __init__(self, costs_s: Callable[[], float], resolution_s: float = 1e-9, **more: Any) -> None:
        self.costs_s, self.resolution_s, self.more = costs_s, resolution_s, more
        self.asked: list[int] = []

    def time(self, run: Callable[[], Any], calls: int) -> Timing:
        self.asked.append(calls)
        return Timing(wall_s=self.costs_s() * calls, device_s=None, outputs=run(), **self.more)


class CoarseClock:
    """A timer that moves by whole steps; every call of `run` takes `call_s`."""

    name = "coarse"

    def __init__(self, resolution_s: float, call_s: float) -> None:
        self.resolution_s, self.call_s, self.now_s = resolution_s, call_s, 0.0
        self.longest_s = 0.0

    def time(self, run: Callable[[], Any], calls: int) -> Timing:
        start_s, outputs = self.now_s, run()
        self.now_s += calls * self.call_s
        self.longest_s = max(self.longest_s, calls * self.call_s)
        steps = self.now_s // self.resolution_s - start_s // self.resolution_s
        return Timing(wall_s=steps * self.resolution_s, device_s=None, outputs=outputs)


class FakeTime:
    """Stands in for the module `time`: moves only when told, or by `tick_s` whenever it is read."""

    CLOCK_MONOTONIC_RAW = 4

    def __init__(self, tick_s: float = 0.0) -> None:
        self.now_s, self.tick_s = 0.0, tick_s

    def perf_counter(self) -> float:
        self.now_s += self.tick_s
        return self.now_s

    def perf_counter_ns(self) -> int:
        return round(1e9 * self.perf_counter())

    def clock_gettime(self, clock: int) -> float:
        return self.now_s


def prepared(name: str = "system/triad", clock: Any = None, impl: str = "numpy", **changes: Any) -> Prepared:
    """Return a case of size XS on the CPU, ready to be timed by this clock."""
    ready = prepare(Case(name, 1, "XS", impl, "float64"), Resources("cpu:0", 1, False), 1)
    backend = HostBackend("numpy", "cpu:0")
    backend.clock = clock or ready.backend.clock
    return replace(ready, backend=backend, **changes)
